"""Image messages: every encoding, padding, byte order, and what must be refused."""

import contextlib
import copy
import io
import struct
import zlib
from array import array

import cv2
import drawn_messages
import numpy as np
import pytest
from PIL import Image as Pillow

pytest.importorskip("rclpy")
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from gsn_perception.geometry import InputError
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.headers import make_header

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def message(pixels: np.ndarray, encoding: str, *, pad: int = 0, big: bool = False) -> Image:
    """Built byte by byte, independently of the module under test."""
    rows = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<"))
    data = b"".join(row.tobytes() + b"\xaa" * pad for row in rows)
    step = len(rows[0].tobytes()) + pad
    height, width = pixels.shape[:2]
    return Image(height=height, width=width, encoding=encoding, step=step, is_bigendian=int(big), data=array("B", data))


def with_alpha(pixels):
    return np.concatenate([pixels, np.full_like(pixels[..., :1], 7)], axis=2)


@pytest.mark.parametrize("pad", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", with_alpha(RGB)),
        ("bgra8", with_alpha(RGB[..., ::-1])),
    ],
)
def test_colour_orders(encoding, pixels, pad):
    out = images.to_rgb(message(pixels, encoding, pad=pad))
    assert out.dtype == np.uint8
    assert out.flags.c_contiguous
    np.testing.assert_array_equal(out, RGB)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_becomes_three_channels(encoding):
    out = images.to_rgb(message(RGB[..., 0], encoding, pad=3))
    np.testing.assert_array_equal(out, np.stack([RGB[..., 0]] * 3, axis=-1))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["rgb16", "bgr16", "rgba16", "bgra16", "mono16"])
def test_sixteen_bits(encoding, big):
    wide = RGB.astype(np.uint16) * 257
    order = {"rgb16": wide, "bgr16": wide[..., ::-1], "rgba16": with_alpha(wide), "bgra16": with_alpha(wide[..., ::-1])}
    pixels = order.get(encoding, wide[..., 0])
    wanted = RGB if encoding != "mono16" else np.stack([RGB[..., 0]] * 3, axis=-1)
    np.testing.assert_array_equal(images.to_rgb(message(pixels, encoding, big=big, pad=2)), wanted)


def test_rgb8_is_not_copied():
    item = message(RGB, "rgb8")
    out = images.to_rgb(item)
    item.data[0] = (int(item.data[0]) + 1) % 256
    assert out[0, 0, 0] == item.data[0]


PATTERNS = {"rggb": ((0, 1), (1, 2)), "bggr": ((2, 1), (1, 0)), "gbrg": ((1, 2), (0, 1)), "grbg": ((1, 0), (2, 1))}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("order", sorted(PATTERNS))
def test_bayer_of_a_flat_colour(order, bits):
    colour = (200, 100, 30)
    mosaic = np.zeros((8, 8), np.uint8)
    for row in range(2):
        for column in range(2):
            mosaic[row::2, column::2] = colour[PATTERNS[order][row][column]]
    pixels = mosaic if bits == 8 else mosaic.astype(np.uint16) * 257
    out = images.to_rgb(message(pixels, f"bayer_{order}{bits}", pad=4, big=bits == 16))
    np.testing.assert_allclose(out[2:-2, 2:-2], np.broadcast_to(colour, (4, 4, 3)), atol=1)


@pytest.mark.parametrize(("encoding", "luma"), [("uyvy", 1), ("yuv422", 1), ("yuyv", 0), ("yuv422_yuy2", 0)])
def test_yuv_of_a_flat_grey(encoding, luma):
    pixels = np.full((4, 6, 2), 128, np.uint8)
    pixels[..., luma] = 180
    out = images.to_rgb(message(pixels, encoding, pad=2))
    assert out.shape == (4, 6, 3)
    assert np.ptp(out.astype(int), axis=2).max() <= 1
    assert abs(int(out.mean()) - round((180 - 16) * 255 / 219)) <= 2


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_compressed(suffix):
    smooth = cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_LINEAR)
    data = cv2.imencode(suffix, smooth[..., ::-1])[1].tobytes()
    out = images.to_rgb(CompressedImage(format=f"rgb8; {suffix[1:]} compressed bgr8", data=array("B", data)))
    assert np.abs(out.astype(int) - smooth).mean() < (1e-9 if suffix == ".png" else 12)


