"""A splat as binary glTF with ``KHR_gaussian_splatting``: nothing is rounded, and viewers without it show points."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsn_perception.geometry.gaussians import Gaussians
from gsn_perception.io.atomic import atomic_write
from gsn_perception.io.glb import linear
from gsn_perception.io.glb import pack_glb
from gsn_perception.io.splat_values import SH_C0
from gsn_perception.io.splat_values import SplatValues

EXTENSION = "KHR_gaussian_splatting"
_KIND = {
    "kernel": "ellipse",
    "colorSpace": "srgb_rec709_display",
    "projection": "perspective",
    "sortingMethod": "cameraDistance",
}
_UPRIGHT = {"rotation": [1, 0, 0, 0]}  # half a turn about x: glTF has y up and looks along -z, an optical frame y down


def write_gaussians_glb(path: str | Path, gaussians: Gaussians) -> None:
    """Write an unbatched splat: float32 throughout, in metres.

    Positions and rotations are stored as they are, in the frame of the splat; the node turns them by half a turn about x,
    so that what an optical frame holds stands upright and shows the side that the camera saw. ``confidence`` is the
    attribute ``_CONFIDENCE`` where there is one.

    Raises:
        InputError: a batch, an empty splat, values that are not finite, or the file can't be written.
    """
    values = SplatValues.of(gaussians)
    color = np.concatenate([linear(values.colors), values.opacities[:, None]], axis=1)
    attributes = {
        "POSITION": values.means,
        "COLOR_0": color,  # for viewers that draw points
        f"{EXTENSION}:ROTATION": values.quats[:, [1, 2, 3, 0]],
        f"{EXTENSION}:SCALE": values.scales,
        f"{EXTENSION}:OPACITY": values.opacities,
        f"{EXTENSION}:SH_DEGREE_0_COEF_0": (values.colors - 0.5) / SH_C0,
    }
    if values.confidence is not None:
        attributes["_CONFIDENCE"] = values.confidence
    data = pack_glb(
        attributes,
        primitive={"mode": 0, "extensions": {EXTENSION: _KIND}},
        node=_UPRIGHT,
        tree={"extensionsUsed": [EXTENSION]},
    )
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
