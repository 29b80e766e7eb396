"""`gsn data`: ray-cast the views of many objects into a memory-mapped training set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """Which objects to render, how and where to."""

    out: Path
    """Folder of the dataset; an interrupted build is continued, a complete one reused."""
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
    views: int = 24
    """Views an object."""
    size: int = 128
    """Side of a view in pixels."""
    workers: int = 2
    """Processes."""
    seed: int = 0
    """Seed of views and lights."""
    restart: bool = False
    """Forget what an earlier build left."""


def run(options: Options) -> int:
    """Build the dataset and say what is in it."""
    from functools import partial

    from gsn_perception.scenes.dataset import build_dataset
    from gsn_perception.scenes.loader import mesh_sources
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.variants import variant
    from gsn_perception.training.data import ViewDataset

    sources: list = [source for folder in options.objects for source in mesh_sources(folder)]
    if options.variants:
        seeds = range(options.first_variant, options.first_variant + options.variants)
        sources = [partial(variant, source, seed) for seed in seeds for source in sources]
    sources += [partial(random_object, seed) for seed in range(options.first_own, options.first_own + options.own)]
    build_dataset(
        sources,
        options.out,
        views=options.views,
        size=options.size,
        seed=options.seed,
        workers=options.workers,
        resume=not options.restart,
    )
    data = ViewDataset(options.out)
    print(f"{options.out}: {len(data)} objects x {data.views} views of {data.size} px")
    for name, reason in data.broken:
        print(f"  left out {name}: {reason}")
    return 0
