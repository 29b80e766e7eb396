"""Settings of the splat's solid (mesh method ``gaussians``), partly fitted and stored with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gsn_perception.geometry.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class SolidSettings:
    """How a splat becomes a solid. Lengths without a unit are shares of the splat's longest extent.

    The defaults suit splats that lie on their surface. For the splats of a network the level is fitted by `gsn fit` and
    stored with the weights.
    """

    @classmethod
    def fitted(cls, info: Mapping[str, Any]) -> SolidSettings:
        """The settings stored in the metadata of weights; the defaults where there are none.

        Raises:
            InputError: they are of another version.
        """
        try:
            return cls(**info.get("solid", {}))
        except TypeError as error:
            raise InputError(
                f"the settings of the skin stored with the weights are unknown ({error}); run `gsn fit` again"
            ) from error

    level: float = -0.003
    """Moves the surface outwards by this share of the extent; see ``fit_level`` and `gsn fit`."""

    cameras: int = 96
    """Virtual cameras around the splat."""

    camera_size: int = 96
    """Side of their images in pixels."""

    votes: int = 3
    """A point is outside if it is in the free space of at least this many virtual cameras."""

    opacity_gain: float = 4.0
    """Opacities become 1 - (1 - a)^gain before rendering: above 1, semi-transparent regions stop a ray sooner."""

    pinhole: int = 5
    """Holes in the depth images narrower than this many pixels are filled, so that a gap in the splat carves nothing."""

    min_opacity: float = 0.05
    """Gaussians with a lower opacity are dropped."""

    isolation: float = 12.0
    """A Gaussian whose neighbours are this many times farther away than the median is dropped as a floater."""

    margin: float = 0.05
    """Margin between the splat and the border of the box."""

    truncation: float = 0.05
    """Carving distances are clipped to this length."""

    thin_opacity: float = 0.3
    """Gaussians with a higher opacity keep a thickness of about one and a half cells where carving removed them."""

    thin_reach: float = 1.5
    """How many cells outside the carved solid such a Gaussian may lie."""

    observed_tolerance: float = 0.0
    """Distance by which measured depth must pass a point before it carves the point."""

    fill_depth: float = 0.08
    """Thickness of measured surface where the splat has nothing behind it."""

    fill_least: float = 0.01
    """Least thickness behind every pixel of the object in the input view, so that thin walls remain."""

    fill_overlap: float = 0.02
    """Overlap of the material behind measured depth with the splat's own solid, so that no gap remains."""

    smallest_piece: float = 0.01
    """Pieces of at least this share of the largest one's volume are kept; 1 keeps the largest alone."""

    bisections: int = 4
    """Halvings of a vertex's lattice edge when it is moved onto the surface."""

    smoothing: int = 3
    """Taubin iterations on the mesh; 0: none."""
