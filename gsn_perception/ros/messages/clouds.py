"""Converts structured numpy arrays to sensor_msgs/PointCloud2 and back."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

import numpy as np
from sensor_msgs.msg import PointCloud2
from sensor_msgs.msg import PointField
from std_msgs.msg import Header

from gsn_perception.geometry import InputError

_TYPES = {
    "i1": PointField.INT8,
    "u1": PointField.UINT8,
    "i2": PointField.INT16,
    "u2": PointField.UINT16,
    "i4": PointField.INT32,
    "u4": PointField.UINT32,
    "f4": PointField.FLOAT32,
    "f8": PointField.FLOAT64,
}
_MAX_STEP = 1 << 16  # largest size of a point, bytes
_CODES = {value: key for key, value in _TYPES.items()}


def to_message(rows: np.ndarray, header: Header) -> PointCloud2:
    """An unordered cloud of the structured array ``rows`` [N] with scalar fields."""
    rows = np.ascontiguousarray(rows)
    fields = []
    for name, (dtype, offset, *_) in (rows.dtype.fields or {}).items():
        kind = _TYPES[dtype.str[1:]]
        fields.append(PointField(name=name, offset=offset, datatype=kind, count=1))
    data = array("B")
    data.frombytes(rows.tobytes())
    return PointCloud2(
        header=header,
        height=1,
        width=len(rows),
        fields=fields,
        is_bigendian=sys.byteorder == "big",
        point_step=rows.dtype.itemsize,
        row_step=rows.dtype.itemsize * len(rows),
        data=data,
        is_dense=True,
    )


def from_message(cloud: PointCloud2, *required: str) -> np.ndarray:
    """The cloud's rows [H * W] as a structured array in native byte order.

    Raises:
        InputError: sizes disagree, a field lies outside a point, or a required field is missing.
    """
    missing = [name for name in required if name not in {f.name for f in cloud.fields}]
    if missing:
        raise InputError(f"the point cloud lacks the field(s) {', '.join(missing)}; publish them")
    dtype = _dtype(cloud)
    count = cloud.width * cloud.height
    if cloud.row_step < cloud.width * cloud.point_step or len(cloud.data) != cloud.row_step * cloud.height:
        raise InputError(
            f"the point cloud holds {len(cloud.data)} bytes, not {cloud.height} rows of {cloud.row_step} "
            f"for {cloud.width} points of {cloud.point_step}; the message is damaged"
        )
    if not count:
        return np.zeros(0, dtype.newbyteorder("="))
    shape, strides = (cloud.height, cloud.width), (cloud.row_step, cloud.point_step)
    rows = np.ndarray(shape, dtype, buffer=np.frombuffer(cloud.data, np.uint8), strides=strides).reshape(-1)
    return (
        rows if sys.byteorder == ("big" if cloud.is_bigendian else "little") else rows.astype(dtype.newbyteorder("="))
    )


def columns(rows: np.ndarray, *names: str) -> np.ndarray:
    """The named fields side by side, [N,len(names)] float32."""
    return np.stack([rows[name].astype(np.float32) for name in names], axis=-1)


def row_type(fields: Sequence[str]) -> np.dtype:
    """The structured dtype of a cloud of this package: ``label`` is uint32, every other field float32."""
    return np.dtype([(name, "<u4" if name == "label" else "<f4") for name in fields])


def joined(parts: Sequence[np.ndarray], fields: Sequence[str]) -> np.ndarray:
    """Rows of several objects as one array; empty with these fields where there is none."""
    return np.concatenate(parts) if parts else np.zeros(0, row_type(fields))


def fill(rows: np.ndarray, names: Sequence[str], values: np.ndarray) -> None:
    """Write the columns of ``values`` [N,len(names)] into the named fields."""
    for column, name in enumerate(names):
        rows[name] = values[:, column]


def pack_rgb(colors: np.ndarray) -> np.ndarray:
    """Packed colours [N] float32 with the bits 0x00RRGGBB, the field ``rgb`` of PCL and RViz; from [N,3] in [0, 1]."""
    levels = np.rint(np.clip(np.nan_to_num(colors), 0, 1) * 255).astype(np.uint32)
    return (levels[:, 0] << 16 | levels[:, 1] << 8 | levels[:, 2]).view(np.float32)


def unpack_rgb(packed: np.ndarray) -> np.ndarray:
    """Colours [N,3] float32 in [0, 1], from packed colours [N] (float32 or uint32)."""
    bits = np.ascontiguousarray(packed).view(np.uint32)
    return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=-1).astype(np.float32) / 255


def xyz_of(cloud: PointCloud2) -> np.ndarray:
    """Finite positions [N,3] float32 in metres."""
    xyz = columns(from_message(cloud, "x", "y", "z"), "x", "y", "z")
    return xyz[np.isfinite(xyz).all(axis=1)]


def _dtype(cloud: PointCloud2) -> np.dtype:
    order = ">" if cloud.is_bigendian else "<"
    if cloud.point_step > _MAX_STEP:
        raise InputError(
            f"the point cloud's points are {cloud.point_step} bytes each, more than {_MAX_STEP}; it is damaged"
        )
    named = [field.name for field in cloud.fields]
    if len(set(named)) < len(named) or "" in named:
        raise InputError("the point cloud has two fields of one name, or one without; name every field once")
    names, formats, offsets = [], [], []
    for field in cloud.fields:
        if field.datatype not in _CODES:
            raise InputError(f"the point cloud's field {field.name[:40]!r} has the unknown type {field.datatype}")
        base = np.dtype(order + _CODES[field.datatype])
        count = max(field.count, 1)
        if field.offset + base.itemsize * count > cloud.point_step:
            raise InputError(
                f"the point cloud's field {field.name[:40]!r} lies outside its {cloud.point_step}-byte points"
            )
        names.append(field.name)
        formats.append(base if count == 1 else np.dtype((base, (count,))))
        offsets.append(field.offset)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": cloud.point_step})
