"""A frame's masks through `prepare_frame`: cleaned before they are judged, with remarks, without weights."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Refusal
from gsn_perception.geometry.transforms import look_at
from gsn_perception.gsn.crop import Crop
from gsn_perception.pipeline import ReconstructorSettings
from gsn_perception.pipeline.inputs.prepared_frame import prepare_frame
from gsn_perception.scenes.objects import random_object
from gsn_perception.scenes.sensor import DepthSensor
from gsn_perception.scenes.tabletop import random_tabletop

SETTINGS = ReconstructorSettings()


@pytest.fixture(scope="module")
def frame() -> Observation:
    """Two objects on a table, no plane given."""
    items = [random_object(seed, family) for seed, family in ((4, "mug"), (2, "bottle"))]
    scene, _ = random_tabletop([item.scaled(0.11 / float(item.extent.max())) for item in items], 1, 2)
    camera = Camera.from_fov(0.9, 400, 320, look_at(scene.centre + np.array([0.5, 0.1, 0.45]), scene.centre))
    seen = scene.observe(camera, sensor=DepthSensor(), supersample=1)
    return replace(seen, support_plane=None, camera=Camera(camera.K, 400, 320))


def _codes(prepared) -> dict[int, list[str]]:
    return {label: [r.code for r in remarks] for label, remarks in prepared.remarks.items()}


def test_a_good_frame_has_no_remarks_and_keeps_its_mask(frame: Observation) -> None:
    for seen in (frame, replace(frame, depth=None)):
        prepared = prepare_frame(seen, SETTINGS, 64)
        assert prepared.observation.mask is frame.mask
        assert prepared.observation.remarks == ()
        assert _codes(prepared) == {1: [], 2: []}


def test_a_stray_pixel_changes_nothing_but_says_so(frame: Observation) -> None:
    mask = frame.mask.copy()
    mask[0, 0] = 1
    clean, stray = prepare_frame(frame, SETTINGS, 64), prepare_frame(replace(frame, mask=mask), SETTINGS, 64)
    assert isinstance(stray.crops[1], Crop)
    np.testing.assert_array_equal(stray.crops[1].alpha, clean.crops[1].alpha)
    np.testing.assert_array_equal(stray.observation.support_plane.normal, clean.observation.support_plane.normal)
    assert _codes(stray) == {1: ["mask_pieces"], 2: []}
    as_it_came = prepare_frame(replace(frame, mask=mask), replace(SETTINGS, clean_masks=False), 64)
    assert isinstance(as_it_came.crops[1], Refusal)
    assert "border" in as_it_came.crops[1].reason


def test_each_object_has_its_own_remarks(frame: Observation) -> None:
    wide = cv2.dilate((frame.mask == 2).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    mask = np.where(wide & (frame.mask == 0), 2, frame.mask).astype(np.uint8)
    prepared = prepare_frame(replace(frame, mask=mask), SETTINGS, 64)
    assert _codes(prepared) == {1: [], 2: ["mask_rim"]}
    truth, found = frame.mask == 2, prepared.observation.mask == 2
    assert (truth & found).sum() / (truth | found).sum() > 0.95
    assert np.array_equal(prepared.observation.mask == 1, frame.mask == 1)


@pytest.mark.parametrize("mode", ["labels", "binary"])
def test_probabilities_are_one_object(frame: Observation, mode: str) -> None:
    truth = frame.mask == 1
    soft = cv2.GaussianBlur(truth.astype(np.uint8) * 255, (9, 9), 0)
    prepared = prepare_frame(replace(frame, mask=soft), replace(SETTINGS, mask_mode=mode), 64)
    assert list(prepared.crops) == [1]
    assert [r.code for r in prepared.observation.remarks] == ["mask_soft"]
    found = prepared.observation.mask == 1
    assert (truth & found).sum() / (truth | found).sum() > 0.97


def test_many_values_that_are_no_labels_are_one_sentence(frame: Observation) -> None:
    noise = np.random.default_rng(0).integers(0, 40, frame.mask.shape).astype(np.uint8)
    with pytest.raises(InputError, match=r"39 values.*mask_mode"):
        prepare_frame(replace(frame, mask=noise), SETTINGS, 64)


def test_millimetres_are_refused_whatever_else_could_fix_the_scale(frame: Observation) -> None:
    for more in ({}, {"size_hint": 0.1}, {"mask": None}):
        with pytest.raises(InputError, match="millimetres"):
            prepare_frame(replace(frame, depth=frame.depth * 1000, **more), SETTINGS, 64)
    assert prepare_frame(replace(frame, depth=frame.depth * 1000), replace(SETTINGS, use_depth=False), 64).crops


def test_depth_out_of_range_and_a_doubtful_camera_are_the_frames_remarks(frame: Observation) -> None:
    K = frame.camera.K.copy()
    K[:2, 2] *= 2
    seen = replace(frame, depth=frame.depth * 10, camera=Camera(K, 400, 320))
    codes = [r.code for r in prepare_frame(seen, SETTINGS, 64).observation.remarks]
    assert codes == ["principal_point", "depth_range"]


def test_labels_beyond_max_objects_are_told(frame: Observation) -> None:
    prepared = prepare_frame(frame, replace(SETTINGS, max_objects=1), 64)
    assert list(prepared.crops) == [int(np.bincount(frame.mask[frame.mask > 0]).argmax())]
    assert [r.code for r in prepared.observation.remarks] == ["objects_left_out"]
    assert "2 labels" in prepared.observation.remarks[0].text
    assert prepare_frame(frame, replace(SETTINGS, max_objects=2), 64).observation.remarks == ()


def test_an_object_that_the_border_cuts_is_told_where_it_is_allowed(frame: Observation) -> None:
    mask = frame.mask.copy()
    mask[:, :2] = np.where(mask[:, :2] > 0, mask[:, :2], 2)
    for allowed, codes in ((True, ["object_cut"]), (False, [])):
        prepared = prepare_frame(
            replace(frame, mask=mask, depth=None), replace(SETTINGS, allow_cut=allowed, clean_masks=False), 64
        )
        assert _codes(prepared)[2] == codes
        assert _codes(prepared)[1] == []
        assert isinstance(prepared.crops[2], Refusal) != allowed
