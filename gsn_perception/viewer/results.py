"""Reads an output folder of ``gsn reconstruct`` or ``gsn demo`` for the viewer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.io import read_gaussians_ply
from gsn_perception.io import read_grasps_json
from gsn_perception.io import read_mesh
from gsn_perception.io import read_points_ply

FILES = ("gaussians.ply", "points.ply", "mesh.ply", "grasps.json")
REPORT = "report.json"
_UP = np.array([0.0, -1.0, 0.0])  # of a camera that is held upright


@dataclass(frozen=True, slots=True)
class Note:
    """The entry of one object in the report.

    Attributes:
        label: Its value in the mask.
        text: The source of its scale, or the reason of its refusal.
        remarks: One sentence each.
        triangles: Number of triangles of its mesh; 0 where it was refused.
    """

    label: int
    text: str
    remarks: tuple[str, ...] = ()
    triangles: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """The parts of an output folder; None or empty where a file is missing.

    Attributes:
        gaussians: The splat, metres.
        points: The point cloud.
        mesh: The mesh.
        grasps: Best first.
        plane: The support plane, where the report contains one.
        notes: The report's entry of each object.
        gripper: Name of the gripper used for planning, empty where unknown.
    """

    gaussians: Gaussians | None
    points: Points | None
    mesh: Mesh | None
    grasps: list[Grasp]
    plane: Plane | None = None
    notes: tuple[Note, ...] = ()
    gripper: str = ""

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Read the files of a folder.

        Raises:
            InputError: the folder is missing, contains none of the files, or one of them is damaged.
        """
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; give the --out folder of gsn reconstruct or gsn demo")
        there = {name: folder / name for name in (*FILES, REPORT) if (folder / name).is_file()}
        if not set(there) & set(FILES):
            raise InputError(f"{folder} holds none of {', '.join(FILES)}; give the --out folder of gsn reconstruct")
        plane, notes, gripper = _report(there[REPORT]) if REPORT in there else (None, (), "")
        return cls(
            gaussians=read_gaussians_ply(there["gaussians.ply"]) if "gaussians.ply" in there else None,
            points=read_points_ply(there["points.ply"]) if "points.ply" in there else None,
            mesh=read_mesh(there["mesh.ply"]) if "mesh.ply" in there else None,
            grasps=_grasps(there["grasps.json"]) if "grasps.json" in there else [],
            plane=plane,
            notes=notes,
            gripper=gripper,
        )

    @property
    def up(self) -> np.ndarray:
        """[3] against gravity: the plane's normal, or up in the image where no plane is known."""
        return _UP if self.plane is None else self.plane.normal

    def extent(self) -> np.ndarray:
        """[N,3] points that a view of the objects should show, metres; TCPs of the grasps where there is nothing else."""
        if self.mesh is not None:
            return self.mesh.vertices[np.unique(self.mesh.faces)].astype(np.float64)
        if self.points is not None and len(self.points):
            return self.points.xyz.astype(np.float64)
        if self.gaussians is not None and len(self.gaussians):
            means = self.gaussians.means.numpy().astype(np.float64)
            low, high = np.percentile(means, [1, 99], axis=0)
            return np.clip(means, low, high)  # ignore outliers
        return np.array([grasp.T_frame_tcp[:3, 3] for grasp in self.grasps]).reshape(-1, 3)

    def parts(self) -> dict[int, Mesh]:
        """The mesh of each object by label, where the report has matching triangle counts; else the whole mesh under -1."""
        if self.mesh is None:
            return {}
        counts = [note.triangles for note in self.notes]
        if sum(counts) != len(self.mesh.faces):
            return {-1: self.mesh}
        ends = np.cumsum(counts)
        cut = {n.label: self.mesh.faces[end - n.triangles : end] for n, end in zip(self.notes, ends, strict=True)}
        return {label: _of_faces(self.mesh, faces) for label, faces in cut.items() if len(faces)}


def _of_faces(mesh: Mesh, faces: np.ndarray) -> Mesh:
    rows, renamed = np.unique(faces, return_inverse=True)
    own = [None if value is None else value[rows] for value in (mesh.colors, mesh.normals, mesh.confidence)]
    return Mesh(mesh.vertices[rows], renamed.reshape(-1, 3), *own)


def _grasps(path: Path) -> list[Grasp]:
    grasps = read_grasps_json(path).grasps
    if not all(np.isfinite(g.T_frame_tcp).all() and np.isfinite([g.width, g.score]).all() for g in grasps):
        raise InputError(f"grasps {path} holds numbers that are not finite; write it again with gsn grasp")
    return grasps


def _report(path: Path) -> tuple[Plane | None, tuple[Note, ...], str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        objects = content["objects"]
        planes = [Plane(np.array(o["support_plane"][:3]), o["support_plane"][3]) for o in objects if _has_plane(o)]
        notes = tuple(_note(entry) for entry in objects)
        return planes[0] if planes else None, notes, str(content.get("gripper", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is damaged; run gsn reconstruct again, or delete it to see the rest") from None


def _has_plane(entry: dict[str, Any]) -> bool:
    return entry.get("support_plane") is not None


def _note(entry: dict[str, Any]) -> Note:
    remarks = tuple(str(remark["text"]) for remark in entry.get("remarks", ()))
    if "refused" in entry:
        return Note(int(entry["label"]), f"refused: {entry['refused']}", remarks)
    text = f"scale from {entry['scale_source']}" if "scale_source" in entry else ""
    return Note(int(entry["label"]), text, remarks, int(entry.get("triangles", 0)))
