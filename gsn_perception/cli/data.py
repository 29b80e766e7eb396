"""`gsn data`: builds a data set of views (`gsn train`), surfaces (`gsn train surface`) or scales (`gsn train scale`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """Objects, sampling and output folder."""

    out: Path
    """Folder of the dataset; an interrupted build is resumed, a complete one is reused."""
    what: Literal["views", "surface", "scale"] = "views"
    """views: images for the Gaussian network; surface: occupancy, displacements, surface points, partial clouds;
    scale: views on a table with the splats that the Gaussian network predicts from them."""
    objects: tuple[Path, ...] = ()
    """Folders of OBJ, PLY, STL or GLB files (searched recursively)."""
    variants: int = 0
    """Number of variants (stretched, bent, repainted) of each object; they replace the given objects."""
    own: int = 0
    """Number of procedurally generated objects."""
    first_own: int = 0
    """Seed of the first generated object."""
    first_variant: int = 0
    """Seed of the first variant of each object."""
    views: int = 0
    """Views per object; 0: 24 for `views`, 6 for `surface`, 12 for `scale`."""
    size: int = 128
    """Side of a view in pixels."""
    splats: bool = False
    """Complete the partial clouds of `surface` with the solid that a Gaussian network predicts from each view."""
    checkpoint: str | None = None
    """Weights of that network (.safetensors) or the name of shipped ones."""
    workers: int = 2
    """Number of processes."""
    seed: int = 0
    """Seed of views and lights."""
    restart: bool = False
    """Delete an earlier build and start again."""


def run(options: Options) -> int:
    """Build the dataset and print its content."""
    sources = _sources(options)
    build = {"views": _views, "surface": _surfaces, "scale": _scales}[options.what]
    return build(options, sources)


def _sources(options: Options) -> list[Any]:
    from functools import partial

    from gsn_perception.scenes.loader import mesh_sources
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.variants import variant

    sources: list[Any] = [source for folder in options.objects for source in mesh_sources(folder)]
    if options.variants:
        seeds = range(options.first_variant, options.first_variant + options.variants)
        sources = [partial(variant, source, seed) for seed in seeds for source in sources]
    return sources + [
        partial(random_object, seed) for seed in range(options.first_own, options.first_own + options.own)
    ]


def _views(options: Options, sources: list[Any]) -> int:
    from gsn_perception.scenes.datasets.views_dataset import build_dataset
    from gsn_perception.training.data import ViewDataset

    build_dataset(
        sources,
        options.out,
        views=options.views or 24,
        size=options.size,
        seed=options.seed,
        workers=options.workers,
        resume=not options.restart,
    )
    data = ViewDataset(options.out)
    print(f"{options.out}: {len(data)} objects x {data.views} views of {data.size} px")
    return _left_out(data.broken)


def _surfaces(options: Options, sources: list[Any]) -> int:
    from gsn_perception.scenes.datasets.shots import ShotSettings
    from gsn_perception.scenes.datasets.surface_dataset import SurfaceSettings
    from gsn_perception.scenes.datasets.surface_dataset import build_surface_dataset
    from gsn_perception.training.surface.data import SurfaceDataset

    complete, completed_by = None, ""
    if options.splats:
        from gsn_perception.pipeline.meshing.completing import SplatCompleter

        complete = SplatCompleter(options.checkpoint, "cpu")
        completed_by = complete.reconstructor.describe().get("weights_sha256", "")
    build_surface_dataset(
        sources,
        options.out,
        settings=SurfaceSettings(views=options.views or 6, seed=options.seed, shots=ShotSettings(size=options.size)),
        complete=complete,
        completed_by=completed_by,
        workers=options.workers,
        resume=not options.restart,
    )
    data = SurfaceDataset(options.out)
    kind = "completed" if options.splats else "partial"
    print(f"{options.out}: surfaces of {len(data)} objects with {data.views} {kind} clouds each")
    return _left_out(data.broken)


def _scales(options: Options, sources: list[Any]) -> int:
    from gsn_perception.pipeline.meshing.completing import SplatCompleter
    from gsn_perception.scenes.datasets.scale_dataset import ScaleSettings
    from gsn_perception.scenes.datasets.scale_dataset import build_scale_dataset
    from gsn_perception.scenes.datasets.scale_views import ScaleViewSettings
    from gsn_perception.training.scale.data import ScaleDataset

    sculptor = SplatCompleter(options.checkpoint, "cpu")
    build_scale_dataset(
        sources,
        options.out,
        sculptor.infer,
        inferred_by=sculptor.reconstructor.describe().get("weights_sha256", ""),
        settings=ScaleSettings(options.views or 12, options.seed, ScaleViewSettings(size=options.size)),
        workers=options.workers,
        resume=not options.restart,
    )
    data = ScaleDataset(options.out)
    print(f"{options.out}: {len(data)} objects x {data.views} views of {data.size} px on a table")
    return _left_out(data.broken)


def _left_out(broken: list[tuple[str, str]]) -> int:
    for name, reason in broken:
        print(f"  left out {name}: {reason}")
    return 0