@pytest.mark.parametrize(
    ("kind", "data"), [("jpeg", b""), ("jpeg", b"not a jpeg"), ("16UC1; compressedDepth png", b"\0" * 40)]
)
def test_damaged_compressed_is_refused(kind, data):
    with pytest.raises(InputError):
        images.to_rgb(CompressedImage(format=kind, data=array("B", data)))


@pytest.mark.parametrize("encoding", ["8UC2", "16UC1", "16SC1", "32SC1", "8SC3", "nonsense", "", "RGB8"])
def test_images_without_colour_order_are_refused(encoding):
    kind = {"8S": "i1", "16": "i2", "32": "i4"}.get(encoding[:2], "u1")
    pixels = RGB[..., 0] if encoding.endswith("C1") else RGB[..., :2] if encoding == "8UC2" else RGB
    with pytest.raises(InputError, match="publish rgb8"):
        images.to_rgb(message(pixels.astype(kind), encoding))


@pytest.mark.parametrize("values", [(0.0, 0.6), (0.6, 1.4), (0.6, np.nan), (0.6, np.inf), (-0.1, 0.6)])
def test_float_images_that_look_like_depth_are_no_colours(values):
    with pytest.raises(InputError, match="looks like depth"):
        images.to_rgb(message(np.array([values] * 4, np.float32), "32FC1"))


@pytest.mark.parametrize(("peak", "bits"), [(200, 8), (1000, 10), (4000, 12), (5000, 16), (65535, 16)])
@pytest.mark.parametrize("encoding", ["mono16", "bgr16", "rgba16", "bayer_rggb16"])
def test_sixteen_bits_that_hold_fewer_are_brightened_with_a_remark(encoding, peak, bits):
    """Photoneo's older driver sends 10 bits in rgb16, machine vision cameras 12 in bayer_*16."""
    values = np.linspace(0, peak, 64).astype(np.uint16).reshape(8, 8)
    if "a16" in encoding or encoding == "bgr16":
        values = np.repeat(values[..., None], 4 if "a16" in encoding else 3, axis=2)
        values[..., 3:] = 65535
    remarks = []
    found = images.to_rgb(message(values, encoding, big=True), remarks)
    wanted = values.reshape(8, 8, -1)[..., :1] / ((1 << bits) - 1) * 255
    inside = slice(2, -2) if encoding.startswith("bayer") else slice(None)
    assert np.abs(found[inside, inside] - wanted[inside, inside]).max() <= (20 if encoding.startswith("bayer") else 1)
    assert [remark.code for remark in remarks] == (["colour_bits_assumed"] if bits < 16 else [])


@pytest.mark.parametrize("encoding", ["nv12", "nv24", "i420", "yuyv", "yuv422"])
def test_damaged_yuv_is_refused(encoding):
    good = drawn_messages.colour(encoding, "")
    for change in ("short", "long", "step", "zero", "huge", *(["odd"] if encoding != "nv24" else [])):
        item = copy.deepcopy(good)
        if change == "short":
            item.data = item.data[:-1]
        elif change == "long":
            item.data = item.data + array("B", b"\0")
        elif change == "step":
            item.step, item.data = item.step - 1, item.data[:-9]
        elif change == "odd":
            item.width = item.width - 1
        elif change == "zero":
            item.height, item.data = 0, array("B")
        else:
            item.width = item.height = item.step = 2**16
        with pytest.raises(InputError, match=r"bytes|step|pairs|empty|pixels"):
            images.to_rgb(item)


