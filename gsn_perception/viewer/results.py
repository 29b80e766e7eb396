"""What an output folder of ``gsn reconstruct`` holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.io import read_gaussians_ply
from gsn_perception.io import read_grasps_json
from gsn_perception.io import read_mesh
from gsn_perception.io import read_points_ply

FILES = ("gaussians.ply", "points.ply", "mesh.ply", "grasps.json")


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """The parts of an output folder; None or empty where a file is missing.

    Attributes:
        gaussians: The splat, metres.
        points: The point cloud.
        mesh: The mesh.
        grasps: Best first.
    """

    gaussians: Gaussians | None
    points: Points | None
    mesh: Mesh | None
    grasps: list[Grasp]

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Read what is there.

        Raises:
            InputError: the folder is missing, holds none of the files, or one of them is damaged.
        """
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; give the --out folder of gsn reconstruct or gsn demo")
        there = {name: folder / name for name in FILES if (folder / name).is_file()}
        if not there:
            raise InputError(f"{folder} holds none of {', '.join(FILES)}; give the --out folder of gsn reconstruct")
        return cls(
            gaussians=read_gaussians_ply(there["gaussians.ply"]) if "gaussians.ply" in there else None,
            points=read_points_ply(there["points.ply"]) if "points.ply" in there else None,
            mesh=read_mesh(there["mesh.ply"]) if "mesh.ply" in there else None,
            grasps=read_grasps_json(there["grasps.json"]).grasps if "grasps.json" in there else [],
        )
