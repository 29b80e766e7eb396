"""The numbers of the first skin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gsn_perception.geometry.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class SolidSettings:
    """How a splat becomes a solid. Lengths without a unit are shares of the splat's longest extent.

    The defaults suit splats that hug their surface; how far a network's splats don't is fitted by `gsn fit` and
    travels with the weights.
    """

    @classmethod
    def fitted(cls, info: Mapping[str, Any]) -> SolidSettings:
        """The numbers that were fitted to some weights, from what is known of them; the defaults where none were.

        Raises:
            InputError: they are of another version.
        """
        try:
            return cls(**info.get("solid", {}))
        except TypeError as error:
            raise InputError(
                f"the skin's numbers beside the weights are unknown ({error}); run `gsn fit` again"
            ) from error

    level: float = -0.003
    """Moves the surface outwards by this share of the extent; see ``fit_level`` and `gsn fit`."""

    cameras: int = 96
    """Virtual cameras around the splat."""

    camera_size: int = 96
    """Side of their images in pixels."""

    votes: int = 3
    """How many virtual cameras have to see past a point before it is outside."""

    opacity_gain: float = 4.0
    """Opacities become 1 - (1 - a)^gain before the cameras look: above 1, thin fog stops a ray sooner."""

    pinhole: int = 5
    """Holes in the depth images narrower than this many pixels are filled, so that a gap in the splat carves nothing."""

    min_opacity: float = 0.05
    """Gaussians below it are dropped."""

    isolation: float = 12.0
    """A Gaussian whose neighbours are this many times farther away than is usual is dropped as a floater."""

    margin: float = 0.05
    """Room between the splat and the border of the box."""

    truncation: float = 0.05
    """Carving distances are clipped to this length."""

    thin_opacity: float = 0.3
    """Gaussians above it keep a thickness of about one and a half cells where carving left nothing of them."""

    thin_reach: float = 1.5
    """How many cells outside the carved solid such a Gaussian may lie."""

    observed_tolerance: float = 0.0
    """How far behind the measured depth a point has to be seen past before the measurement carves it."""

    fill_depth: float = 0.08
    """Thickness given to measured surface where the splat has nothing at all behind it."""

    fill_least: float = 0.01
    """Least thickness behind every pixel of the object in the input view, so that thin walls seen there stay."""

    fill_overlap: float = 0.02
    """How far material put behind measured depth reaches into the splat's own solid, so that no gap is left."""

    smallest_piece: float = 0.01
    """Pieces of at least this share of the largest one's volume are kept; 1 keeps the largest alone."""

    bisections: int = 4
    """Halvings of a vertex's lattice edge that place it on the surface."""

    smoothing: int = 3
    """Taubin iterations on the mesh; 0 leaves it as extracted."""
