"""Reads and writes PLY files: 3DGS splats, point clouds, meshes. Written as binary little endian; text is read too."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.mesh import Mesh
from gsn_perception.geometry.reconstruction import Points
from gsn_perception.io.atomic import atomic_write
from gsn_perception.io.splat_values import SH_C0

if TYPE_CHECKING:
    import torch

    from gsn_perception.geometry.gaussians import Gaussians

_TYPES = {"<f4": "float", "|u1": "uchar", "<i4": "int"}
_READ = {
    "float": "<f4", "float32": "<f4", "double": "<f8", "float64": "<f8", "uchar": "u1", "uint8": "u1",
    "char": "i1", "int8": "i1", "short": "<i2", "int16": "<i2", "ushort": "<u2", "uint16": "<u2",
    "int": "<i4", "int32": "<i4", "uint": "<u4", "uint32": "<u4",
}  # fmt: skip
_ORDERS: dict[str, Literal["<", ">", "="]] = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_SPLAT = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
_SPLAT += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
_SPLAT_NEEDED = [name for name in _SPLAT if name not in ("nx", "ny", "nz")]


def write_gaussians_ply(path: str | Path, gaussians: Gaussians) -> None:
    """Write an unbatched splat with the field names and encodings of 3D Gaussian Splatting.

    Colours become degree-0 spherical harmonics, opacities logits, scales logarithms, rotations wxyz; ``confidence``
    is an additional column if there is one.
    """
    if gaussians.opacities.dim() != 1:
        raise InputError("a PLY holds one splat; index the batch first")
    values = {name: _array(getattr(gaussians, name)) for name in ("means", "scales", "quats", "colors", "opacities")}
    opacity = np.clip(values["opacities"], 1e-6, 1 - 1e-6)
    columns = np.concatenate(
        [
            values["means"],
            np.zeros_like(values["means"]),
            (values["colors"] - 0.5) / SH_C0,
            np.log(opacity / (1 - opacity))[:, None],
            np.log(np.maximum(values["scales"], 1e-12)),
            values["quats"],
        ],
        axis=1,
    )
    names = list(_SPLAT)
    if gaussians.confidence is not None:
        names.append("confidence")
        columns = np.concatenate([columns, _array(gaussians.confidence)[:, None]], axis=1)
    table = np.ascontiguousarray(columns.astype("<f4")).view([(name, "<f4") for name in names])[:, 0]
    _write(path, [("vertex", table)])


def read_gaussians_ply(path: str | Path) -> Gaussians:
    """Read a splat of this package or of another 3DGS tool; view-dependent colour (f_rest) is ignored.

    Raises:
        InputError: the file is missing, no PLY, cut short, or holds no splat.
    """
    import torch

    from gsn_perception.geometry.gaussians import Gaussians

    table = _read_vertices(path)
    names = table.dtype.names or ()
    missing = [name for name in _SPLAT_NEEDED if name not in names]
    if missing:
        raise InputError(f"{path} holds no splat: it lacks {', '.join(missing)}; give a 3DGS PLY")
    confidence = _stack(table, ["confidence"])[:, 0] if "confidence" in names else None
    return Gaussians(
        means=torch.from_numpy(_stack(table, ["x", "y", "z"])),
        scales=torch.from_numpy(np.exp(_stack(table, [f"scale_{i}" for i in range(3)]))),
        quats=torch.from_numpy(_stack(table, [f"rot_{i}" for i in range(4)])),
        colors=torch.from_numpy(np.clip(_stack(table, [f"f_dc_{i}" for i in range(3)]) * SH_C0 + 0.5, 0, 1)),
        opacities=torch.sigmoid(torch.from_numpy(_stack(table, ["opacity"])[:, 0])),
        confidence=None if confidence is None else torch.from_numpy(confidence.copy()),
    )


def write_points_ply(path: str | Path, points: Points) -> None:
    """Write a point cloud: position, normal, 8-bit colour, confidence (1 observed ... 0 completed)."""
    table = _surface_table(points.xyz, points.normals, points.colors, points.confidence)
    _write(path, [("vertex", table)])


def read_points_ply(path: str | Path) -> Points:
    """Read a point cloud; missing normals become 0, missing colours grey, missing confidence 1.

    Raises:
        InputError: the file is missing, no PLY, cut short, or has no positions.
    """
    table = _read_vertices(path)
    names = set(table.dtype.names or ())
    if not {"x", "y", "z"} <= names:
        raise InputError(f"{path} has no x, y, z; give a point cloud")
    xyz = _stack(table, ["x", "y", "z"])
    coloured = {"red", "green", "blue"} <= names
    colors = _stack(table, ["red", "green", "blue"]) if coloured else np.full_like(xyz, 127.5)
    if not coloured or table.dtype["red"].kind == "u":
        colors = colors / np.float32(255)
    normals = _stack(table, ["nx", "ny", "nz"]) if {"nx", "ny", "nz"} <= names else np.zeros_like(xyz)
    confidence = _stack(table, ["confidence"])[:, 0] if "confidence" in names else np.ones(len(xyz), np.float32)
    return Points(xyz, colors, normals, confidence)


def write_mesh_ply(path: str | Path, mesh: Mesh) -> None:
    """Write a mesh with normals (computed if missing) and, if present, vertex colours and confidence."""
    mesh = mesh if mesh.normals is not None else mesh.with_vertex_normals()
    vertices = _surface_table(mesh.vertices, mesh.normals, mesh.colors, mesh.confidence)
    faces = np.empty(len(mesh.faces), dtype=[("count", "u1"), ("index", "<i4", (3,))])
    faces["count"], faces["index"] = 3, mesh.faces
    _write(path, [("vertex", vertices), ("face", faces)])


def _surface_table(
    xyz: np.ndarray, normals: np.ndarray | None, colors: np.ndarray | None, confidence: np.ndarray | None
) -> np.ndarray:
    """Rows of x y z nx ny nz [red green blue] [confidence]."""
    parts: list[tuple[list[str], str, np.ndarray | None]] = [
        (["x", "y", "z"], "<f4", xyz),
        (["nx", "ny", "nz"], "<f4", normals),
        (["red", "green", "blue"], "u1", None if colors is None else np.round(np.clip(colors, 0, 1) * 255)),
        (["confidence"], "<f4", None if confidence is None else confidence[:, None]),
    ]
    kept = [(names, kind, values) for names, kind, values in parts if values is not None]
    table = np.empty(len(xyz), dtype=[(name, kind) for names, kind, _ in kept for name in names])
    for names, _, values in kept:
        for column, name in enumerate(names):
            table[name] = values[:, column]
    return table


def _write(path: str | Path, elements: list[tuple[str, np.ndarray]]) -> None:
    header = ["ply", "format binary_little_endian 1.0", "comment gsn_perception, metres"]
    for name, table in elements:
        header.append(f"element {name} {len(table)}")
        if name == "face":
            header.append("property list uchar int vertex_indices")
            continue
        header += [f"property {_TYPES[table.dtype[column].str]} {column}" for column in table.dtype.names or ()]
    header.append("end_header\n")
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        for _, table in elements:
            file.write(table.tobytes())


def _read_vertices(path: str | Path) -> np.ndarray:
    """The vertex element, which must come first, as a structured array."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot read {path} ({reason}); check the path") from None
    mark = re.search(rb"end_header\r?\n", data)
    lines = [] if mark is None else data[: mark.start()].decode("ascii", "replace").splitlines()
    kinds = [words[1] for words in map(str.split, lines[:4]) if words[:1] == ["format"] and len(words) > 1]
    if mark is None or lines[0].strip() != "ply" or not kinds or kinds[0] not in _ORDERS:
        raise InputError(f"{path} is no PLY file; export it in that format")
    count, columns = _vertex_columns(lines, path)
    dtype = np.dtype(columns).newbyteorder(_ORDERS[kinds[0]])
    table = _ascii_rows(data[mark.end() :], count, dtype) if kinds[0] == "ascii" else None
    if table is None and kinds[0] != "ascii" and columns and count * dtype.itemsize <= len(data) - mark.end():
        table = np.frombuffer(data, dtype=dtype, count=count, offset=mark.end())
    if table is None:
        raise InputError(f"{path} is cut short: {count} vertices announced; copy or export it again")
    return table


