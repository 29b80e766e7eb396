"""Runs a recording through the pipeline without DDS: each frame once, compared with the ground truth of the bag."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.ros.node.reconstruction_worker import FrameProcessor
from gsn_perception.ros.node.reconstruction_worker import Pipeline
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
from gsn_perception.ros.recordings import reading
from gsn_perception.ros.results.frame_result import FrameResult
from gsn_perception.ros.results.saving import save
from gsn_perception.ros.streams.frame_decoding import FrameDecoder

TRUTH = "truth"
"""Folder of the ground truth in a bag: truth.json (camera poses by stamp), object_LABEL.ply in the table's frame."""


@dataclass(frozen=True, slots=True, eq=False)
class GroundTruth:
    """Ground truth of a recording: the objects on the table.

    Attributes:
        meshes: Label to mesh in the table's frame.
        cameras: Stamp to the camera's pose [4,4] in the table's frame.
    """

    meshes: Mapping[int, Mesh]
    cameras: Mapping[int, np.ndarray]

    def write(self, folder: Path) -> None:
        """Write into the folder of a bag.

        Raises:
            InputError: it can't be written.
        """
        from gsn_perception.io import output_folder
        from gsn_perception.io import write_mesh_ply

        with output_folder(folder / TRUTH) as place:
            for label, mesh in self.meshes.items():
                write_mesh_ply(place / f"object_{label}.ply", mesh)
            poses = [{"stamp": stamp, "T_table_camera": pose.tolist()} for stamp, pose in self.cameras.items()]
            labels = sorted(self.meshes)
            (place / "truth.json").write_text(json.dumps({"labels": labels, "frames": poses}, indent=1) + "\n")

    @classmethod
    def read(cls, bag: Path) -> GroundTruth | None:
        """Read from the folder of a bag; None where it has no ground truth.

        Raises:
            InputError: it is damaged.
        """
        from gsn_perception.io import read_mesh

        path = bag / TRUTH / "truth.json"
        if not path.is_file():
            return None
        try:
            found = json.loads(path.read_text())
            meshes = {int(label): read_mesh(path.parent / f"object_{label}.ply") for label in found["labels"]}
            return cls(meshes, {int(f["stamp"]): np.array(f["T_table_camera"]).reshape(4, 4) for f in found["frames"]})
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged ({error}); make the bag again") from error

    def mesh(self, label: int, stamp: int) -> Mesh | None:
        """Mesh of an object in the optical frame of the camera at ``stamp``; None where it is unknown."""
        if label not in self.meshes or stamp not in self.cameras:
            return None
        return self.meshes[label].transform(np.linalg.inv(self.cameras[stamp]))


@dataclass(frozen=True, slots=True)
class ReplayedFrame:
    """Outcome of one frame.

    Attributes:
        stamp: Nanoseconds.
        folder: Folder of its files; empty when nothing was reconstructed.
        reasons: Label to reason of a refusal; label 0 is the whole frame.
        scores: Label to figures: seconds; with ground truth also f_score, chamfer (in extents), centre_error (metres).
    """

    stamp: int
    folder: str
    reasons: Mapping[int, str]
    scores: Mapping[int, Mapping[str, float]]


def replay(
    bag: Path,
    out: Path,
    pipeline: Pipeline,
    settings: ReconstructionSettings,
    *,
    namespace: str | None = None,
    topics: reading.StreamTopics | None = None,
    on_frame: Callable[[ReplayedFrame], None] = lambda frame: None,
    tell: reading.Tell = reading.to_stderr,
) -> list[ReplayedFrame]:
    """Reconstruct every frame of a bag and write its files to ``out/STAMP``.

    Raises:
        InputError: the bag or its ground truth can't be read, or ``out`` can't be written.
    """
    truth = GroundTruth.read(bag if bag.is_dir() else bag.parent)
    processor = FrameProcessor(settings, pipeline, None, FrameDecoder())
    done = []
    for frame in reading.read_frames(bag, namespace=namespace, topics=topics, settings=settings, tell=tell):
        try:
            seen, pose = processor.observe(frame)
        except InputError as error:
            found = ReplayedFrame(frame.stamp, "", {0: str(error)}, {})
        else:
            found = _outcome(processor.reconstruct(seen, pose), seen, truth, out)
        done.append(found)
        on_frame(found)
    return done


def _outcome(result: FrameResult, seen: Observation, truth: GroundTruth | None, out: Path) -> ReplayedFrame:
    reasons = {refusal.label: refusal.reason for refusal in result.refusals}
    if result.failure:
        reasons[0] = result.failure
    folder = str(save(result, str(out))) if result.objects else ""
    return ReplayedFrame(seen.stamp, folder, reasons, {r.label: _scores(r, seen.stamp, truth) for r in result.objects})


def _scores(item: Reconstruction, stamp: int, truth: GroundTruth | None) -> dict[str, float]:
    from gsn_perception.evaluation.metrics.distances import compare_surfaces

    scores = {"seconds": float(sum(item.timings.values()))}
    true = None if truth is None else truth.mesh(item.label, stamp)
    if true is None:
        return scores
    surfaces = compare_surfaces(item.mesh, true, np.random.default_rng(0), samples=20_000)
    centres = [(m.vertices.min(axis=0) + m.vertices.max(axis=0)) / 2 for m in (item.mesh, true)]
    error = float(np.linalg.norm(centres[0] - centres[1]))
    return {**scores, "f_score": surfaces.f_score, "chamfer": surfaces.chamfer_l1, "centre_error": error}
