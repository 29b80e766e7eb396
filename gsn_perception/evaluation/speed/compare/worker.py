"""The measured process: runs on any version of the package, with its public names only.

``python worker.py TREE INPUTS DEVICE`` imports the package, which must come from TREE, and answers requests, one JSON
object a line: ``{"figure": "object", "index": 0}`` runs a figure once and answers with seconds of wall clock and of CPU (all
threads) and the size of the output; ``{"figure": "memory"}`` answers with resident bytes. It imports what a figure needs
when the figure is first asked for.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CANDIDATES = 512
GRIPPER = "panda"


class Work:
    """The figures of one tree, with weights and inputs loaded when they are first needed.

    Args:
        inputs: Folder with ``frame_<n>.npz``, ``scene_<n>.npz`` and ``mesh_<n>.npz``.
        device: Of the network: auto, cpu or cuda.
    """

    def __init__(self, inputs: Path, device: str) -> None:
        self._inputs, self._device = inputs, device
        self._kept: dict[str, Any] = {}

    def prepared(self, figure: str, index: int) -> Callable[[], int]:
        """The work of a figure on its input number ``index``; returns the size of its output."""
        return {
            "mesh": self._mesh,
            "grasps": self._grasps,
            "object": self._object,
            "gaussians": self._gaussians,
            "scene": self._scene,
        }[figure](index)

    def save_mesh(self, index: int, place: Path) -> int:
        """Write the mesh of a frame's largest object and its plane to an .npz file."""
        (made, *_) = self._reconstructor()(self._observation(f"frame_{index}"))
        mesh, plane = _made(made).mesh, _made(made).support_plane
        values = {name: getattr(mesh, name) for name in ("vertices", "faces", "colors", "normals", "confidence")}
        if plane is not None:
            values |= {"normal": plane.normal, "offset": plane.offset}
        np.savez(place, **{name: value for name, value in values.items() if value is not None})
        return len(mesh.faces)

    def _mesh(self, index: int) -> Callable[[], int]:
        reconstructor, frame = self._reconstructor(), self._observation(f"frame_{index}")
        (item, *_) = self._once(f"splats {index}", lambda: reconstructor.splats(frame))
        return lambda: len(reconstructor.mesh_of(frame, item).faces)

    def _grasps(self, index: int) -> Callable[[], int]:
        planner = self._planner()
        mesh, plane = self._once(f"mesh {index}", lambda: read_mesh(self._inputs / f"mesh_{index}.npz"))
        return lambda: len(planner.plan_mesh(mesh, support_plane=plane))

    def _object(self, index: int) -> Callable[[], int]:
        reconstructor, planner = self._reconstructor(), self._planner()
        frame = self._observation(f"frame_{index}")
        return lambda: sum(len(planner(_made(result))) for result in reconstructor(frame))

    def _gaussians(self, index: int) -> Callable[[], int]:
        reconstructor, frame = self._reconstructor(), self._observation(f"frame_{index}")
        return lambda: len(reconstructor.sculpt(frame)[1])

    def _scene(self, index: int) -> Callable[[], int]:
        reconstructor, planner = self._reconstructor(), self._planner()
        frame = self._observation(f"scene_{index}")

        def work() -> int:
            objects = [_made(result) for result in reconstructor(frame)]
            plans = planner.plan_scene(objects, scene=frame.measured_points())
            return sum(len(plan.grasps) for plan in plans.values())

        return work

    def _reconstructor(self) -> Any:
        def load() -> Any:
            from gsn_perception import Reconstructor

            return Reconstructor.from_pretrained(device=self._device)

        return self._once("reconstructor", load)

    def _planner(self) -> Any:
        def load() -> Any:
            from gsn_perception import GraspPlanner
            from gsn_perception import Gripper
            from gsn_perception.grasping import PlannerSettings

            return GraspPlanner(Gripper.named(GRIPPER), PlannerSettings(num_candidates=CANDIDATES))

        return self._once("planner", load)

    def _observation(self, name: str) -> Any:
        return self._once(name, lambda: read_observation(self._inputs / f"{name}.npz"))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]


def read_observation(path: Path) -> Any:
    """The observation of an .npz file with ``image``, ``K``, ``mask`` and ``depth``."""
    from gsn_perception import Camera
    from gsn_perception import Observation

    with np.load(path) as values:
        image = values["image"]
        camera = Camera(values["K"], width=image.shape[1], height=image.shape[0])
        return Observation(image=image, camera=camera, mask=values["mask"], depth=values["depth"])


def read_mesh(path: Path) -> tuple[Any, Any]:
    """The mesh of an .npz file and its support plane, or None."""
    from gsn_perception import Mesh
    from gsn_perception import Plane

    with np.load(path) as values:
        named = {name: values[name] for name in values.files if name not in ("normal", "offset")}
        plane = Plane(values["normal"], float(values["offset"])) if "normal" in values.files else None
    return Mesh(**named), plane


def timed(work: Callable[[], int]) -> dict[str, float]:
    """Seconds of wall clock and CPU of one call; ``process_cpu`` since the start of the process."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    output = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "cpu": cpu, "output": output, "process_cpu": time.process_time()}


def memory() -> dict[str, float]:
    """Resident bytes now, after a collection of garbage, and their peak."""
    import psutil

    gc.collect()
    return {"settled": psutil.Process().memory_info().rss, "peak": _peak()}


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage's figure starts with the memory of the parent process
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def answer(work: Work, request: dict[str, Any]) -> dict[str, float]:
    """The reply to one request."""
    if request["figure"] == "memory":
        return memory()
    if request["figure"] == "save mesh":
        return {"output": work.save_mesh(request["index"], Path(request["path"]))}
    return timed(work.prepared(request["figure"], request["index"]))


def _made(result: Any) -> Any:
    if not hasattr(result, "mesh"):
        raise ValueError(f"object {result.label} was refused: {result.reason}; choose another --seed")
    return result


def main() -> int:
    """Answer requests until the end of the input."""
    import gsn_perception

    tree, inputs = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    found = Path(gsn_perception.__file__).resolve()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the replies
    if tree not in found.parents:
        print(f"the package was imported from {found.parent} instead of {tree}", file=sys.stderr)
        return 1
    work = Work(inputs, sys.argv[3])
    for line in sys.stdin:
        print(json.dumps(answer(work, json.loads(line))), file=replies, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
