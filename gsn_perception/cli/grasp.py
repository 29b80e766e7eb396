"""Plan grasps on a mesh file and write them, best first, as grasps.json and optionally as isaac_grasp YAML."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """Options of ``gsn grasp``."""

    mesh: Path
    """Mesh file: PLY, OBJ, STL, OFF, GLB, 3MF, DAE, ...; grasps are in the axes of the file."""
    unit: Literal["m", "cm", "mm", "inch"] | None = None
    """Unit of the mesh's coordinates; by default the unit in the file (3MF, DAE, GLB) or metres."""
    out: Path = Path("grasps.json")
    """Output file of the grasps."""
    isaac: Path | None = None
    """Also write them as an isaac_grasp file (YAML, format version 1.0), for Isaac Sim and GraspGen."""
    gripper: str = "panda"
    """Name of a shipped gripper, or a YAML file of the same format."""
    support_plane: str | None = None
    """nx,ny,nz,d of the plane under the object, in the mesh's frame, metres; unknown by default."""
    max_grasps: int = 20
    """Maximum number of grasps."""
    num_candidates: int = 512
    """Surface points per round, used if lines through the object give too few grasps."""
    frame_id: str = ""
    """Name of the mesh's frame, written into the file."""
    seed: int = 0
    """Seed of these points."""


def run(options: Options) -> int:
    """Plan and write; 1 if no grasp was found (the reason is printed, the file contains an empty list)."""
    import numpy as np

    from gsn_perception.cli.parse import choose_gripper
    from gsn_perception.cli.parse import parse_plane
    from gsn_perception.geometry import Remark
    from gsn_perception.geometry.mesh_repair import repair_mesh
    from gsn_perception.grasping import GraspPlanner
    from gsn_perception.grasping import PlannerSettings
    from gsn_perception.grasping.isaac_grasp import write_isaac_grasp
    from gsn_perception.io import write_grasps_json
    from gsn_perception.io.meshes import check_size
    from gsn_perception.io.meshes import read_mesh
    from gsn_perception.io.meshes import size_text

    plane = parse_plane(options.support_plane)
    gripper = choose_gripper(options.gripper)
    settings = PlannerSettings(num_candidates=options.num_candidates, max_grasps=options.max_grasps, seed=options.seed)
    mesh = read_mesh(options.mesh, unit=options.unit)
    check_size(mesh, options.mesh, options.unit)
    mesh, remarks = repair_mesh(mesh)
    for remark in remarks:
        print(f"remark {remark}", file=sys.stderr)
    start = time.perf_counter()
    result = GraspPlanner(gripper, settings).plan(mesh, support_plane=plane)
    elapsed = time.perf_counter() - start
    write_grasps_json(options.out, result.grasps, frame_id=options.frame_id)
    if options.isaac is not None:
        write_isaac_grasp(options.isaac, result.grasps, gripper, object_frame=options.frame_id)
    if not result.grasps and np.ptp(mesh.vertices, axis=0).min() > gripper.max_width:
        text = f"the mesh measures {size_text(mesh)}, on every side more than the {gripper.max_width:g} m"
        remark = Remark("mesh_too_wide", f"{text} that {gripper.name} opens; give --unit if its unit is not metres")
        print(f"remark {remark}", file=sys.stderr)
    size = f"{len(mesh.faces)} triangles, {size_text(mesh)}"
    places = f"{options.out}" if options.isaac is None else f"{options.out}, {options.isaac}"
    print(f"{result.reason} ({gripper.name}, {size}, {elapsed * 1000:.0f} ms) -> {places}")
    return 0 if result.grasps else 1
