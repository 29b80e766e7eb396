"""Definitions of the experiments: question, variations of training and architecture, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from dataclasses import is_dataclass
from dataclasses import replace
from typing import Any
from typing import Literal
from typing import TypeVar

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.errors import by_name

RollMethod = Literal["none", "moments"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Variation:
    """One variation of training data, settings or architecture.

    Attributes:
        name: Name in tables.
        train: Changes to the settings, e.g. ``"augment.roll"`` to a value.
        gsn: Changes to the architecture.
        folders: Number of data folders to use, from the first; all by default.
    """

    name: str
    train: Mapping[str, Any] = field(default_factory=dict)
    gsn: Mapping[str, Any] = field(default_factory=dict)
    folders: int | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """A question and the runs that answer it.

    Attributes:
        question: One sentence.
        variations: Each is trained once per seed.
        columns: Figures of the table and the picture, with their formats.
        roll_methods: How rolled inputs are brought to a canonical roll; every run is evaluated with each.
    """

    question: str
    variations: tuple[Variation, ...]
    columns: Mapping[str, str]
    roll_methods: tuple[RollMethod, ...] = ("none",)


_QUALITY = {"novel_psnr": ".2f", "input_psnr": ".2f", "novel_iou": ".3f"}
_SHAPES = {f"novel_psnr/{shape}": ".2f" for shape in ("box", "mid", "open")}
_ROLLS = {"agree": ".1f", "agree_worst": ".1f", "rolled_psnr": ".2f", "rolled_range": ".2f", "ecd": ".4f"}
_COST = {"network_ms": ".1f", "parameters_m": ".1f"}
_UPRIGHT = {"augment.roll": 0.0, "augment.moments": 0.0, "augment.tilt": 0.0}
_NEAREST = {"loss.ecd": 0.5, "ecd.matching": "nearest"}
_DENSITY = {"loss.ecd": 0.1, "ecd.matching": "density"}

EXPERIMENTS: dict[str, Experiment] = {
    "cube-centring": Experiment(
        "Where should the canonical cube stand: about the object (zero-centred) or before the camera (off-centred)?",
        (Variation("about the object"), Variation("before the camera", gsn={"centring": "camera"})),
        _QUALITY | _SHAPES,
    ),
    "encoder": Experiment(
        "How deep an encoder, how large a latent?",
        (
            Variation("resnet18, 768", gsn={"encoder": "resnet18"}),
            Variation("resnet34, 768", gsn={"encoder": "resnet34"}),
            Variation("resnet50, 768", gsn={"encoder": "resnet50"}),
            Variation("resnet18, 192", gsn={"latent_channels": 12}),
            Variation("resnet18, 2048", gsn={"latent_channels": 128}),
            Variation("efficientnet-lite0, 768", gsn={"encoder": "efficientnet_lite0"}),
        ),
        _QUALITY | _COST,
    ),
    "ecd": Experiment(
        "What does the Extended Chamfer Distance cost in quality, and what does it buy?",
        (
            Variation("none", train=_UPRIGHT),
            Variation("published", train=_UPRIGHT | _NEAREST),
            Variation("density-aware", train=_UPRIGHT | _DENSITY),
        ),
        _QUALITY | _ROLLS,
    ),
    "count": Experiment(
        "How many Gaussians?",
        tuple(Variation(f"N = {cube**3}", gsn={"cube": cube}) for cube in (8, 10, 12, 14, 16)),
        _QUALITY | _COST | {"dead": ".3f"},
    ),
    "roll": Experiment(
        "Equivariance by augmentation alone, by ECD, or by bringing inputs to a canonical roll?",
        (
            Variation("upright inputs", train=_UPRIGHT),
            Variation("any roll", train={"augment.roll": 1.0}),
            Variation("ECD", train=_UPRIGHT | _NEAREST),
            Variation("silhouette's axis", train={"augment.roll": 0.0, "augment.moments": 1.0}),
        ),
        _QUALITY | _ROLLS,
        ("none", "moments"),
    ),
    "symmetry": Experiment(
        "Does ECD cost asymmetric objects more than those that look alike from all sides?",
        (Variation("none", train=_UPRIGHT), Variation("ECD", train=_UPRIGHT | _NEAREST)),
        {f"{k}/{g}": ".2f" for k in ("novel_psnr", "agree") for g in ("symmetric", "between", "asymmetric")},
    ),
    "geometry": Experiment(
        "What does supervision by the true shape add to images alone?",
        (
            Variation("images alone", train={"loss.depth": 0.0}),
            Variation("depth", train={}),
            Variation("depth, normals", train={"loss.normal": 0.05}),
            Variation("depth, surface", train={"loss.surface": 0.3}),
        ),
        _QUALITY | {"depth_error": ".4f"},
    ),
    "depth": Experiment(
        "What does measured depth as an input add, and does reading it cost answers from colour?",
        (
            Variation("colour", gsn={"depth": False}),
            Variation("colour, sometimes depth", gsn={"depth": True}),
        ),
        _QUALITY | {"depth_error": ".4f", "rgbd_novel_psnr": ".2f", "rgbd_depth_error": ".4f"},
    ),
    "mix": Experiment(
        "Which data: the first folder alone, the first two, the first three?",
        tuple(Variation(name, folders=n) for n, name in ((1, "first"), (2, "first two"), (3, "first three"))),
        _QUALITY | _SHAPES,
    ),
    "refinement": Experiment(
        "What does looking at the image add, where every Gaussian projects?",
        (Variation("plain", gsn={"refine_features": 0}), Variation("refined")),
        _QUALITY | _SHAPES | _COST,
    ),
    "views": Experiment(
        "How do extreme views fare: inputs from low and from above, targets far from the input?",
        (Variation("refined"), Variation("plain", gsn={"refine_features": 0})),
        {f"psnr/input {k}": ".2f" for k in ("low", "middle", "high")}
        | {f"psnr/target {k}": ".2f" for k in ("0-45", "45-90", "90-135", "135-180")},
    ),
}


def experiment(name: str) -> Experiment:
    """An experiment by name.

    Raises:
        InputError: there is no experiment of that name.
    """
    return by_name(EXPERIMENTS, name, "experiment")


def changed(value: _T, changes: Mapping[str, Any]) -> _T:
    """A frozen dataclass with fields replaced; ``"a.b"`` is field b of field a.

    Raises:
        InputError: there is no such field.
    """
    nested: dict[str, dict[str, Any]] = {}
    flat: dict[str, Any] = {}
    for key, new in changes.items():
        first, _, rest = key.partition(".")
        if not is_dataclass(value) or first not in {f.name for f in fields(value)}:
            raise InputError(f"there is no setting {key!r} to vary")
        if rest:
            nested.setdefault(first, {})[rest] = new
        else:
            flat[first] = new
    inner = {name: changed(getattr(value, name), parts) for name, parts in nested.items()}
    return replace(value, **flat, **inner)  # type: ignore[type-var]
