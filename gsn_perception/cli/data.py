"""`gsn data`: the views (for `gsn train`) or surfaces (for `gsn train surface`) of many objects as memory-mapped arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """Which objects to sample, how and where to."""

    out: Path
    """Folder of the dataset; an interrupted build is continued, a complete one reused."""
    what: Literal["views", "surface"] = "views"
    """views: images for the Gaussian network; surface: occupancy, displacements, surface points, partial clouds."""
    objects: tuple[Path, ...] = ()
    """Folders of OBJ, PLY, STL or GLB files (searched recursively)."""
    variants: int = 0
    """New objects made from each of them (stretched, bent, repainted); they take the given ones' place."""
    own: int = 0
    """Objects that the project makes itself."""
    first_own: int = 0
    """Seed of the first of them."""
    first_variant: int = 0
    """Seed of the first variant of each."""
    views: int = 0
    """Views an object; 0: 24 for `views`, 6 for `surface`."""
    size: int = 128
    """Side of a view in pixels."""
    splats: bool = False
    """Complete the partial clouds of `surface` by the solid that a Gaussian network makes of each view."""
    checkpoint: str | None = None
    """Weights of that network (.safetensors) or the name of shipped ones."""
    workers: int = 2
    """Processes."""
    seed: int = 0
    """Seed of views and lights."""
    restart: bool = False
    """Forget what an earlier build left."""


def run(options: Options) -> int:
    """Build the dataset and say what is in it."""
    sources = _sources(options)
    return _surfaces(options, sources) if options.what == "surface" else _views(options, sources)


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
        from gsn_perception.pipeline.meshing.completing import SolidCompleter

        complete = SolidCompleter(options.checkpoint, "cpu")
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


def _left_out(broken: list[tuple[str, str]]) -> int:
    for name, reason in broken:
        print(f"  left out {name}: {reason}")
    return 0
