"""Reads mesh files (PLY, OBJ, STL, OFF, GLB, 3MF, DAE) and checks their size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from typing import Literal

import numpy as np

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.mesh import Mesh

Unit = Literal["m", "cm", "mm", "inch"]
METRES: dict[Unit, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
_LIKELY = (0.004, 2.0)  # metres, longest side of an object that a gripper may hold
_PACKAGES = {"collada": "pycollada"}
_NO_MESHES = {
    (
        ".urdf",
        ".sdf",
        ".xacro",
        ".srdf",
        ".world",
        ".xml",
    ): "describes a robot or world; give a mesh file that it names",
    (".step", ".stp", ".iges", ".igs", ".fcstd", ".sldprt"): "is a CAD model without triangles; export it as STL in mm",
    (".usd", ".usda", ".usdc", ".usdz", ".blend", ".fbx", ".3ds", ".max"): "can't be read; export it as GLB or OBJ",
    (".pcd", ".xyz", ".las", ".e57", ".pts", ".splat"): "holds points without faces; give a triangle mesh",
    (".yaml", ".yml", ".json", ".png", ".jpg", ".npz", ".npy"): "is no mesh; give a PLY, OBJ, STL or GLB file",
}


def read_mesh(path: str | Path, *, unit: Unit | None = None) -> Mesh:
    """A mesh in metres from PLY, OBJ, STL, OFF, GLB, 3MF, DAE or any other format of trimesh, in the file's own axes.

    Several parts are joined; textures become vertex colours; a ``confidence`` column of our own PLY files is kept.

    Args:
        path: The file.
        unit: Unit of its numbers; by default that of the file (3MF, DAE and GLB state one), else metres.

    Raises:
        InputError: the file is missing, empty, corrupt, of an unknown format, has no faces, or its reader is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"cannot read mesh {path} (no such file); check the path")
    if not path.stat().st_size:
        raise InputError(f"mesh {path} is empty; export it again")
    _check_head(path)
    loaded, scale = _load(path)
    faces = getattr(loaded, "faces", None)
    if faces is None or not len(faces):
        raise InputError(f"mesh {path} has no faces (points, a splat, or a file cut short); give a whole triangle mesh")
    vertices = np.asarray(loaded.vertices, dtype=np.float64) * (scale if unit is None else METRES[unit])
    if not np.isfinite(vertices).all():
        raise InputError(f"mesh {path} has vertices that are not finite; export it again")
    return Mesh(vertices, np.asarray(faces), _colors(loaded), None, _confidence(loaded, len(vertices)))


def check_size(mesh: Mesh, path: str | Path, unit: Unit | None = None) -> None:
    """Refuse an object whose size does not suit any gripper.

    Args:
        mesh: As read, metres.
        path: Its file.
        unit: The unit it was read with.

    Raises:
        InputError: it is longer than 2 m or shorter than 4 mm; the sentence names units that give a likely size.
    """
    low, high = _LIKELY
    sides = np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0)
    if low <= sides.max() <= high:
        return
    read_as = 1.0 if unit is None else METRES[unit]
    longest = {name: float(sides.max()) / read_as * metres for name, metres in METRES.items() if metres != read_as}
    likely = [f"--unit {name} ({length:.3g} m long)" for name, length in longest.items() if low <= length <= high]
    cure = f"if its numbers are no metres, give {' or '.join(likely)}" if likely else "scale it to metres"
    raise InputError(f"mesh {path} measures {size_text(mesh)}; {cure}")


def size_text(mesh: Mesh) -> str:
    """The sides of the bounding box, e.g. ``0.05 x 0.06 x 0.12 m``."""
    sides = np.ptp(mesh.vertices[np.unique(mesh.faces)], axis=0)
    return " x ".join(f"{side:.3g}" for side in sides) + " m"


def _check_head(path: Path) -> None:
    """Refuse Git LFS pointers, web pages and files whose suffix is not of a mesh."""
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if head.startswith(b"version https://git-lfs"):
        raise InputError(f"mesh {path} is a Git LFS pointer, not the mesh; run `git lfs pull` where it came from")
    if head.startswith((b"<!doctype html", b"<html")):
        raise InputError(f"mesh {path} is a web page, not a mesh; download the file itself")
    why = next((why for suffixes, why in _NO_MESHES.items() if path.suffix.lower() in suffixes), None)
    if why is not None:
        raise InputError(f"{path} {why}")


def _load(path: Path) -> tuple[Any, float]:
    """The file as one trimesh mesh, and metres per unit."""
    import trimesh  # imported late, so that other parts of io need no mesh library

    try:
        scene = trimesh.load_scene(path, process=False)
        units = {u for u in (geometry.units for geometry in scene.geometry.values()) if u}
        loaded = scene.to_mesh() if scene.geometry else None
        factors = {trimesh.units.unit_conversion(_plural(unit), "meters") for unit in units}
    except Exception as error:  # trimesh's readers raise exceptions of any type on damaged files
        missing = _missing_package(error)
        if missing:
            raise InputError(f"reading {path.suffix} meshes needs {missing}: run `pip install {missing}`") from None
        raise InputError(f"mesh {path} is corrupt or of an unknown format ({_line(error)}); export it as PLY") from None
    return loaded, max(factors, default=1.0)


def _plural(unit: str) -> str:
    """A unit name of 3MF in the plural form of trimesh's table."""
    return unit if unit.endswith("s") or "*" in unit or unit in ("foot", "inch") else f"{unit}s"


def _missing_package(error: Exception) -> str:
    """The package that is missing according to an error, or an empty string."""
    told = re.search(r"(?:pip install |No module named ')([\w-]+)", str(error))
    name = (getattr(error, "name", None) or (told[1] if told else "")).partition(".")[0]
    return _PACKAGES.get(name, name)


def _colors(loaded) -> np.ndarray | None:  # noqa: ANN001
    """[V,3] in [0, 1] from vertex colours or a texture; None if the file has neither."""
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
    names = raw if isinstance(raw, dict) else getattr(getattr(raw, "dtype", None), "names", None) or ()  # ASCII, binary
    if raw is None or "confidence" not in names:
        return None
    found = np.asarray(raw["confidence"], dtype=np.float32).reshape(-1)
    return found if len(found) == count else None


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
