"""One message of every row of drivers.csv: what cameras, simulators and image_transport publish.

Its versions are commits of the source, or "memory" where that could not be read.
"""

import csv
from pathlib import Path

import cv2
import drawn_messages as drawn
import numpy as np
import pytest

pytest.importorskip("rclpy")
from sensor_msgs.msg import CameraInfo

from gsn_perception.geometry import InputError
from gsn_perception.geometry.masks.mask_size import resize_mask
from gsn_perception.pipeline.inputs.plausibility import check_depth_unit
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.camera.camera_info import to_camera
from gsn_perception.ros.messages.camera.detections import labels_of_detections
from gsn_perception.ros.messages.camera.distortion import Undistortion
from gsn_perception.ros.messages.camera.distortion import model_of

with (Path(__file__).parent / "drivers.csv").open(newline="") as table:
    ROWS = list(csv.DictReader(table))
K = np.array([[60.0, 0, 31.5], [0, 60, 23.5], [0, 0, 1]])


def rows(stream):
    chosen = [row for row in ROWS if row["stream"] == stream]
    return pytest.mark.parametrize("row", chosen, ids=[f"{r['source']}: {r['encoding']} {r['quirk']}" for r in chosen])


def check_remarks(row, remarks):
    assert [remark.code for remark in remarks] == ([row["remark"]] if row["remark"] else [])
    assert all(len(remark.text) > 40 for remark in remarks)


def test_the_table_is_whole():
    assert {row["stream"] for row in ROWS} == {"colour", "depth", "mask", "info"}
    assert len(ROWS) > 120
    assert len({tuple(row.values()) for row in ROWS}) == len(ROWS)


@rows("colour")
def test_colour(row):
    message, remarks = drawn.colour(row["encoding"], row["quirk"]), []
    if row["wants"] == "refused":
        with pytest.raises(InputError):
            images.to_rgb(message, remarks)
        return
    found = images.to_rgb(message, remarks)
    lossy = "jpeg" in row["encoding"] or row["encoding"] == "webp"
    assert found.shape == (drawn.HEIGHT, drawn.WIDTH, 3)
    assert found.dtype == np.uint8
    if row["wants"] == "grey":
        assert np.abs(found.astype(int) - drawn.GREY[..., None]).max() <= (8 if lossy else 1)
    else:
        middle = (slice(8, None, 24), slice(8, None, 32))  # of the quarters: away from what chroma and Bayer blend
        assert np.abs(found[middle].astype(int) - drawn.RGB[middle]).max() <= (4 if lossy else 2)
        assert np.abs(found[::2, ::2].astype(int) - drawn.RGB[::2, ::2]).mean() <= 6
    check_remarks(row, remarks)


@rows("depth")
def test_depth(row):
    message, remarks, limits = drawn.depth(row["encoding"], row["quirk"]), [], images.DepthRange(0.05, 5.0)
    if row["quirk"] == "millimetres":  # only the numbers tell
        with pytest.raises(InputError, match="millimetres"):
            check_depth_unit(images.to_depth(message))
        return
    if row["wants"] == "refused":
        with pytest.raises(InputError, match=r"(?i)depth"):
            images.to_depth(message, limits, remarks)
        return
    found, wanted = images.to_depth(message, limits, remarks), drawn.metres()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    near = {"rtol": 1e-3} if "32FC1; compressedDepth" in row["encoding"] else {"atol": 1e-6}
    np.testing.assert_allclose(found, wanted, **near)
    check_remarks(row, remarks)


LABELS = np.zeros((drawn.HEIGHT, drawn.WIDTH), np.uint8)
LABELS[4:12, 4:12], LABELS[14:20, 14:28] = 1, 3


def mask(row):
    """Message, mask_background, and the labels it means."""
    encoding, quirk = row["encoding"].removeprefix("zstd "), row["quirk"]
    values, background, wanted = LABELS, (0,), LABELS
    if quirk == "semantic":
        values = np.repeat(LABELS[..., None], 3, axis=2)
    elif quirk == "panoptic":  # class 7, its first and third instance
        values = np.zeros((*LABELS.shape, 3), np.uint8)
        values[LABELS > 0] = [(n, 0, 7) for n in LABELS[LABELS > 0]]
        wanted = np.where(LABELS > 0, 7 * 256 + LABELS.astype(int), 0)
    elif quirk == "jet":
        values = cv2.applyColorMap(LABELS * 60, cv2.COLORMAP_JET)
        if encoding == "rgba8":
            values = np.concatenate([values, np.full_like(values[..., :1], 255)], axis=-1)
    elif quirk == "unlabelled":  # 0 is the sky, 1 the table
        values, background = np.where(LABELS > 0, LABELS + 1, 1).astype(np.int32), (0, 1)
        values[0] = 0
        wanted = np.where(LABELS > 0, LABELS + 1, 0)
    elif quirk == "body_index":  # bodies from 0
        values, background, wanted = np.where(LABELS > 0, LABELS - 1, 255).astype(np.uint8), (255,), LABELS
    elif quirk == "pybullet":
        values, background, wanted = (
            np.where(LABELS > 0, LABELS.astype(np.int32), -1),
            (-1,),
            np.where(LABELS, LABELS + 1, 0),
        )
    elif quirk.startswith("binary"):
        values = np.where(LABELS > 0, 255, 0).astype(np.uint8)
        wanted = LABELS > 0
    if encoding == "polygons":
        return drawn.polygons(LABELS, (24, 32) if "half" in quirk else LABELS.shape), background, wanted
    if "half" in quirk:
        values = values[::2, ::2]
    item = drawn.raw(values, encoding, values.shape[1], values.shape[0])
    return (drawn.zstd(item) if "zstd" in row["encoding"] else item), background, wanted