@pytest.mark.parametrize("encoding", ["nv12", "i420"])
@pytest.mark.parametrize("step", range(8, 14))
@pytest.mark.parametrize("height", [3, 4, 6, 9])
def test_planes_of_any_step_and_height_are_read_or_refused(encoding, step, height):
    for length in {step * height, step * height * 3 // 2, 8 * height * 3 // 2}:
        item = Image(width=8, height=height, step=step, encoding=encoding, data=array("B", bytes(length)))
        with contextlib.suppress(InputError):
            assert images.to_rgb(item).shape in ((height, 8, 3), (height * 2 // 3, 8, 3))


def test_odd_sizes_of_shared_colours_are_refused():
    with pytest.raises(InputError, match="even size"):
        images.to_rgb(message(np.zeros((4, 5, 2), np.uint8), "yuyv"))
    item = message(np.zeros((9, 4), np.uint8), "nv12")
    item.height, item.width, item.step = 4, 9, 9
    item.data = array("B", bytes(54))
    with pytest.raises(InputError, match="even size"):
        images.to_rgb(item)


@pytest.mark.parametrize("change", ["short", "long", "step", "width", "zero"])
@pytest.mark.parametrize("decode", [images.to_rgb, images.to_depth, images.to_mask])
def test_damaged_messages_are_refused(decode, change):
    encoding, pixels = {
        images.to_rgb: ("rgb8", RGB),
        images.to_depth: ("32FC1", np.ones((6, 8), np.float32)),
        images.to_mask: ("mono8", np.ones((6, 8), np.uint8)),
    }[decode]
    item = message(pixels, encoding)
    assert decode(item) is not None
    if change == "short":
        item.data = item.data[:-1]
    elif change == "long":
        item.data = item.data + array("B", b"\0")
    elif change == "step":
        item.step -= 1
    elif change == "width":
        item.width += 1
    else:
        item.width = item.height = 0
        item.data = array("B")
    with pytest.raises(InputError, match=r"bytes|step|empty"):
        decode(item)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["32FC1", "64FC1"])
def test_float_depth(encoding, big):
    depth = np.array([[0.5, np.nan, np.inf], [-np.inf, 0.0, -1.0]], "f4" if encoding == "32FC1" else "f8")
    out = images.to_depth(message(depth, encoding, big=big, pad=3))
    assert out.dtype == np.float32
    assert out[0, 0] == np.float32(0.5)
    assert np.isnan(out.reshape(-1)[1:]).all()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
def test_millimetre_depth(encoding, big):
    depth = np.array([[0, 1, 500], [1234, 65535, 700]], np.uint16)
    out = images.to_depth(message(depth, encoding, big=big, pad=2))
    np.testing.assert_allclose(out, [[np.nan, 0.001, 0.5], [1.234, 65.535, 0.7]], rtol=1e-6)


def test_depth_limits():
    out = images.to_depth(message(np.array([[0.1, 0.3, 9.0]], np.float32), "32FC1"), images.DepthRange(0.2, 5.0))
    np.testing.assert_array_equal(np.isnan(out), [[True, False, True]])


@pytest.mark.parametrize("encoding", ["rgb8", "mono8", "8UC1", "32SC1"])
def test_depth_of_another_encoding_is_refused(encoding):
    pixels = {"rgb8": RGB, "32SC1": np.ones((2, 2), np.int32)}.get(encoding, np.ones((2, 2), np.uint8))
    with pytest.raises(InputError, match="no depth"):
        images.to_depth(message(pixels, encoding))


@pytest.mark.parametrize("mode", ["binary", "labels"])
@pytest.mark.parametrize(
    ("encoding", "dtype"),
    [
        ("mono8", "u1"),
        ("8UC1", "u1"),
        ("8SC1", "i1"),
        ("16UC1", "u2"),
        ("mono16", "u2"),
        ("16SC1", "i2"),
        ("32SC1", "i4"),
    ],
)
def test_masks(encoding, dtype, mode):
    labels = np.array([[0, 1, 2], [0, 100, 100]], dtype)
    out = images.to_mask(message(labels, encoding, pad=1), mode)
    assert out.dtype in (np.uint8, np.uint16)
    np.testing.assert_array_equal(out, (labels > 0) if mode == "binary" else labels)


@pytest.mark.parametrize("value", [-1, 65536])
def test_labels_out_of_range_are_refused(value):
    with pytest.raises(InputError, match=r"0\.\.65535"):
        images.to_mask(message(np.array([[0, value]], np.int32), "32SC1"), "labels")


@pytest.mark.parametrize("encoding", ["rgb16", "bayer_rggb8", "nv12", "nonsense", "32FC2"])
def test_masks_of_another_encoding_are_refused(encoding):
    pixels = {"rgb16": RGB.astype(np.uint16), "32FC2": RGB[..., :2].astype(np.float32)}.get(encoding, RGB[..., 0])
    with pytest.raises(InputError, match="no labels"):
        images.to_mask(message(pixels, encoding))


def test_pictures_of_labels_are_refused_by_what_to_publish():
    """A camera's picture, a colormap, and one object in magenta, whose blue would be a class of no instance."""
    coloured = np.zeros((6, 8, 3), np.uint8)
    coloured[2:4, 2:4], coloured[4:, 4:] = (90, 200, 40), (255, 0, 0)
    for pixels, encoding in ((RGB, "rgb8"), (RGB, "bgr8"), (coloured, "rgb8"), (coloured, "8UC3")):
        with pytest.raises(InputError, match=r"labels_map.*semantic"):
            images.to_mask(message(pixels, encoding), "labels")


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "8UC3"])
def test_label_maps_of_equal_channels(encoding):
    labels = np.array([[0, 1, 2], [0, 200, 255]], np.uint8)
    pixels = np.repeat(labels[..., None], 4 if "a8" in encoding else 3, axis=2)
    np.testing.assert_array_equal(images.to_mask(message(pixels, encoding, pad=2), "labels"), labels)


