"""Images and cameras from files, and the sentence each kind of bad file gets."""

import json

import cv2
import numpy as np
import pytest

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.io import read_camera
from gsn_perception.io import read_depth
from gsn_perception.io import read_image
from gsn_perception.io import read_mask
from gsn_perception.io import write_camera
from gsn_perception.io import write_depth
from gsn_perception.io import write_image


def test_an_image_is_rgb_as_another_library_reads_it(tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    write_image(tmp_path / "a.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
    Image.fromarray(np.dstack([pixels, np.full((7, 5), 9, np.uint8)])).save(tmp_path / "alpha.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), pixels)
    assert np.array_equal(read_image(tmp_path / "alpha.png"), pixels)


def test_depth_is_metres_with_nan_for_unknown(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.array([[0, 1500], [65535, 1]], np.uint16))
    depth = read_depth(tmp_path / "d.png")
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, [[np.nan, 1.5], [65.535, 0.001]], rtol=1e-6)
    write_depth(tmp_path / "e.png", np.array([[np.nan, 1.5], [np.inf, 70.0]]))
    np.testing.assert_allclose(read_depth(tmp_path / "e.png"), [[np.nan, 1.5], [np.nan, np.nan]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_masks_keep_their_labels_and_may_be_grey_in_three_channels(tmp_path, dtype):
    labels = np.array([[0, 1], [2, 255]], dtype)
    cv2.imwrite(str(tmp_path / "m.png"), labels)
    cv2.imwrite(str(tmp_path / "m3.png"), np.dstack([labels] * 3))
    for name in ("m.png", "m3.png"):
        mask = read_mask(tmp_path / name)
        assert mask.dtype == dtype
        assert np.array_equal(mask, labels)


@pytest.mark.parametrize("reader", [read_image, read_depth, read_mask])
def test_missing_empty_and_corrupt_files_get_a_sentence(tmp_path, reader):
    with pytest.raises(InputError, match=r"nothing\.png \(no such file"):
        reader(tmp_path / "nothing.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    cv2.imwrite(str(tmp_path / "cut.png"), np.zeros((64, 64), np.uint16))
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:20])
    for name in ("empty.png", "text.png", "cut.png"):
        with pytest.raises(InputError, match="corrupt or not an image"):
            reader(tmp_path / name)
    with pytest.raises(InputError, match="cannot read"):
        reader(tmp_path)


def test_wrong_types_get_a_sentence(tmp_path):
    grey, deep = np.full((4, 4), 7, np.uint8), np.full((4, 4), 700, np.uint16)
    colour = np.dstack([grey, grey + 1, grey])
    write_image(tmp_path / "grey.png", grey)
    write_image(tmp_path / "deep.png", deep)
    write_image(tmp_path / "colour.png", colour)
    cv2.imwrite(str(tmp_path / "float.tiff"), np.ones((4, 4), np.float32))
    with pytest.raises(InputError, match="grey"):
        read_image(tmp_path / "grey.png")
    with pytest.raises(InputError, match="uint16, not 8-bit"):
        read_image(tmp_path / "deep.png")
    for name in ("grey.png", "colour.png", "float.tiff"):
        with pytest.raises(InputError, match="16-bit PNG in millimetres"):
            read_depth(tmp_path / name)
    with pytest.raises(InputError, match="colour image"):
        read_mask(tmp_path / "colour.png")
    with pytest.raises(InputError, match="float32"):
        read_mask(tmp_path / "float.tiff")
    with pytest.raises(InputError, match="suffix"):
        write_image(tmp_path / "a.nonsense", grey)


def test_camera_json_round_trip_shifts_the_centre_once(tmp_path):
    K = [[616.4, 0, 310.25], [0, 616.2, 236.5], [0, 0, 1]]
    (tmp_path / "camera.json").write_text(json.dumps({"width": 640, "height": 480, "K": K, "frame": "x"}))
    camera = read_camera(tmp_path / "camera.json")
    np.testing.assert_allclose(camera.K[:2, 2], [310.75, 237.0])
    write_camera(tmp_path / "again.json", camera)
    np.testing.assert_allclose(json.loads((tmp_path / "again.json").read_text())["K"], K)
    assert isinstance(camera, Camera)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, 0),
        ({"D": [0, 0.0, 0, 0, 0], "distortion": {"k1": 0.0}, "depth_unit": "mm"}, 0),
        ({"D": []}, 0),
        ({"D": [0.0, -0.1]}, 1),
        ({"distortion_coefficients": {"rows": 1, "data": [0.1, 0]}}, 1),
        ({"distortion": {"k1": -0.2}}, 1),
        ({"coeffs": [[0.01]]}, 1),
    ],
)
def test_distortion_in_a_camera_file_is_said(tmp_path, given, said):
    K = [[600, 0, 310], [0, 600, 236], [0, 0, 1]]
    (tmp_path / "camera.json").write_text(json.dumps({"width": 640, "height": 480, "K": K, **given}))
    remarks = []
    assert read_camera(tmp_path / "camera.json", remarks).width == 640
    assert [remark.code for remark in remarks] == ["distortion_ignored"] * said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"width": 4, "K": [[1,0,0],[0,1,0],[0,0,1]]}', "lacks height"),
        ('{"width": 4.5, "height": 4, "K": [[1,0,0],[0,1,0],[0,0,1]]}', "whole numbers"),
        ('{"width": 4, "height": 4, "K": [[1,0],[0,1]]}', "three rows"),
        ('{"width": 4, "height": 4, "K": [[1,0,0],[0,1,0],"a"]}', "three rows"),
        ('{"width": 4, "height": 4, "K": [[0,0,0],[0,0,0],[0,0,0]]}', "zero, singular"),
        ('{"width": 0, "height": 4, "K": [[1,0,0],[0,1,0],[0,0,1]]}', "not positive"),
    ],
)
def test_bad_camera_files_get_a_sentence_that_names_the_file(tmp_path, content, words):
    (tmp_path / "camera.json").write_text(content)
    with pytest.raises(InputError, match=words) as caught:
        read_camera(tmp_path / "camera.json")
    assert "camera.json" in str(caught.value)


