"""`gsn bag eval`: runs the pipeline on every frame of a recording, without DDS; scores results with ground truth."""

from __future__ import annotations

import sys
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import tyro

if TYPE_CHECKING:
    from gsn_perception.geometry import Remark
    from gsn_perception.ros.recordings.offline_replay import ReplayedFrame

_COLUMNS = {"seconds": ".2f", "f_score": ".3f", "chamfer": ".3f", "centre_error": ".4f"}


@dataclass(frozen=True)
class Eval:
    """Reconstruct every frame of a recording, without DDS, and score it if the recording has ground truth."""

    bag: Annotated[Path, tyro.conf.Positional]
    """Folder of the recording, or an .mcap, .db3 or ROS 1 .bag file."""
    out: Path | None = None
    """Folder of the results; by default BAG/results."""
    checkpoint: str = ""
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    namespace: str | None = None
    """Namespace of the topics NAMESPACE/image, camera_info, depth and mask; by default detected."""
    image: str = ""
    """Colour image topic, if it is not called .../image; detected if there is only one."""
    camera_info: str = ""
    """Topic of its intrinsics; by default the camera_info in the namespace of the image."""
    depth: str = ""
    """Depth topic, registered to the colour image; detected if one is in the image's frame."""
    mask: str = ""
    """Instance mask topic."""


def evaluate(options: Eval) -> int:
    """Write OUT/STAMP/*.ply and OUT/report.json, print a table; 1 if no object was reconstructed."""
    from tqdm import tqdm

    from gsn_perception.evaluation.reports.tables import write_json
    from gsn_perception.geometry import InputError
    from gsn_perception.ros.node.reconstruction_worker import load_pipeline
    from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings
    from gsn_perception.ros.recordings.offline_replay import replay
    from gsn_perception.ros.recordings.reading import StreamTopics

    if not options.bag.exists():
        raise InputError(f"there is no bag {options.bag}; check the name")
    folder = options.bag if options.bag.is_dir() else options.bag.parent
    out = folder / "results" if options.out is None else options.out
    settings = replace(ReconstructionSettings(), checkpoint=options.checkpoint, device=options.device)
    pipeline = load_pipeline(settings)
    topics = StreamTopics(options.image, options.camera_info, options.depth, options.mask)
    remarks: list[Remark] = []
    try:
        with tqdm(desc="frames", unit="frame", leave=False) as bar:
            found = replay(
                options.bag,
                out,
                pipeline,
                settings,
                namespace=options.namespace,
                topics=topics,
                on_frame=lambda frame: bar.update(),
                tell=remarks.append,
            )
    finally:  # also before the error about an unusable bag
        for remark in remarks:
            print(f"remark {remark}", file=sys.stderr)
    print(_text(found))
    report = {"bag": str(options.bag), "weights": pipeline.describe(), "remarks": [str(r) for r in remarks]}
    write_json(out / "report.json", {**report, "frames": _plain(found)})
    print(f"written to {out}")
    return 0 if any(frame.scores for frame in found) else 1


def _text(found: list[ReplayedFrame]) -> str:
    from gsn_perception.evaluation.reports.tables import table

    rows: list[tuple[str, dict[str, float]]] = []
    for frame in found:
        rows += [(f"{frame.stamp / 1e9:.3f} s, object {k}", dict(v)) for k, v in frame.scores.items()]
    scored = [figures for _, figures in rows]
    if scored:
        means = {k: sum(f[k] for f in scored if k in f) / max(sum(k in f for f in scored), 1) for k in _COLUMNS}
        rows.append((f"mean of {len(scored)}", {k: v for k, v in means.items() if any(k in f for f in scored)}))
    lines = [table(rows, _COLUMNS, f"{len(found)} frames")]
    for frame in found:
        lines += [f"{frame.stamp / 1e9:.3f} s, object {k} refused: {v}" for k, v in frame.reasons.items()]
    return "\n".join(lines)


def _plain(found: list[ReplayedFrame]) -> list[dict[str, Any]]:
    return [{**asdict(frame), "folder": Path(frame.folder).name} for frame in found]
