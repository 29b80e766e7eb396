"""RVL against an encoder written from the paper's description."""

import struct
from array import array

import numpy as np
import pytest

pytest.importorskip("sensor_msgs")
from rvl_encoder import encode
from sensor_msgs.msg import CompressedImage

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.camera import images

A, B = 100.0, 1.0


def message(body: bytes, encoding: str = "16UC1") -> CompressedImage:
    data = struct.pack("<iff", 0, A, B) + body
    return CompressedImage(format=f"{encoding}; compressedDepth rvl", data=array("B", data))


def some_levels(kind: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    smooth = np.rint(700 + 200 * np.sin(np.arange(63) / 9) + rng.normal(size=(47, 63))).astype(np.uint16)
    return {
        "empty": np.zeros((3, 5), np.uint16),
        "one": np.array([[65535]], np.uint16),
        "random": rng.integers(0, 65536, (20, 31)).astype(np.uint16),
        "smooth": smooth,
        "holes": np.where(rng.random(smooth.shape) < 0.4, 0, smooth).astype(np.uint16),
        "ends in zeros": np.array([[5, 0, 7], [0, 0, 0]], np.uint16),
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "one", "random", "smooth", "holes", "ends in zeros"])
def test_what_was_encoded_is_decoded(kind):
    levels = some_levels(kind)
    metres = images.to_depth(message(encode(levels)))
    expected = np.where(levels > 0, levels * 0.001, np.nan)
    np.testing.assert_allclose(metres, expected.astype(np.float32), rtol=1e-6)


def test_the_example_by_hand():
    """Two zeros, three levels 1 2 1: run lengths 2 and 3, differences +1 +1 -1 folded to 2 2 1; 00000 fills the word."""
    assert encode(np.array([[0, 0, 1, 2, 1]], np.uint16))[8:] == struct.pack("<I", 0x23221000)


def test_inverse_depth():
    levels = some_levels("holes")
    metres = images.to_depth(message(encode(levels), "32FC1"))
    known = levels > 0
    np.testing.assert_allclose(metres[known], A / (levels[known].astype(np.float32) - B), rtol=1e-5)
    assert np.isnan(metres[~known]).all()


@pytest.mark.parametrize("keep", [0, 3, 7, 8, 12, 40, -4])
def test_cut_data_is_refused(keep):
    with pytest.raises(InputError, match=r"RVL|compressed depth"):
        images.to_depth(message(encode(some_levels("smooth"))[:keep]))


def test_runs_beyond_the_image_and_endless_numbers_are_refused():
    for text in ("f" * 16, "71" + "0" * 6, "07" + "0" * 6):  # a number without end, 7 zeros, 7 levels in 2 pixels
        words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
        body = struct.pack("<II", 2, 1) + struct.pack(f"<{len(words)}I", *words)
        with pytest.raises(InputError, match="cut or damaged"):
            images.to_depth(message(body))


@pytest.mark.parametrize("size", [(0, 5), (2**32 - 1, 2**32 - 1), (2**16, 2**16)])
def test_the_size_is_believed_only_up_to_8k(size):
    with pytest.raises(InputError, match="pixels"):
        images.to_depth(message(struct.pack("<II", *size) + bytes(40)))
