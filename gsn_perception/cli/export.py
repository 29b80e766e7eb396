"""Convert a splat to a format of other viewers: glTF (.glb, no rounding) or SPZ (.spz, a fifth of the PLY's size)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gsn_perception.io import SplatLoss


@dataclass(frozen=True)
class Options:
    """Options of ``gsn export``."""

    splat: Path
    """A gaussians.ply, or the folder that contains it; view-dependent colour in files of other tools is ignored."""
    out: Path
    """Output file: .glb (glTF with KHR_gaussian_splatting) or .spz (version 4)."""


def run(options: Options) -> int:
    """Convert and print the rounding errors."""
    from gsn_perception.geometry import InputError
    from gsn_perception.io import read_gaussians_ply
    from gsn_perception.io import write_gaussians_glb
    from gsn_perception.io import write_gaussians_spz

    kind = options.out.suffix.lower()
    if kind not in (".glb", ".spz"):
        raise InputError(f"{options.out} is neither .glb nor .spz; name the file after one of them")
    source = options.splat / "gaussians.ply" if options.splat.is_dir() else options.splat
    splat = read_gaussians_ply(source)
    if kind == ".glb":
        write_gaussians_glb(options.out, splat)
        loss_text = "nothing is rounded"
    else:
        loss_text = _sentence(write_gaussians_spz(options.out, splat))
    print(f"{len(splat)} Gaussians -> {options.out}; {loss_text}")
    return 0


def _sentence(loss: SplatLoss) -> str:
    rounded = (
        f"positions {1000 * loss.position:.2g} mm, axes {100 * loss.scale:.2g} %, rotations {math.degrees(loss.angle):.2g} "
        f"degrees, colours {loss.color:.2g} and opacities {loss.opacity:.2g} of 1"
    )
    thin = f"; {loss.drawn_out} thinner than the format allows became 0.045 mm" if loss.drawn_out else ""
    return f"rounded by at most: {rounded}{thin}" + ("; confidence is left out" if loss.confidence else "")
