"""`gsn eval`: measures quality of views (gsn, views), surfaces (geometry, surface, table), frames, robustness, scale, grasps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import numpy as np
import tyro

from gsn_perception.cli.eval.grasp import GraspOptions
from gsn_perception.cli.eval.grasp import run_grasp
from gsn_perception.cli.eval.options import Common
from gsn_perception.cli.eval.options import ObjectOptions
from gsn_perception.cli.eval.options import load_objects
from gsn_perception.cli.eval.options import load_reconstructor
from gsn_perception.cli.eval.options import progress
from gsn_perception.cli.eval.options import tables
from gsn_perception.cli.eval.robust import RobustOptions
from gsn_perception.cli.eval.robust import robust
from gsn_perception.cli.eval.scale import ScaleOptions
from gsn_perception.cli.eval.scale import run_scale
from gsn_perception.cli.eval.surface import SurfaceOptions
from gsn_perception.cli.eval.surface import run_surface
from gsn_perception.cli.eval.table import TableOptions
from gsn_perception.cli.eval.table import run_table
from gsn_perception.cli.eval.views import ViewsOptions
from gsn_perception.cli.eval.views import run_views

if TYPE_CHECKING:
    from gsn_perception.evaluation.views.novel_views import ImageDistance


@dataclass(frozen=True, slots=True)
class GsnOptions(ObjectOptions):
    """Novel views of test objects, compared with the mean training object, the input on a flat card, and white images."""

    train: Path | None = None
    """Folder of training objects for the mean object; default: the folder `train` next to OBJECTS, or generated objects."""
    out: Path | None = None
    """Folder for contact sheets of all objects and of the worst ones."""
    lpips: tuple[Path, ...] = ()
    """State dicts of VGG-16 or AlexNet and of LPIPS's linear layers, as files; with them LPIPS is reported, too."""


@dataclass(frozen=True, slots=True)
class GeometryOptions(ObjectOptions):
    """Reconstructed surfaces of test objects from an RGB-D camera, compared with the hull of the visible points."""


@dataclass(frozen=True, slots=True)
class FramesOptions(Common):
    """Real RGB-D frames: rendered mesh compared with measured depth, before and after scaling."""

    frames: Path = tyro.MISSING
    """Folder of frames: each a folder with color.png, depth.png, mask.png and camera.json."""
    out: Path | None = None
    """Folder for a picture per frame."""


_WORST = 6

Options = (
    Annotated[GsnOptions, tyro.conf.subcommand("gsn")]
    | Annotated[GeometryOptions, tyro.conf.subcommand("geometry")]
    | Annotated[SurfaceOptions, tyro.conf.subcommand("surface")]
    | Annotated[TableOptions, tyro.conf.subcommand("table")]
    | Annotated[ViewsOptions, tyro.conf.subcommand("views")]
    | Annotated[FramesOptions, tyro.conf.subcommand("frames")]
    | Annotated[RobustOptions, tyro.conf.subcommand("robust")]
    | Annotated[ScaleOptions, tyro.conf.subcommand("scale")]
    | Annotated[GraspOptions, tyro.conf.subcommand("grasp")]
)


def run(
    options: GsnOptions
    | GeometryOptions
    | SurfaceOptions
    | TableOptions
    | ViewsOptions
    | FramesOptions
    | RobustOptions
    | ScaleOptions
    | GraspOptions,
) -> int:
    """Measure, print a table, write the requested files."""
    from gsn_perception.evaluation.reports.tables import check_writable
    from gsn_perception.evaluation.reports.tables import write_json

    check_writable(options.json)
    if isinstance(options, GsnOptions):
        text, payload = _gsn(options)
    elif isinstance(options, GeometryOptions):
        text, payload = _geometry(options)
    elif isinstance(options, SurfaceOptions):
        text, payload = run_surface(options)
    elif isinstance(options, TableOptions):
        text, payload = run_table(options)
    elif isinstance(options, ViewsOptions):
        text, payload = run_views(options)
    elif isinstance(options, RobustOptions):
        text, payload = robust(options)
    elif isinstance(options, ScaleOptions):
        text, payload = run_scale(options)
    elif isinstance(options, FramesOptions):
        text, payload = _frames(options)
    else:
        text, payload = run_grasp(options)
    print(text)
    if options.json is not None:
        write_json(options.json, {"options": _settings(options), **payload})
    return 0