def test_a_missing_camera_file_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_camera(tmp_path / "camera.json")


def test_masks_of_other_forms_are_labels(tmp_path):
    """Palettes (data sets that colour their labels), cut-outs, one bit, grey with alpha; as Pillow writes them."""
    from PIL import Image

    labels = np.zeros((8, 10), np.uint8)
    labels[2:5, 2:6], labels[5:7, 6:9] = 1, 2
    coloured = Image.frombytes("P", (10, 8), labels.tobytes())
    coloured.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    coloured.save(tmp_path / "palette.png")
    assert np.array_equal(read_mask(tmp_path / "palette.png"), labels)
    Image.fromarray(labels > 0).save(tmp_path / "bit.png")
    assert np.array_equal(read_mask(tmp_path / "bit.png") > 0, labels > 0)
    full = np.full_like(labels, 255)
    Image.fromarray(np.dstack([labels, full])).save(tmp_path / "opaque.png")
    assert np.array_equal(read_mask(tmp_path / "opaque.png"), labels)
    alpha = (labels > 0).astype(np.uint8) * 255
    picture = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    for name, colours in (("cutout.png", picture), ("white.png", np.full_like(picture, 255))):
        Image.fromarray(np.dstack([colours, alpha])).save(tmp_path / name)
        assert np.array_equal(read_mask(tmp_path / name), alpha)
    Image.fromarray(np.dstack([labels + 3, alpha])).save(tmp_path / "grey.png")
    assert np.array_equal(read_mask(tmp_path / "grey.png"), np.where(alpha > 0, labels + 3, 0))
    coloured.putpalette([255, 255, 255, 128, 0, 0, 0, 128, 0])  # which index is the background?
    coloured.save(tmp_path / "white_first.png")
    with pytest.raises(InputError, match="colour image"):
        read_mask(tmp_path / "white_first.png")