def test_panoptic_label_maps_keep_instances_apart():
    """Class in blue, number of the instance in red + 256 green (gz-rendering's LabelMapFromColoredBuffer)."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 1:3], pixels[1, 1:3], pixels[2, 1:3] = (1, 0, 5), (2, 0, 5), (1, 0, 9)
    found = images.to_mask(message(pixels, "rgb8"), "labels")
    assert [found[row, 1] for row in range(4)] == [5 * 256 + 1, 5 * 256 + 2, 9 * 256 + 1, 0]
    np.testing.assert_array_equal(images.to_mask(message(pixels[..., ::-1], "bgr8"), "labels"), found)
    assert images.to_mask(message(pixels, "rgb8"), "labels", (0, 5)).max() == 9 * 256 + 1
    assert (images.to_mask(message(pixels, "rgb8"), "labels", (0, 5)) > 0).sum() == 2
    pixels[1, 1:3] = (44, 1, 5)  # instance 300: no two bytes hold class and instance
    found = images.to_mask(message(pixels, "rgb8"), "labels")
    assert [found[row, 1] for row in range(4)] == [1, 2, 3, 0]


@pytest.mark.parametrize("encoding", ["32FC1", "64FC1", "32UC1"])
def test_whole_numbers_are_labels_in_any_type(encoding):
    labels = np.array([[0, 1, 7], [0, 300, 2]])
    pixels = labels.astype({"32F": "f4", "64F": "f8", "32U": "u4"}[encoding[:3]])
    np.testing.assert_array_equal(images.to_mask(message(pixels, encoding), "labels"), labels)
    np.testing.assert_array_equal(images.to_mask(message(pixels, encoding), "binary"), labels > 0)


@pytest.mark.parametrize("mode", ["binary", "labels"])
@pytest.mark.parametrize("value", [0.5, np.inf, 1e20])
def test_probabilities_are_no_labels(mode, value):
    with pytest.raises(InputError, match="threshold"):
        images.to_mask(message(np.array([[0.0, 1.0, value]], np.float32), "32FC1"), mode)


@pytest.mark.parametrize(
    ("values", "background", "labels"),
    [
        ([0, 1, 2, 3], (0,), [0, 1, 2, 3]),
        ([0, 1, 2, 3], (0, 1), [0, 0, 2, 3]),
        ([255, 0, 1, 254], (255,), [0, 1, 2, 255]),
        ([255, 0, 1, 254], (0, 255), [0, 0, 1, 254]),
        ([0, 1, 255, 254], (300,), [1, 2, 256, 255]),
    ],
)
@pytest.mark.parametrize(("encoding", "kind"), [("mono8", "u1"), ("16UC1", "u2"), ("32SC1", "i4"), ("32FC1", "f4")])
def test_labels_that_are_background(values, background, labels, encoding, kind):
    item = message(np.array([values], kind), encoding)
    np.testing.assert_array_equal(images.to_mask(item, "labels", background), [labels])
    np.testing.assert_array_equal(images.to_mask(item, "binary", background), [np.array(labels) > 0])


def test_round_trips():
    header = make_header(1_234_567_890_123, "cam")
    depth = np.array([[0.5, np.nan], [1.5, 2.0]], np.float32)
    mask = np.array([[0, 300], [2, 1]], np.uint16)
    strided = np.asfortranarray(RGB)
    assert images.from_rgb(RGB, header).header == header
    np.testing.assert_array_equal(images.to_rgb(images.from_rgb(strided, header)), RGB)
    np.testing.assert_array_equal(images.to_depth(images.from_depth(depth, header)), depth)
    np.testing.assert_array_equal(images.to_mask(images.from_mask(mask, header), "labels"), mask)
    np.testing.assert_array_equal(images.to_mask(images.from_mask(mask > 0, header), "labels"), mask > 0)


def test_parity_with_cv_bridge():
    bridge = pytest.importorskip("cv_bridge", exc_type=ImportError).CvBridge()
    for encoding, pixels in (("rgb8", RGB), ("bgr8", RGB), ("mono8", RGB[..., 0])):
        item = message(pixels, encoding)
        np.testing.assert_array_equal(images.to_rgb(item), bridge.imgmsg_to_cv2(item, "rgb8"))


def compressed_depth(encoding, levels, quantisation=(0.0, 0.0)):
    data = struct.pack("<iff", 0, *quantisation) + cv2.imencode(".png", levels)[1].tobytes()
    return CompressedImage(format=f"{encoding}; compressedDepth png", data=array("B", data))


def test_compressed_depth_in_millimetres():
    levels = np.array([[0, 500, 65535], [1, 2000, 750]], np.uint16)
    expected = np.array([[np.nan, 0.5, 65.535], [0.001, 2.0, 0.75]], np.float32)
    np.testing.assert_allclose(images.to_depth(compressed_depth("16UC1", levels)), expected, rtol=1e-6)


def test_compressed_depth_as_inverse_depth():
    """As compressed_depth_image_transport quantises it: level = a / z + b."""
    depth = np.linspace(0.4, 4, 60, dtype=np.float32).reshape(6, 10)
    a, b = 100.0 * 101.0, 1 - 101.0
    levels = np.rint(a / depth + b).astype(np.uint16)
    levels[0, 0] = 0
    found = images.to_depth(compressed_depth("32FC1", levels, (a, b)))
    assert np.isnan(found[0, 0])
    np.testing.assert_allclose(found.reshape(-1)[1:], depth.reshape(-1)[1:], rtol=1e-3)


@pytest.mark.parametrize("what", ["format", "short", "rvl", "colours", "nan"])
def test_damaged_compressed_depth_is_refused_or_unknown(what):
    message = compressed_depth("32FC1", np.full((2, 2), 5, np.uint16), (float("nan"), 1.0))
    if what == "nan":
        assert np.isnan(images.to_depth(message)).all()
        return
    if what == "format":
        message.format = "png"
    elif what == "short":
        message.data = message.data[:15]
    elif what == "rvl":
        message.data = array("B", bytes(200))
    else:
        message = compressed_depth("16UC1", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(InputError):
        images.to_depth(message)


@pytest.mark.parametrize("size", [(2**31 - 1, 2), (2**15, 2**15)])
def test_a_small_png_that_says_it_is_huge_allocates_nothing(size):
    """The size is read from the head; OpenCV would allocate gigabytes first."""
    data = bytearray(cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes())
    struct.pack_into(">II", data, 16, *size)
    struct.pack_into(">I", data, 29, zlib.crc32(bytes(data[12:29])))
    with pytest.raises(InputError, match=r"pixels|damaged"):
        images.to_rgb(CompressedImage(format="png", data=array("B", bytes(data))))


def test_larger_images_than_8k_are_refused_before_a_byte_is_read():
    with pytest.raises(InputError, match="pixels"):
        images.to_rgb(Image(width=2**16, height=2**16, encoding="mono8", step=2**16))


def packed(data: bytes, form: str) -> CompressedImage:
    return CompressedImage(format=form, data=array("B", data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_ignored(orientation):
    """camera_info describes the pixels as the sensor delivered them; OpenCV turns colour pictures by default."""
    stream, picture = io.BytesIO(), Pillow.fromarray(drawn_messages.RGB)
    tags = picture.getexif()
    tags[0x112] = orientation
    picture.save(stream, "JPEG", exif=tags, quality=95)
    found = images.to_rgb(packed(stream.getvalue(), "rgb8; jpeg compressed bgr8"))
    assert np.abs(found.astype(int) - drawn_messages.RGB).mean() < 3


def test_sixteen_bit_grey_without_an_encoding_may_be_depth():
    data = cv2.imencode(".png", np.full((4, 4), 600, np.uint16))[1].tobytes()
    with pytest.raises(InputError, match="colour order"):
        images.to_rgb(packed(data, "png"))
    assert images.to_depth(packed(data, "png"))[0, 0] == np.float32(0.6)


@pytest.mark.parametrize("keep", [0, 4, 16, 20, -1, -9])
def test_cut_zstd_images_are_refused(keep):
    whole = drawn_messages.zstd(drawn_messages.colour("rgb8", ""))
    whole.data = whole.data[:keep]
    with pytest.raises(InputError, match="zstd"):
        images.to_rgb(whole)


def test_zstd_images_allocate_no_more_than_they_say():
    item = drawn_messages.colour("rgb8", "")
    item.data = array("B", bytes(10_000_000))  # zips to nothing
    with pytest.raises(InputError, match=r"zstd|bytes"):
        images.to_rgb(drawn_messages.zstd(item))
    item.height = item.step = 2**31
    with pytest.raises(InputError, match="pixels"):
        images.to_rgb(drawn_messages.zstd(item))


@pytest.mark.parametrize("form", ["jpeg", "rgb8; tiff compressed "])
def test_damaged_tiff_is_refused(form):
    data = bytearray(cv2.imencode(".tiff", RGB)[1].tobytes())
    for at in range(0, len(data), 7):
        broken = bytes(data[:at]) + bytes([data[at] ^ 0x5A]) + bytes(data[at + 1 :])
        for item in (packed(broken, form), packed(bytes(data[:at]), form)):
            with contextlib.suppress(InputError):
                images.to_rgb(item)


def test_a_small_tiff_that_says_it_is_huge_allocates_nothing():
    head = struct.pack("<2sHI", b"II", 42, 8)
    tags = ((256, 40000), (257, 40000), (258, 64), (262, 1), (273, 8), (277, 1), (278, 40000), (279, 10))
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    with pytest.raises(InputError, match="pixels"):
        images.to_rgb(packed(head + body + struct.pack("<I", 0), "tiff"))


@pytest.mark.parametrize("form", ["16UC1; compressedDepth rvl", "16UC1; compressedDepth png"])
def test_the_sentence_names_the_missing_header(form):
    with pytest.raises(InputError, match=r"12 bytes|RVL"):
        images.to_depth(packed(bytes(range(200)), form))


def test_too_near_is_unknown_and_wrapping_is_said():
    """Levels as x86 casts them: -inf becomes the level of b alone."""
    a, b = 100.0 * 101.0, 1 - 1010.0
    levels = np.array([[65536 - 1009, 0, int(a / 0.5 + b)]], np.uint16)
    for near, codes in ((0.05, ["near_depth_wraps"]), (0.152, [])):
        remarks = []
        found = images.to_depth(compressed_depth("32FC1", levels, (a, b)), images.DepthRange(near), remarks)
        np.testing.assert_array_equal(np.isnan(found), [[True, True, False]])
        assert [remark.code for remark in remarks] == codes


def test_encodings_outside_our_tables_go_to_cv_bridge_where_it_is_installed(monkeypatch):
    from types import SimpleNamespace

    class Bridge:
        def imgmsg_to_cv2(self, message, wanted):
            assert wanted == "rgb8"
            if message.encoding != "vendor12":
                raise RuntimeError("unknown")
            return np.full((message.height, message.width, 3), 7, np.uint8)

    def image(encoding):
        return Image(height=2, width=3, encoding=encoding, step=9, data=array("B", bytes(18)))

    monkeypatch.setattr(images.optional, "find", lambda name: SimpleNamespace(CvBridge=Bridge))
    assert (images.to_rgb(image("vendor12")) == 7).all()
    with pytest.raises(InputError, match="cv_bridge: unknown"):
        images.to_rgb(image("vendor13"))
    monkeypatch.setattr(images.optional, "find", lambda name: None)
    with pytest.raises(InputError, match="no known colour order; publish rgb8"):
        images.to_rgb(image("vendor12"))