def _vertex_columns(lines: list[str], path: str | Path) -> tuple[int, list[tuple[str, str]]]:
    """The number of vertices in a header, and their columns with types."""
    count, columns, element = 0, list[tuple[str, str]](), ""
    for words in (line.split() for line in lines):
        if words[:1] == ["element"]:
            if element == "vertex":
                break
            element, count = words[1], int(words[2])
        elif words[:1] == ["property"] and element == "vertex" and words[1] in _READ:
            columns.append((words[2], _READ[words[1]]))
        elif words[:1] == ["property"]:
            raise InputError(f"{path}: element {element} is not understood; the vertices must come first")
    return count, columns


def _ascii_rows(body: bytes, count: int, dtype: np.dtype) -> np.ndarray | None:
    """The first lines of an ASCII PLY's body as rows; None if there are too few or they are not numbers."""
    rows = [tuple(line.split()) for line in islice((raw for raw in body.splitlines() if raw.strip()), count)]
    if not dtype.names or len(rows) < count or any(len(row) != len(dtype.names) for row in rows):
        return None
    try:
        return np.array([tuple(map(float, row)) for row in rows], dtype=dtype)
    except ValueError:
        return None


def _stack(table: np.ndarray, names: list[str]) -> np.ndarray:
    return np.stack([table[name].astype(np.float32) for name in names], axis=1)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float64)
