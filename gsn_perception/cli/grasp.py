"""Plan grasps on a mesh file and write them, best first, as grasps.json."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Options of ``gsn grasp``."""

    mesh: Path
    """Mesh in metres: PLY, OBJ, STL, GLB, ..."""
    out: Path = Path("grasps.json")
    """Where the grasps go."""
    gripper: str = "panda"
    """Name of a shipped gripper, or a YAML file laid out like theirs."""
    support_plane: str | None = None
    """nx,ny,nz,d of what the object stands on, in the mesh's frame, metres; unknown by default."""
    max_grasps: int = 20
    """At most this many."""
    num_candidates: int = 512
    """Surface points a round, where lines through the object give too few grasps."""
    frame_id: str = ""
    """Name of the mesh's frame, written into the file."""
    seed: int = 0
    """Of these points."""


def run(options: Options) -> int:
    """Plan and write; 1 when no grasp was found (the reason is printed, the file holds an empty list)."""
    from gsn_perception.cli.parse import choose_gripper
    from gsn_perception.cli.parse import parse_plane
    from gsn_perception.grasping import GraspPlanner
    from gsn_perception.grasping import PlannerSettings
    from gsn_perception.io import read_mesh
    from gsn_perception.io import write_grasps_json

    plane = parse_plane(options.support_plane)
    gripper = choose_gripper(options.gripper)
    settings = PlannerSettings(num_candidates=options.num_candidates, max_grasps=options.max_grasps, seed=options.seed)
    mesh = read_mesh(options.mesh)
    start = time.perf_counter()
    result = GraspPlanner(gripper, settings).plan(mesh, support_plane=plane)
    elapsed = time.perf_counter() - start
    write_grasps_json(options.out, result.grasps, frame_id=options.frame_id)
    print(f"{result.reason} ({gripper.name}, {len(mesh.faces)} triangles, {elapsed * 1000:.0f} ms) -> {options.out}")
    return 0 if result.grasps else 1