def _gsn(options: GsnOptions) -> tuple[str, dict[str, Any]]:
    from gsn_perception.cli.eval.sculptors import before_refinement
    from gsn_perception.evaluation.reports.contact_sheet import grid
    from gsn_perception.evaluation.reports.tables import summarise
    from gsn_perception.evaluation.views.cases import novel_view_case
    from gsn_perception.evaluation.views.novel_views import evaluate_gsn
    from gsn_perception.evaluation.views.protocol import Protocol
    from gsn_perception.io import write_image

    reconstructor = load_reconstructor(options)
    protocol = Protocol(seed=options.seed)
    objects = load_objects(options)
    mean = _mean_object(options, protocol)
    cases = progress((novel_view_case(item, protocol) for item in objects), len(objects), "novel views")
    others = before_refinement(reconstructor)
    scores = evaluate_gsn(cases, reconstructor.sculpt, mean=mean, others=others, lpips=_lpips(options.lpips))
    summary = {who: summarise(rows) for who, rows in scores.rows.items()}
    if options.out is not None:
        sheet = grid(list(scores.tiles.values()), list(scores.tiles))
        write_image(options.out / "contact_sheet.png", sheet)
        worst = sorted(scores.rows["gsn"], key=lambda row: row["psnr"])[:_WORST]
        captions = [f"{row['name'][:40]} {row['psnr']:.1f} dB" for row in worst]
        write_image(options.out / "worst.png", grid([scores.tiles[row["name"]] for row in worst], captions))
    columns = {"objects": ".0f", "psnr": ".2f", "psnr_inside": ".2f", "ssim": ".3f", "lpips": ".3f", "iou": ".2f"}
    columns |= {"input_psnr": ".2f", "dead": ".1%", "roll_psnr": ".1f", "ecd": ".4f"}
    return tables(summary, columns, "novel views"), {"summary": summary, "objects": scores.rows}


def _lpips(files: tuple[Path, ...]) -> ImageDistance | None:
    """LPIPS distance of numpy images; None without weights."""
    if not files:
        return None
    import torch

    from gsn_perception.training.losses.lpips import Lpips

    network = Lpips(files)

    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(*(torch.from_numpy(np.float32(images)) for images in (a, b))).numpy()

    return distance


def _geometry(options: GeometryOptions) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.common_answers import compare
    from gsn_perception.evaluation.surfaces.geometry import evaluate_geometry
    from gsn_perception.evaluation.views.cases import surface_case
    from gsn_perception.evaluation.views.protocol import Protocol

    reconstructor = load_reconstructor(options)
    protocol = Protocol(seed=options.seed)
    objects = load_objects(options)
    cases = progress((surface_case(item, protocol) for item in objects), len(objects), "surfaces")
    samples = 20_000 if options.budget == "smoke" else 100_000
    rows = evaluate_geometry(cases, reconstructor, seed=options.seed, samples=samples)
    summary = compare(rows)
    for who, entries in rows.items():
        ratios = [r["volume_ratio"] for r in entries if np.isfinite(r.get("volume_ratio", np.nan))]
        summary[who]["all"]["median_volume_ratio"] = float(np.median(ratios)) if ratios else float("nan")
    columns = {"objects": ".0f", "chamfer_l1": ".4f", "chamfer_mm": ".1f", "f_score": ".3f"}
    columns |= {"normal_consistency": ".3f", "median_volume_ratio": ".2f", "scale_ratio": ".3f", "refused": ".0%"}
    columns |= {"points_chamfer_l1": ".4f"}
    return tables(summary, columns, "surfaces"), {"summary": summary, "objects": rows, "samples": samples}


def _frames(options: FramesOptions) -> tuple[str, dict[str, Any]]:
    from gsn_perception.evaluation.reports.tables import table
    from gsn_perception.evaluation.surfaces.real_frames import evaluate_frame
    from gsn_perception.evaluation.surfaces.real_frames import frame_folders
    from gsn_perception.evaluation.surfaces.real_frames import read_frame
    from gsn_perception.io import write_image

    folders = frame_folders(options.frames)
    reconstructor = load_reconstructor(options)
    found = {}
    for folder in progress(folders, len(folders), "frames"):
        scores = evaluate_frame(folder.name, read_frame(folder), reconstructor)
        found[folder.name] = scores.figures
        if options.out is not None:
            write_image(options.out / f"{folder.name}.png", scores.picture)
    columns = {f"{when}_{key}": spec for when in ("before", "after") for key, spec in _FRAME_COLUMNS.items()}
    columns |= {"scale_before": ".3f", "scale_after": ".3f", "scale_sigma": ".3f"}
    return table(list(found.items()), columns, "frame"), {"frames": found}


_FRAME_COLUMNS = {"median_mm": ".1f", "iou": ".3f", "covered": ".2f"}


def _mean_object(options: GsnOptions, protocol: Any) -> Any:
    """The mean of the training objects, calibrated on some of them."""
    from gsn_perception.evaluation.views.cases import novel_view_case
    from gsn_perception.evaluation.views.novel_views import calibrated_mean
    from gsn_perception.scenes.loader import mesh_sources
    from gsn_perception.scenes.objects import random_object

    beside = options.objects.resolve().parent / "train"
    folder = options.train if options.train is not None else beside if beside.is_dir() else None
    count, held = {"smoke": (8, 2), "short": (48, 6), "full": (160, 16)}[options.budget]
    sources: list[Any] = (
        [partial(random_object, seed) for seed in range(count)] if folder is None else mesh_sources(folder)
    )
    order = np.random.default_rng(options.seed).permutation(len(sources))[:count]
    items = [sources[i]() for i in order]
    cases = [novel_view_case(item, protocol) for item in items[:held]]
    return calibrated_mean(progress(items, len(items), "mean object"), cases, protocol)


def _settings(options: Common | GraspOptions) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(options)
