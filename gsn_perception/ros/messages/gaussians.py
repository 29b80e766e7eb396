"""Converts splats and surface points to the clouds of the topics ``gaussians`` and ``points``, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Points
from gsn_perception.ros.messages import clouds

_XYZ = ("x", "y", "z")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_NORMALS = ("normal_x", "normal_y", "normal_z")
_PLAIN_FIELDS = (*_XYZ, "rgb", "opacity", *_SCALES, *_QUATS, "label")
GAUSSIAN_FIELDS = (*_PLAIN_FIELDS, "confidence")
POINT_FIELDS = (*_XYZ, "rgb", *_NORMALS, "label", "confidence")


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
    return clouds.to_message(_join(parts, fields), header)


def cloud_to_gaussians(cloud: PointCloud2) -> dict[int, Gaussians]:
    """The splats of a cloud by label, with confidence where the cloud has that field.

    Raises:
        InputError: another field is missing or the message is damaged.
    """
    rows = clouds.from_message(cloud, *_PLAIN_FIELDS)
    return {int(label): _splat(rows[rows["label"] == label]) for label in np.unique(rows["label"])}


def points_to_cloud(points: Mapping[int, Points], header: Header) -> PointCloud2:
    """One cloud of several objects' surface points."""
    parts = [_point_rows(value, label) for label, value in points.items()]
    return clouds.to_message(_join(parts, POINT_FIELDS), header)


def cloud_to_points(cloud: PointCloud2) -> dict[int, Points]:
    """The surface points of a cloud by label.

    Raises:
        InputError: a field is missing or the message is damaged.
    """
    rows = clouds.from_message(cloud, *POINT_FIELDS)
    out = {}
    for label in np.unique(rows["label"]):
        own = rows[rows["label"] == label]
        normals, confidence = clouds.columns(own, *_NORMALS), own["confidence"].astype(np.float32)
        out[int(label)] = Points(clouds.columns(own, *_XYZ), clouds.unpack_rgb(own["rgb"]), normals, confidence)
    return out


def _dtype(fields: tuple[str, ...]) -> np.dtype:
    return np.dtype([(name, "<u4" if name == "label" else "<f4") for name in fields])


def _join(parts: list[np.ndarray], fields: tuple[str, ...]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, _dtype(fields))


def _fill(rows: np.ndarray, names: tuple[str, ...], values: np.ndarray) -> None:
    for column, name in enumerate(names):
        rows[name] = values[:, column]


def _gaussian_rows(splat: Gaussians, label: int, fields: tuple[str, ...]) -> np.ndarray:
    rows = np.zeros(len(splat), _dtype(fields))
    _fill(rows, _XYZ, splat.means.numpy())
    _fill(rows, _SCALES, splat.scales.numpy())
    _fill(rows, _QUATS, torch.nn.functional.normalize(splat.quats, dim=-1).numpy())
    rows["rgb"] = clouds.pack_rgb(splat.colors.numpy())
    rows["opacity"] = splat.opacities.numpy()
    rows["label"] = label
    if splat.confidence is not None and "confidence" in fields:
        rows["confidence"] = splat.confidence.numpy()
    return rows


def _point_rows(points: Points, label: int) -> np.ndarray:
    rows = np.zeros(len(points), _dtype(POINT_FIELDS))
    _fill(rows, _XYZ, points.xyz)
    _fill(rows, _NORMALS, points.normals)
    rows["rgb"] = clouds.pack_rgb(points.colors)
    rows["label"] = label
    rows["confidence"] = points.confidence
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
