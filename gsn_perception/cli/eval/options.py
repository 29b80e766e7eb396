"""Shared by the sub-commands of `gsn eval`: options, loading of objects and weights, tables."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Literal

import tyro

if TYPE_CHECKING:
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

Budget = Literal["smoke", "short", "full"]


@dataclass(frozen=True, slots=True)
class Common:
    """Options of every sub-command."""

    checkpoint: str | None = None
    """Weights (.safetensors) or the name of shipped ones; by default the shipped weights."""
    device: str = "auto"
    """auto, cpu or cuda."""
    json: Path | None = None
    """Write all results to this file."""
    seed: int = 0
    """Seed of views, sensor noise and samples."""
    upright: Literal["auto", "moments", "off"] = "auto"
    """How crops are rolled before the network."""
    refine_ms: float = 0.0
    """Milliseconds per frame for refinement of the splat against its input view; 0: none."""
    refine_steps: int = 40
    """Most steps of refinement; with many milliseconds this is the limit, and results do not depend on the machine."""


@dataclass(frozen=True, slots=True)
class ObjectOptions(Common):
    """Options of sub-commands that need objects."""

    objects: Path = tyro.MISSING
    """Folder of test objects (OBJ, PLY, STL or GLB)."""
    budget: Budget = "short"
    """Number of objects: smoke 3, short 12, full all."""


def load_reconstructor(options: Common) -> Reconstructor:
    """The pipeline with the chosen weights."""
    from gsn_perception.pipeline import Reconstructor
    from gsn_perception.pipeline import ReconstructorSettings

    # a view may cut an object off; it is evaluated anyway
    settings = ReconstructorSettings(
        allow_cut=True, upright=options.upright, refine_ms=options.refine_ms, refine_steps=options.refine_steps
    )
    return Reconstructor.from_pretrained(options.checkpoint, options.device, settings)


def load_objects(options: ObjectOptions) -> list[TexturedMesh]:
    """The objects of the folder, as many as the budget allows."""
    from gsn_perception.evaluation.views.cases import choose
    from gsn_perception.scenes.loader import load_meshes

    objects, _ = load_meshes(options.objects)
    return choose(objects, options.budget, options.seed)


def progress(items: Iterable[Any], total: int, what: str) -> Iterator[Any]:
    """The items, with a progress bar."""
    from tqdm import tqdm

    make: Callable[..., Iterable[Any]] = tqdm
    yield from make(items, total=total, desc=what, ncols=100)


def tables(summary: Mapping[str, Mapping[str, Mapping[str, float]]], columns: dict[str, str], title: str) -> str:
    """One table: every method over all objects, over those all methods answered, by shape class, and small objects."""
    from gsn_perception.evaluation.reports.common_answers import shown_groups
    from gsn_perception.evaluation.reports.tables import table

    rows = []
    for group in shown_groups(summary):
        mark = "" if group == "all" else f" / {group}"
        rows += [(who + mark, groups[group]) for who, groups in summary.items() if group in groups]
    shown = {k: v for k, v in columns.items() if any(k in figures for _, figures in rows)}
    return table(rows, shown, title)
