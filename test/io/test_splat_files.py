"""Splats as PLY, SPZ and glTF, read by Open3D, by trimesh, and byte by byte."""

import json
import re
import struct

import numpy as np
import pytest
import torch
import zstandard
from scipy.spatial.transform import Rotation

from gsn_perception.cli.main import main
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.io import read_gaussians_ply
from gsn_perception.io import write_gaussians_glb
from gsn_perception.io import write_gaussians_ply
from gsn_perception.io import write_gaussians_spz

SH_C0 = 0.28209479177387814
RDF = 6  # right, down, front among SPZ's coordinate systems


def splat(n=300, reach=0.1, sure=True):
    """Gaussians of a thing 0.6 m in front of a camera."""
    g = torch.Generator().manual_seed(3)
    return Gaussians(
        means=(torch.rand(n, 3, generator=g) - 0.5) * reach + torch.tensor([0.0, 0.0, 0.6]),
        scales=torch.rand(n, 3, generator=g) * 0.004 + 1e-4,
        quats=torch.randn(n, 4, generator=g) * 3,
        colors=torch.rand(n, 3, generator=g),
        opacities=torch.rand(n, generator=g) * 0.98 + 0.01,
        confidence=torch.rand(n, generator=g) if sure else None,
    )


def open3d_splat(path):
    """What Open3D reads: positions, linear scales, quaternions wxyz, harmonics, logits of opacity."""
    import open3d as o3d

    attributes = o3d.t.io.read_point_cloud(str(path)).point
    return {name: attributes[name].numpy() for name in attributes}


def spz_parts(path):
    """Header fields, extension records and plain streams of an SPZ file, version 4."""
    data = path.read_bytes()
    magic, version, count, degree, bits, flags, number, table = struct.unpack_from("<4sIIBBBBI", data)
    assert (magic, version, degree, data[20:32]) == (b"NGSP", 4, 0, bytes(12))
    sizes = struct.iter_unpack("<QQ", data[table : table + 16 * number])
    at, streams = table + 16 * number, []
    for packed, plain in sizes:
        streams.append(zstandard.ZstdDecompressor().decompress(data[at : at + packed]))
        assert len(streams[-1]) == plain
        at += packed
    assert at == len(data)
    return count, bits, flags, data[32:table], streams


def glb_parts(path):
    """The tree of a .glb and its accessors' arrays by attribute."""
    data = path.read_bytes()
    magic, version, size, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, size, kind) == (b"glTF", 2, len(data), b"JSON")
    tree = json.loads(data[20 : 20 + length])
    (primitive,) = tree["meshes"][0]["primitives"]
    arrays = {}
    for name, number in primitive["attributes"].items():
        accessor = tree["accessors"][number]
        view = tree["bufferViews"][accessor["bufferView"]]
        assert accessor["componentType"] == 5126
        start = 28 + length + view["byteOffset"]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        values = np.frombuffer(data[start : start + view["byteLength"]], "<f4").reshape(-1, width)
        assert len(values) == accessor["count"]
        arrays[name] = values
    return tree, primitive, arrays