@rows("mask")
def test_mask(row):
    message, background, wanted = mask(row)
    mode = "binary" if row["quirk"].startswith("binary") else "labels"
    if row["encoding"] == "polygons":
        np.testing.assert_array_equal(labels_of_detections(message, LABELS.shape), wanted)
        return
    if "half" in row["quirk"]:  # a segmenter's own resolution
        fitted, remark = resize_mask(images.to_mask(message, mode, background), LABELS.shape)
        np.testing.assert_array_equal(fitted, wanted)
        assert remark.code == row["remark"]
        return
    if row["wants"] == "refused":
        with pytest.raises(InputError, match="labels_map"):
            images.to_mask(message, mode, background)
        return
    np.testing.assert_array_equal(images.to_mask(message, mode, background), wanted)
    np.testing.assert_array_equal(images.to_mask(message, "binary", background), wanted > 0)


D = np.array([-0.2, 0.06, 0.001, -0.002, 0.01, 0.02, 0.003, -0.001, 0.002, 0.001, -0.001, 0.002, 0.001, -0.002])


def info(row):
    quirk, P = row["quirk"].split(), np.concatenate([K, np.zeros((3, 1))], axis=1)
    fisheye = row["wants"] == "fisheye"
    if quirk == ["orbbec"]:
        d = [0.1, -0.02, 0.0, 0.0, 0.003, -0.001, 0.0, 0.0]
    else:
        count = int(quirk[0][1:])
        d = [0.1, -0.02, 0.003, -0.001][:count] if fisheye else list(D[:count])
        zeros = next((int(word[5:]) - count for word in quirk if word.startswith("zeros")), 0)
        d += [0.0] * (1 if "zero" in quirk else zeros)
    item = CameraInfo(width=64, height=48, k=K.reshape(-1), p=P.reshape(-1), d=d, distortion_model=row["encoding"])
    item.roi.do_rectify = "do_rectify" in quirk
    if "p_zero" in quirk:
        item.p = np.zeros(12)
    return item, np.array([v for v in d if v != 0]) if quirk == ["orbbec"] else np.array(d)


@rows("info")
def test_camera_info(row):
    message, d = info(row)
    remarks = []
    if row["wants"] == "refused":
        with pytest.raises(InputError, match="distortion model"):
            to_camera(message, rectify=True)
        return
    camera = to_camera(message, rectify=True, remarks=remarks)
    np.testing.assert_allclose(camera.integer_centre_K, K)
    np.testing.assert_allclose(to_camera(message).integer_centre_K, K)
    check_remarks(row, remarks)
    assert model_of(message)[0] == row["wants"]
    maps = Undistortion.of(message)
    if row["wants"] == "none":
        assert maps is None
        return
    rays = np.array([[0.0, 0.0, 1.0], [0.2, -0.1, 1.0], [-0.3, 0.25, 1.0]])
    ideal = rays[:, :2] @ K[:2, :2] + K[:2, 2]
    if row["wants"] == "fisheye":
        raw = cv2.fisheye.projectPoints(rays[:, None], np.zeros(3), np.zeros(3), K, d[:4])[0][:, 0]
    elif row["wants"] == "brown":
        full = np.pad(d, (0, next(n for n in (4, 5, 8, 12, 14) if n >= len(d)) - len(d)))
        raw = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), K, full)[0][:, 0]
    else:  # the polynomial leads from the raw pixel to the ideal one
        raw = ideal
        sampled = np.stack(
            [cv2.remap(m, *raw.astype(np.float32).T, cv2.INTER_LINEAR) for m in (maps.map_x, maps.map_y)], -1
        )
        there = (sampled.reshape(-1, 2) - K[:2, 2]) / 60
        back = cv2.projectPoints(np.c_[there, np.ones(3)], np.zeros(3), np.zeros(3), K, d)[0][:, 0]
        np.testing.assert_allclose(back, ideal, atol=0.02)
        return
    sampled = [
        cv2.remap(m, *ideal.astype(np.float32).T, cv2.INTER_LINEAR).reshape(-1) for m in (maps.map_x, maps.map_y)
    ]
    np.testing.assert_allclose(np.stack(sampled, -1), raw, atol=0.02)
