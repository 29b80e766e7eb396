"""Converts splats to the cloud of the topic ``gaussians`` and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from gsn_perception.geometry import Gaussians
from gsn_perception.ros.messages import clouds

_XYZ = ("x", "y", "z")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_PLAIN_FIELDS = (*_XYZ, "rgb", "opacity", *_SCALES, *_QUATS, "label")
GAUSSIAN_FIELDS = (*_PLAIN_FIELDS, "confidence")


def gaussians_to_cloud(
    splats: Mapping[int, Gaussians], header: Header, *, opacity_threshold: float = 0.0, max_gaussians: int = 0
) -> PointCloud2:
    """One cloud of several splats; linear units, quaternions with w first.

    The cloud has the field ``confidence`` when every splat has one.

    Args:
        splats: Label to unbatched splat.
        header: Stamp and frame.
        opacity_threshold: Gaussians below are left out.
        max_gaussians: At most this many per object, the most opaque first; 0 = all.
    """
    parts = []
    unsure = any(splat.confidence is None for splat in splats.values())
    fields: tuple[str, ...] = _PLAIN_FIELDS if unsure else GAUSSIAN_FIELDS
    for label, splat in splats.items():
        splat = splat.detach().to("cpu", torch.float32)
        keep = torch.nonzero(splat.opacities >= opacity_threshold).reshape(-1)
        if 0 < max_gaussians < len(keep):
            order = torch.argsort(splat.opacities[keep], descending=True, stable=True)
            keep = keep[order[:max_gaussians]].sort().values
        parts.append(_gaussian_rows(splat.select(keep), label, fields))
    return clouds.to_message(clouds.joined(parts, fields), header)


def cloud_to_gaussians(cloud: PointCloud2) -> dict[int, Gaussians]:
    """The splats of a cloud by label, with confidence where the cloud has that field.

    Raises:
        InputError: another field is missing or the message is damaged.
    """
    rows = clouds.from_message(cloud, *_PLAIN_FIELDS)
    return {int(label): _splat(rows[rows["label"] == label]) for label in np.unique(rows["label"])}


def _gaussian_rows(splat: Gaussians, label: int, fields: tuple[str, ...]) -> np.ndarray:
    rows = np.zeros(len(splat), clouds.row_type(fields))
    clouds.fill(rows, _XYZ, splat.means.numpy())
    clouds.fill(rows, _SCALES, splat.scales.numpy())
    clouds.fill(rows, _QUATS, torch.nn.functional.normalize(splat.quats, dim=-1).numpy())
    rows["rgb"] = clouds.pack_rgb(splat.colors.numpy())
    rows["opacity"] = splat.opacities.numpy()
    rows["label"] = label
    if splat.confidence is not None and "confidence" in fields:
        rows["confidence"] = splat.confidence.numpy()
    return rows


def _splat(rows: np.ndarray) -> Gaussians:
    sure = rows["confidence"].astype(np.float32) if "confidence" in (rows.dtype.names or ()) else None
    return Gaussians(
        means=torch.from_numpy(clouds.columns(rows, *_XYZ)),
        scales=torch.from_numpy(clouds.columns(rows, *_SCALES)),
        quats=torch.from_numpy(clouds.columns(rows, *_QUATS)),
        colors=torch.from_numpy(clouds.unpack_rgb(rows["rgb"])),
        opacities=torch.from_numpy(rows["opacity"].astype(np.float32)),
        confidence=None if sure is None else torch.from_numpy(sure),
    )
