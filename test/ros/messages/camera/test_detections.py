"""Polygons of segmentation models as masks; the messages are those of yolo_msgs where it is installed."""

from dataclasses import dataclass
from dataclasses import field
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy")
from gsn_perception.geometry import InputError
from gsn_perception.ros import optional
from gsn_perception.ros.messages.camera.detections import is_detections
from gsn_perception.ros.messages.camera.detections import labels_of_detections

SHAPE = (48, 64)


@dataclass
class Point2D:
    x: float = 0.0
    y: float = 0.0


@dataclass
class Mask:
    height: int = 0
    width: int = 0
    data: list = field(default_factory=list)


@dataclass
class Detection:
    class_id: int = 0
    class_name: str = ""
    score: float = 0.0
    id: str = ""
    mask: Mask = field(default_factory=Mask)


@dataclass
class DetectionArray:
    detections: list = field(default_factory=list)


STAND_INS = SimpleNamespace(Point2D=Point2D, Mask=Mask, Detection=Detection, DetectionArray=DetectionArray)


@pytest.fixture(params=["fields alone", "yolo_msgs"])
def kinds(request):
    found = optional.find("yolo_msgs.msg") if request.param == "yolo_msgs" else STAND_INS
    if found is None:
        pytest.skip("needs yolo_msgs of yolo_ros; the same path is tested with its fields")
    return found


def box(kinds, x0, y0, x1, y1, *, size=SHAPE, **detection):
    """A rectangle that covers the pixels x0..x1, y0..y1; size is (height, width) of the image it was found in."""
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    data = [kinds.Point2D(x=float(x), y=float(y)) for x, y in corners]
    return kinds.Detection(mask=kinds.Mask(height=size[0], width=size[1], data=data), **detection)


def labels(kinds, *detections, shape=SHAPE):
    message = kinds.DetectionArray(detections=list(detections))
    assert is_detections(message)
    return labels_of_detections(message, shape)


def drawn(*boxes):
    found = np.zeros(SHAPE, np.uint16)
    for label, x0, y0, x1, y1 in boxes:
        found[y0 : y1 + 1, x0 : x1 + 1] = label
    return found


def test_polygons_become_labels_and_the_surer_one_is_on_top(kinds):
    first, second = box(kinds, 5, 6, 20, 30, score=0.9), box(kinds, 15, 10, 40, 20, score=0.5)
    np.testing.assert_array_equal(labels(kinds, first, second), drawn((2, 15, 10, 40, 20), (1, 5, 6, 20, 30)))
    second.score = 0.95
    np.testing.assert_array_equal(labels(kinds, first, second), drawn((1, 5, 6, 20, 30), (2, 15, 10, 40, 20)))


def test_a_trackers_numbers_are_the_labels_where_every_detection_has_its_own(kinds):
    wanted = drawn((17, 1, 1, 9, 9), (300, 20, 20, 30, 30))
    found = labels(kinds, box(kinds, 1, 1, 9, 9, id="17"), box(kinds, 20, 20, 30, 30, id="300"))
    np.testing.assert_array_equal(found, wanted)
    for ids in (("17", ""), ("17", "17"), ("17", "0"), ("17", "-3"), ("17", "70000"), ("17", "x²")):
        found = labels(kinds, *(box(kinds, 20 * i, 1, 20 * i + 9, 9, id=name) for i, name in enumerate(ids)))
        assert set(np.unique(found)) == {0, 1, 2}


def test_polygons_found_at_another_size_are_scaled(kinds):
    """In an image of half the size the pixels 2..9 are those of 4..19 here."""
    found = labels(kinds, box(kinds, 2, 3, 9, 14, size=(24, 32)))
    inside = drawn((1, 5, 7, 18, 28))
    outside = drawn((1, 4, 6, 19, 29))
    assert np.all(found[inside > 0] == 1)
    assert not found[outside == 0].any()


def test_what_has_no_size_is_in_the_images_pixels(kinds):
    np.testing.assert_array_equal(labels(kinds, box(kinds, 5, 6, 20, 30, size=(0, 0))), drawn((1, 5, 6, 20, 30)))


def test_detections_of_another_aspect_are_refused(kinds):
    with pytest.raises(InputError, match=r"32x32 image, the image is 64x48.*segment the image the node gets"):
        labels(kinds, box(kinds, 2, 3, 9, 14, size=(32, 32)))


def test_boxes_alone_are_refused_and_nothing_found_is_an_empty_mask(kinds):
    with pytest.raises(InputError, match=r"none of the 2 detections has a polygon.*segmentation model"):
        labels(kinds, kinds.Detection(score=0.5), kinds.Detection(score=0.6))
    assert not labels(kinds).any()
    one = labels(kinds, kinds.Detection(score=0.9), box(kinds, 5, 6, 20, 30))
    np.testing.assert_array_equal(one, drawn((1, 5, 6, 20, 30)))


@pytest.mark.parametrize("far", [1e6, -1e12, 1e300])
def test_corners_far_outside_are_cut_at_the_border(kinds, far):
    wide = box(kinds, 10, 10, 20, 20)
    for point in wide.mask.data:
        point.x = far if point.x == 20 else 10.0
    found = labels(kinds, wide)
    assert set(np.unique(found[10:21])) == {0, 1}
    assert not found[:9].any()
    assert found[15, 40 if far > 0 else 3] == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_corners_that_are_not_finite_are_refused(kinds, bad):
    wrong = box(kinds, 10, 10, 20, 20)
    wrong.mask.data[1].x = bad
    with pytest.raises(InputError, match="not finite"):
        labels(kinds, wrong)
