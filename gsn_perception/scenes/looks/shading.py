"""Numba kernels for shading ray hits: normals, texture lookup, Lambert and Blinn-Phong."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit


class Hits(NamedTuple):
    """First hits of N rays as reported by Open3D; where ``depth`` is infinite the other values are undefined."""

    depth: np.ndarray  # [N] ray parameter
    owner: np.ndarray  # [N] object index
    primitive: np.ndarray  # [N] face within the object
    bary: np.ndarray  # [N, 2] weights of the face's second and third corner
    directions: np.ndarray  # [N, 3] world


class Tables(NamedTuple):
    """Attributes of the faces of all objects (F faces in total, G objects), concatenated by object."""

    first: np.ndarray  # [G] an object's first face
    flat_normals: np.ndarray  # [F, 3]
    normals: np.ndarray  # [F, 3, 3] of the corners
    colors: np.ndarray  # [F, 3, 3] of the corners, 0..255
    uv: np.ndarray  # [F, 3, 2] of the corners
    texels: np.ndarray  # [T, 3] uint8, all textures row by row
    sizes: np.ndarray  # [G, 2] height and width of an object's texture, 0 without one
    starts: np.ndarray  # [G] an object's first texel


class Lamp(NamedTuple):
    """The parameters of a :class:`~gsn_perception.scenes.looks.lighting.Lighting`."""

    ambient: float
    diffuse: float
    headlight: float
    specular: float
    shininess: float
    direction: np.ndarray  # [3]
    tint: np.ndarray  # [3]


@njit(cache=True, nogil=True)
def facing_normals(tables: Tables, hits: Hits) -> np.ndarray:
    """[N,3] float32 unit shading normals, turned to the eye; zero where nothing is hit."""
    out = np.zeros((hits.depth.shape[0], 3), np.float32)
    for i in range(out.shape[0]):
        if not np.isfinite(hits.depth[i]):
            continue
        face = tables.first[hits.owner[i]] + hits.primitive[i]
        d, flat, corner = hits.directions[i], tables.flat_normals[face], tables.normals[face]
        u, v = hits.bary[i, 0], hits.bary[i, 1]
        w = np.float32(1) - u - v
        x = w * corner[0, 0] + u * corner[1, 0] + v * corner[2, 0]
        y = w * corner[0, 1] + u * corner[1, 1] + v * corner[2, 1]
        z = w * corner[0, 2] + u * corner[1, 2] + v * corner[2, 2]
        length = max(np.sqrt(x * x + y * y + z * z), np.float32(1e-9))
        if flat[0] * d[0] + flat[1] * d[1] + flat[2] * d[2] > 0:
            length = -length
        out[i, 0], out[i, 1], out[i, 2] = x / length, y / length, z / length
    return out


@njit(cache=True, nogil=True)
def _albedo(tables: Tables, owner: int, face: int, w: float, u: float, v: float, out: np.ndarray) -> None:
    """Texture colour (bilinear, wrapping) or corner colours, into ``out`` [3] in 0..255."""
    height, width = tables.sizes[owner, 0], tables.sizes[owner, 1]
    if height == 0:
        colors = tables.colors[face]
        for c in range(3):
            out[c] = w * colors[0, c] + u * colors[1, c] + v * colors[2, c]
        return
    uv = tables.uv[face]
    x = (w * uv[0, 0] + u * uv[1, 0] + v * uv[2, 0]) * width - 0.5
    y = (1.0 - (w * uv[0, 1] + u * uv[1, 1] + v * uv[2, 1])) * height - 0.5
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    c0, r0 = int(left) % width, int(top) % height
    c1, r1 = (c0 + 1) % width, (r0 + 1) % height
    start, texels = tables.starts[owner], tables.texels
    for c in range(3):
        upper = texels[start + r0 * width + c0, c] * (1 - fx) + texels[start + r0 * width + c1, c] * fx
        lower = texels[start + r1 * width + c0, c] * (1 - fx) + texels[start + r1 * width + c1, c] * fx
        out[c] = upper * (1 - fy) + lower * fy


@njit(cache=True, nogil=True)
def shade(tables: Tables, lamp: Lamp, hits: Hits, normals: np.ndarray, lit: np.ndarray, out: np.ndarray) -> None:
    """Colours in [0, 255] at the hits.

    Args:
        tables: Tables of the scene.
        lamp: The light.
        hits: Hits of N rays.
        normals: [N,3] from :func:`facing_normals`.
        lit: [N] bool, False in the lamp's shadow; of length 0 if shadows are off.
        out: [N,3] float32, written where something is hit.
    """
    albedo = np.zeros(3, np.float32)
    for i in range(hits.depth.shape[0]):
        if not np.isfinite(hits.depth[i]):
            continue
        u, v = hits.bary[i, 0], hits.bary[i, 1]
        owner = int(hits.owner[i])
        _albedo(tables, owner, tables.first[owner] + hits.primitive[i], 1 - u - v, u, v, albedo)
        n, d = normals[i], hits.directions[i]
        inverse = -1.0 / np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
        ex, ey, ez = d[0] * inverse, d[1] * inverse, d[2] * inverse  # to the eye
        lx, ly, lz = lamp.direction[0], lamp.direction[1], lamp.direction[2]
        towards = max(n[0] * lx + n[1] * ly + n[2] * lz, 0.0)
        if lit.shape[0] > 0 and not lit[i]:
            towards = 0.0
        head = max(n[0] * ex + n[1] * ey + n[2] * ez, 0.0)
        strength = lamp.ambient + lamp.diffuse * towards + lamp.headlight * head
        gloss = 0.0
        if lamp.specular > 0 and towards > 0:
            hx, hy, hz = ex + lx, ey + ly, ez + lz
            cosine = (n[0] * hx + n[1] * hy + n[2] * hz) / max(np.sqrt(hx * hx + hy * hy + hz * hz), 1e-9)
            gloss = 255 * lamp.specular * max(cosine, 0.0) ** lamp.shininess
        for c in range(3):
            out[i, c] = min(max((albedo[c] * strength + gloss) * lamp.tint[c], 0.0), 255.0)