def test_open3d_reads_the_ply_with_its_confidence(tmp_path):
    given = splat()
    write_gaussians_ply(tmp_path / "g.ply", given)
    read = open3d_splat(tmp_path / "g.ply")
    np.testing.assert_array_equal(read["positions"], given.means)
    np.testing.assert_allclose(read["scale"], given.scales, rtol=1e-5)
    np.testing.assert_allclose(read["rot"], given.quats, rtol=1e-6)
    np.testing.assert_allclose(read["opacity"][:, 0], torch.logit(given.opacities), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(read["f_dc"], (given.colors - 0.5) / SH_C0, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(read["confidence"][:, 0], given.confidence)


def test_open3d_reads_the_spz_within_the_loss_that_is_told(tmp_path):
    given = splat()
    loss = write_gaussians_spz(tmp_path / "g.spz", given)
    read = open3d_splat(tmp_path / "g.spz")
    off = {
        "position": np.abs(read["positions"] - given.means.numpy()).max(),
        "scale": np.abs(read["scale"] / given.scales.numpy() - 1).max(),
        "color": np.abs(read["f_dc"] * SH_C0 + 0.5 - given.colors.numpy()).max(),
        "opacity": np.abs(1 / (1 + np.exp(-read["opacity"][:, 0])) - given.opacities.numpy()).max(),
    }
    for name, value in off.items():
        assert value == pytest.approx(getattr(loss, name), rel=1e-3, abs=1e-7), name
    turned = Rotation.from_quat(read["rot"][:, [1, 2, 3, 0]]).inv() * Rotation.from_quat(given.quats[:, [1, 2, 3, 0]])
    assert turned.magnitude().max() == pytest.approx(loss.angle, rel=1e-3)
    assert loss.position <= 0.51e-6  # half a step of 2^-20 m, where others have 2^-12
    assert loss.scale < np.exp(1 / 32) - 1 + 1e-4
    assert loss.angle < np.deg2rad(0.25)
    assert loss.confidence
    assert loss.drawn_out == 0


def test_the_spz_streams_are_those_that_open3d_writes(tmp_path):
    import open3d as o3d

    given = splat()
    write_gaussians_ply(tmp_path / "g.ply", given)
    o3d.t.io.write_point_cloud(str(tmp_path / "o.spz"), o3d.t.io.read_point_cloud(str(tmp_path / "g.ply")))
    write_gaussians_spz(tmp_path / "g.spz", given)
    (count, bits, flags, records, own), (_, coarse, _, _, theirs) = map(
        spz_parts, (tmp_path / "g.spz", tmp_path / "o.spz")
    )
    assert (count, bits, coarse, flags) == (300, 20, 12, 2)
    assert struct.unpack("<III", records) == (0xADBE0003, 4, RDF)
    assert [len(s) // count for s in own] == [9, 1, 3, 3, 4]
    for number in range(1, 5):  # all but positions, which have more bits
        levels = [np.frombuffer(streams[number], np.uint8).astype(int) for streams in (own, theirs)]
        assert np.mean(levels[0] != levels[1]) < 0.01, number  # float32 there, float64 here: a tie may fall apart


@pytest.mark.parametrize(("reach", "bits"), [(0.1, 20), (14.5, 20), (400, 15), (1e6, 4)])
def test_far_positions_get_fewer_bits_and_come_back(tmp_path, reach, bits):
    given = splat(reach=reach)
    loss = write_gaussians_spz(tmp_path / "g.spz", given)
    assert spz_parts(tmp_path / "g.spz")[1] == bits
    np.testing.assert_allclose(open3d_splat(tmp_path / "g.spz")["positions"], given.means, atol=0.6 / 2**bits)
    assert loss.position <= 0.51 / 2**bits


def test_what_spz_cannot_hold_is_told(tmp_path):
    given = splat()
    given.scales[:7, 1] = 1e-5
    assert write_gaussians_spz(tmp_path / "g.spz", given).drawn_out == 7
    np.testing.assert_allclose(open3d_splat(tmp_path / "g.spz")["scale"][:7, 1], np.exp(-10), rtol=1e-5)
    given.means[0, 0] = 1e7
    with pytest.raises(InputError, match=r"reaches 1e\+07 m"):
        write_gaussians_spz(tmp_path / "far.spz", given)
    assert not (tmp_path / "far.spz").exists()


@pytest.mark.parametrize("write", [write_gaussians_spz, write_gaussians_glb])
def test_splats_that_are_none_get_a_sentence(tmp_path, write):
    given = splat(4)
    with pytest.raises(InputError, match="no Gaussian"):
        write(tmp_path / "g", given.select(torch.zeros(4, dtype=torch.bool)))
    with pytest.raises(InputError, match="one splat"):
        write(tmp_path / "g", given.map(lambda t: t[None]))
    given.scales[2, 0] = float("nan")
    with pytest.raises(InputError, match="1 of its Gaussians"):
        write(tmp_path / "g", given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sure", [True, False])
def test_the_glb_says_what_the_extension_asks_for(tmp_path, sure):
    given = splat(sure=sure)
    write_gaussians_glb(tmp_path / "g.glb", given)
    tree, primitive, arrays = glb_parts(tmp_path / "g.glb")
    name = "KHR_gaussian_splatting"
    assert tree["extensionsUsed"] == [name]
    assert primitive["mode"] == 0
    assert primitive["extensions"][name]["kernel"] == "ellipse"
    assert primitive["extensions"][name]["colorSpace"] == "srgb_rec709_display"
    np.testing.assert_array_equal(arrays["POSITION"], given.means)
    np.testing.assert_array_equal(arrays[f"{name}:SCALE"], given.scales)
    np.testing.assert_array_equal(arrays[f"{name}:OPACITY"][:, 0], given.opacities)
    np.testing.assert_allclose(arrays[f"{name}:SH_DEGREE_0_COEF_0"] * SH_C0 + 0.5, given.colors, atol=1e-6)
    xyzw = arrays[f"{name}:ROTATION"]
    np.testing.assert_allclose(np.linalg.norm(xyzw, axis=1), 1, atol=1e-6)
    made, wanted = Rotation.from_quat(xyzw), Rotation.from_quat(given.quats.numpy()[:, [1, 2, 3, 0]])
    assert (made.inv() * wanted).magnitude().max() < 1e-6
    np.testing.assert_allclose(arrays["COLOR_0"][:, 3], given.opacities)
    srgb = np.where(
        arrays["COLOR_0"] < 0.0031308, 12.92 * arrays["COLOR_0"], 1.055 * arrays["COLOR_0"] ** (1 / 2.4) - 0.055
    )
    np.testing.assert_allclose(srgb[:, :3], given.colors, atol=1e-5)
    assert ("_CONFIDENCE" in arrays) == sure
    if sure:
        np.testing.assert_array_equal(arrays["_CONFIDENCE"][:, 0], given.confidence)


def test_a_viewer_without_the_extension_shows_points_upright_from_the_camera_s_side(tmp_path):
    import trimesh

    given = splat()
    write_gaussians_glb(tmp_path / "g.glb", given)
    cloud = trimesh.load_scene(tmp_path / "g.glb").to_geometry()
    assert isinstance(cloud, trimesh.PointCloud)
    turned = given.means.numpy() * [1, -1, -1]  # y up, and the camera looks along -z
    np.testing.assert_allclose(cloud.vertices, turned, atol=1e-6)


def test_the_command_converts_and_states_the_loss(tmp_path, capsys):
    write_gaussians_ply(tmp_path / "gaussians.ply", splat())
    assert main(["export", "--splat", str(tmp_path), "--out", str(tmp_path / "a" / "cup.spz")]) == 0
    told = capsys.readouterr().out
    assert re.search(r"300 Gaussians .*positions 0\.00048 mm, axes 3\.\d %, rotations 0\.\d+ degrees", told), told
    assert "confidence is left out" in told
    assert main(["export", "--splat", str(tmp_path / "gaussians.ply"), "--out", str(tmp_path / "cup.GLB")]) == 0
    assert "nothing is rounded" in capsys.readouterr().out
    np.testing.assert_array_equal(
        glb_parts(tmp_path / "cup.GLB")[2]["POSITION"], read_gaussians_ply(tmp_path / "gaussians.ply").means
    )
    assert main(["export", "--splat", str(tmp_path), "--out", str(tmp_path / "cup.ply")]) == 2
    assert "neither .glb nor .spz" in capsys.readouterr().err
    assert main(["export", "--splat", str(tmp_path / "a"), "--out", str(tmp_path / "cup.spz")]) == 2
    assert "no such file" in capsys.readouterr().err
