"""Loads textured objects from folders of OBJ, PLY, STL and GLB files."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.textured_mesh import SHAPES
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.looks.textured_mesh import shape_class

SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf")
_ANONYMOUS = {"model", "mesh", "textured", "object"}
_Y_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=np.float32)  # glTF's y up to z up


def load_meshes(
    folder: Path, *, splits: Collection[str] | None = None, limit: int | None = None
) -> tuple[list[TexturedMesh], list[tuple[Path, str]]]:
    """Every object in ``folder`` and below, resting on z = 0, centred in x and y.

    Args:
        folder: Holds OBJ, PLY, STL or GLB files in metres, z up (GLB: y up, as its standard says).
        splits: First-level folders to use, e.g. ("train",); all by default.
        limit: Largest number of objects.

    Returns:
        The objects in the order of their paths, and the unreadable files with reasons; each of them also gives a
        warning.

    Raises:
        InputError: the folder does not exist or holds no readable object.
    """
    objects: list[TexturedMesh] = []
    skipped: list[tuple[Path, str]] = []
    for source in mesh_sources(folder, splits=splits):
        if limit is not None and len(objects) >= limit:
            break
        try:
            objects.append(source())
        except InputError as error:
            skipped.append((source.args[0], str(error)))
            warnings.warn(f"skipped {source.args[0]}: {error}", stacklevel=2)
    if not objects:
        raise InputError(f"no readable object in {folder}; give a folder of OBJ, PLY, STL or GLB files")
    return objects, skipped


def mesh_sources(folder: Path, *, splits: Collection[str] | None = None) -> list[partial[TexturedMesh]]:
    """Picklable calls that load one object each, in the order of their paths.

    Raises:
        InputError: the folder does not exist or holds no object file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"no folder {folder}; give a folder of OBJ, PLY, STL or GLB files")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if splits is not None:
        paths = [p for p in paths if p.relative_to(folder).parts[0] in splits]
    if not paths:
        which = "" if splits is None else f" under {', '.join(splits)}"
        raise InputError(f"no object in {folder}{which}; give a folder of OBJ, PLY, STL or GLB files")
    shapes = _manifest_shapes(folder)
    return [partial(load_mesh, p, shape=shapes.get(object_name(p))) for p in paths]


def load_mesh(path: Path, *, shape: str | None = None) -> TexturedMesh:
    """One object file, resting on z = 0, centred in x and y.

    Args:
        path: OBJ, PLY, STL or GLB.
        shape: Its shape class if known; else computed from volume and convex hull.

    Raises:
        InputError: the file is missing, damaged or holds no triangles.
    """
    path = Path(path)
    try:
        loaded: Any = trimesh.load(path, process=False, force="mesh")
        vertices, faces = np.asarray(loaded.vertices, np.float32), np.asarray(loaded.faces)
    except Exception as error:  # trimesh's readers raise exceptions of any type
        raise InputError(f"cannot read mesh file {path}: {type(error).__name__}: {error}") from None
    if not len(faces) or not np.isfinite(vertices).all() or np.ptp(vertices, axis=0).max() <= 0:
        raise InputError(f"mesh file {path} holds no finite triangles; export it again or leave it out")
    try:
        item = _item(object_name(path), vertices, faces, loaded.visual)
    except Exception as error:  # reading materials raises exceptions of any type
        raise InputError(f"cannot read texture of mesh file {path}: {type(error).__name__}: {error}") from None
    if path.suffix.lower() in (".glb", ".gltf"):
        item = replace(item, mesh=replace(item.mesh, vertices=item.mesh.vertices @ _Y_UP.T))
    known = next((s for s in SHAPES if s == shape), None)
    return replace(item, shape=known or shape_class(item.mesh)).recentred()


def _item(name: str, vertices: np.ndarray, faces: np.ndarray, visual: Any) -> TexturedMesh:
    """A textured mesh; merges vertices that differ only in texture coordinates, drops degenerate faces."""
    unique, index = np.unique(vertices, axis=0, return_inverse=True)
    merged = index.reshape(-1)[faces]
    real = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    texture = _texture(visual)
    if texture is not None:
        uv = np.asarray(visual.uv, dtype=np.float32)[faces[real]]
        return TexturedMesh(name, Mesh(unique, merged[real]), np.nan_to_num(uv), texture)
    colors = _vertex_colors(visual, vertices, faces)
    if colors is None:
        return TexturedMesh(name, Mesh(unique, merged[real]))
    # vertex colours may differ at one place: keep the file's own vertices
    return TexturedMesh(name, Mesh(vertices, faces[real], colors=colors))


def _texture(visual: Any) -> np.ndarray | None:
    """[h,w,3] uint8 or None."""
    if getattr(visual, "kind", None) != "texture" or visual.uv is None:
        return None
    material = visual.material
    image = getattr(material, "image", None)
    if image is None:
        image = getattr(material, "baseColorTexture", None)
    if image is None:
        color = np.asarray(material.main_color, dtype=np.uint8)[:3]
        return np.tile(color, (1, 1, 1))
    return np.ascontiguousarray(np.asarray(image.convert("RGB"), dtype=np.uint8))


def _vertex_colors(visual: Any, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray | None:
    """[V,3] float32 in [0, 1], or None if the file has no colours."""
    if getattr(visual, "kind", None) not in ("vertex", "face"):
        return None
    colors = np.asarray(visual.vertex_colors, dtype=np.float32)[:, :3] / 255.0
    return colors if len(colors) == len(vertices) else None


def object_name(path: Path) -> str:
    """The file's name, or that of its folder if the file has a generic name such as ``model``."""
    return path.parent.name if path.stem.lower() in _ANONYMOUS else path.stem


def _manifest_shapes(folder: Path) -> dict[str, str]:
    """Shape classes by name from a ``manifest.csv`` in the folder or up to two above."""
    for place in (folder, folder.parent, folder.parent.parent):
        manifest = place / "manifest.csv"
        if manifest.is_file():
            with manifest.open(newline="", encoding="utf-8") as file:
                return {row["name"]: row["shape"] for row in csv.DictReader(file) if "name" in row and "shape" in row}
    return {}
