"""Architecture configuration of PEIF networks, and the named ones."""

from __future__ import annotations

from dataclasses import dataclass

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.errors import by_name


@dataclass(frozen=True, slots=True)
class PeifConfig:
    """Architecture of a patch-level equivariant implicit function (papers: PEIF section 2.2)."""

    neighbours: int = 24
    """K, points of a patch."""
    features: tuple[int, ...] = (32, 64, 64)
    """Widths of the three point-wise networks (SRM, and query and points in PFEM); the last is D."""
    banks: int = 4
    """N_M, heads of the memory."""
    items: int = 64
    """C, items of each bank."""
    selected: int = 6
    """K_d, points of a patch in the sparse half of PFEM; not given in the paper."""
    fusion: tuple[int, ...] = (128, 128)
    """Widths of the network that joins the features of query and patch (PPIR)."""
    head: tuple[int, ...] = (128, 128)
    """Widths of the displacement head before its three outputs."""
    fade: bool = True
    """True: weights of points fade to 0 at the K-th neighbour, and points are pooled by mean and maximum, so that the
    field is continuous. False, as published: equal weights, and features concatenated in order of distance."""
    patch_units: bool = True
    """True: lengths are in radii of the patch, so that the field does not depend on the cloud's scale or density. False,
    as published: in the cloud's units."""
    interpolate: bool = True
    """True: the displacement leads to a plane through the patch's points, weighted by a learned kernel, plus an offset.
    False, as published: the offset alone."""

    def __post_init__(self) -> None:
        if self.neighbours < 4 or not 0 < self.selected < self.neighbours:
            raise InputError("a patch needs at least 4 points, and selected lies between 1 and one less than them")
        widths = (*self.features, *self.fusion, *self.head, self.banks, self.items)
        if min(len(self.features), len(self.fusion), len(self.head)) < 1 or min(widths) < 1:
            raise InputError("features, fusion and head need at least one width each, and every width a unit")

    @property
    def width(self) -> int:
        """D, the length of a feature."""
        return self.features[-1]

    @property
    def joined(self) -> int:
        """Input width of PPIR."""
        pooled = 2 if self.fade else self.neighbours
        return (2 * pooled + 1) * self.width


CONFIGS: dict[str, PeifConfig] = {
    "paper": PeifConfig(
        neighbours=32,
        features=(32, 64, 128),
        banks=4,
        items=596,
        selected=8,
        fusion=(256, 512, 256, 384),
        head=(256, 256, 256, 256),
        fade=False,
        patch_units=False,
        interpolate=False,
    ),
    "lean": PeifConfig(),
    "tiny": PeifConfig(neighbours=10, features=(16, 16), banks=2, items=8, selected=3, fusion=(32,), head=(32,)),
}
"""``paper`` follows the publication; ``lean`` is trained and shipped; ``tiny`` is for tests."""


def named_config(name: str) -> PeifConfig:
    """A configuration by name.

    Raises:
        InputError: there is none of that name.
    """
    return by_name(CONFIGS, name, "PEIF configuration")
