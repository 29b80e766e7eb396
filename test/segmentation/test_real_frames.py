from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Observation
from gsn_perception.segmentation import fit_support_plane
from gsn_perception.segmentation import segment

FRAMES = Path(__file__).resolve().parents[2] / "../shared/data/frames"


@pytest.fixture(params=["green_bowl", "pepper", "blue_mug"])
def frame(request):
    folder = FRAMES / request.param
    if not folder.is_dir():
        pytest.skip(f"the real frame {request.param} is not on this machine")
    values = json.loads((folder / "camera.json").read_text())
    camera = Camera.from_integer_centres(np.array(values["K"]), values["width"], values["height"])
    image = cv2.imread(str(folder / "color.png"))[:, :, ::-1].copy()
    depth = cv2.imread(str(folder / "depth.png"), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000
    truth = cv2.imread(str(folder / "mask.png"), cv2.IMREAD_UNCHANGED) > 0
    return Observation(image, camera, depth=depth), truth


def _iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_plane_mode_finds_the_one_object(frame):
    observation, truth = frame
    mask, plane = segment(observation, "plane", 8)
    assert mask.max() == 1
    assert _iou(mask == 1, truth) > 0.9
    around = fit_support_plane(observation.depth, observation.camera, truth)
    assert np.degrees(np.arccos(min(plane.normal @ around.normal, 1.0))) < 1
    assert plane.offset == pytest.approx(around.offset, abs=0.005)


def test_grabcut_finds_the_object(frame):
    observation, truth = frame
    rows, columns = np.nonzero(truth)
    pad = 12
    x, y = columns.min() - pad, rows.min() - pad
    roi = (int(x), int(y), int(np.ptp(columns) + 2 * pad), int(np.ptp(rows) + 2 * pad))
    roi = (*roi[:3], min(roi[3], observation.camera.height - roi[1]))
    seen = Observation(observation.image, observation.camera, roi=roi)
    mask, _ = segment(seen, "grabcut", 1)
    assert _iou(mask == 1, truth) > 0.8
