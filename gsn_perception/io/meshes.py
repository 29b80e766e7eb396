"""Meshes from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.mesh import Mesh


def read_mesh(path: str | Path) -> Mesh:
    """A mesh from PLY, OBJ, STL, GLB or whatever else trimesh reads, in the file's units (metres are expected).

    Several parts are joined; textures become vertex colours; a ``confidence`` column of our own PLY files is kept.

    Raises:
        InputError: the file is missing, corrupt, of an unknown format or has no faces.
    """
    import trimesh  # here, so that the light parts of io need no mesh library

    path = Path(path)
    if not path.is_file():
        raise InputError(f"cannot read mesh {path} (no such file); check the path")
    try:
        loaded = trimesh.load_mesh(path, process=False)
    except Exception as error:  # trimesh's readers raise whatever the damage makes them trip over
        raise InputError(f"mesh {path} is corrupt or of an unknown format ({_line(error)}); export it as PLY") from None
    faces = getattr(loaded, "faces", None)
    if faces is None or not len(faces):
        raise InputError(f"mesh {path} has no faces; give a triangle mesh")
    vertices = np.asarray(loaded.vertices)
    if not np.isfinite(vertices).all():
        raise InputError(f"mesh {path} has vertices that are not finite; export it again")
    return Mesh(vertices, np.asarray(faces), _colors(loaded), None, _confidence(loaded, len(vertices)))


def _colors(loaded) -> np.ndarray | None:  # noqa: ANN001
    """[V,3] in [0, 1] from vertex colours or a texture, None where the file has neither."""
    visual = loaded.visual
    if not visual.defined:
        return None
    colors = np.asarray(visual.to_color().vertex_colors if visual.kind == "texture" else visual.vertex_colors)
    if colors.shape[0] != len(loaded.vertices):
        return None
    return colors[:, :3].astype(np.float32) / 255


def _confidence(loaded, count: int) -> np.ndarray | None:  # noqa: ANN001
    """[V] from the raw PLY columns, None elsewhere."""
    raw = (loaded.metadata or {}).get("_ply_raw", {}).get("vertex", {}).get("data")
    if raw is None or "confidence" not in (raw.dtype.names or ()) or len(raw) != count:
        return None
    return np.asarray(raw["confidence"], dtype=np.float32).reshape(-1)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
