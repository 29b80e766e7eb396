"""The scale from a support plane by the network: what must hold for any weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.network import roll_image
from gsn_perception.gsn.plane_scale.maps import CHANNELS
from gsn_perception.gsn.plane_scale.maps import SCALARS
from gsn_perception.gsn.plane_scale.maps import plane_maps
from gsn_perception.gsn.plane_scale.model import PlaneError
from gsn_perception.gsn.plane_scale.model import PlaneScaleModel
from gsn_perception.gsn.plane_scale.model import plane_crops
from gsn_perception.gsn.plane_scale.model import shipped_plane_scale
from gsn_perception.gsn.plane_scale.network import CONFIGS
from gsn_perception.gsn.plane_scale.network import ScaleNetwork
from gsn_perception.gsn.plane_scale.weights import load_scale_network
from gsn_perception.gsn.plane_scale.weights import save_scale_network
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.gsn.visibility import SplatRendering
from gsn_perception.gsn.visibility import render_splat
from gsn_perception.io.checkpoints import Origin
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.io.checkpoints import shipped

SCALE = 0.2
AXIS = np.array([0.1, 0.25, 1.0]) / np.linalg.norm([0.1, 0.25, 1.0])


@pytest.fixture(scope="module")
def model() -> PlaneScaleModel:
    torch.manual_seed(0)
    return PlaneScaleModel(ScaleNetwork(CONFIGS["tiny"]))


@pytest.fixture(scope="module")
def trained() -> PlaneScaleModel:
    return PlaneScaleModel.load(shipped("scale"))


def _splat(normal: np.ndarray) -> Gaussians:
    """A box of 0.6 x 0.4 x 0.3 that stands on its largest face; ``normal`` [3] is up in the normalised frame."""
    rng = np.random.default_rng(0)
    local = rng.uniform(-0.5, 0.5, (3000, 3)) * [0.6, 0.4, 0.3]
    face = rng.integers(3, size=3000)
    local[np.arange(3000), face] = np.sign(local[np.arange(3000), face]) * np.array([0.3, 0.2, 0.15])[face]
    side = np.cross(normal, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    means = local @ np.stack([side, np.cross(normal, side), normal])
    colours = torch.from_numpy(0.5 + local).float().clamp(0, 1)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(3000, 4)
    return Gaussians(
        torch.from_numpy(means).float(), torch.full((3000, 3), 0.02), quats, colours, torch.full((3000,), 0.9)
    )


def _scene(roll: float = 0.0, elevation: float = 35.0) -> tuple[Gaussians, Crop, SplatRendering, Plane]:
    """The box on its plane under a camera; its crop is upright but for ``roll`` radians."""
    up = np.array([0.0, -math.cos(math.radians(elevation)), -math.sin(math.radians(elevation))])
    view = ObjectView(minimal_rotation_to(AXIS), 0.18, 128)
    splat = _splat(up)
    seen = render_splat(splat, view)
    alpha = np.clip(seen.alpha, 0, 1)
    rgb = np.float32(1 - 0.5 * alpha[..., None] * np.array([0.4, 1.0, 0.7]))
    bottom = SCALE * (view.distance * up[2] - 0.15)
    plane = Plane(view.R_camera_virtual @ up, -bottom)
    if roll:
        view = view.rolled(roll)
        rolled = splat.transform(np.block([[_turn(roll), np.zeros((3, 1))], [0, 0, 0, 1]]))
        crops = torch.from_numpy(np.dstack([rgb, alpha])).permute(2, 0, 1)[None].float()
        image = roll_image(crops, torch.tensor([roll]))[0].permute(1, 2, 0).numpy()
        return rolled, Crop(view, image[..., :3], image[..., 3], 0 * alpha, None), render_splat(rolled, view), plane
    return splat, Crop(view, rgb, alpha, 0 * alpha, None), seen, plane


def _turn(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def test_maps_say_where_the_plane_is() -> None:
    _, crop, seen, plane = _scene()
    crops = plane_crops(crop, seen, plane, SCALE, PlaneError(0.01, 0.02))
    maps, scalars = plane_maps(crops)
    assert maps.shape == (1, CHANNELS, 128, 128)
    assert scalars.shape == (1, SCALARS)
    above, behind = maps[0, 7].numpy(), maps[0, 8].numpy()
    inside = maps[0, 3].numpy() > 0.9
    assert above[inside].min() > -0.05  # the box stands on the plane
    assert above[inside].min() < 0.05
    assert 0.25 < above[inside].max() < 0.35  # and is 0.3 high
    assert behind[inside].min() > -0.1
    rows = np.nonzero(inside)[0]
    lowest = inside & (np.arange(128)[:, None] >= rows.max() - 1)
    assert abs(behind[lowest]).mean() < 0.1  # there it touches the plane


@pytest.mark.parametrize("factor", [0.01, 3.0, 1000.0])
def test_a_world_of_another_size_scales_the_answer(model: PlaneScaleModel, factor: float) -> None:
    splat, crop, seen, plane = _scene()
    error = PlaneError(0.004, 0.01)
    first = model(splat, crop, seen, plane, error)
    if factor * plane.offset > 20:  # millimetres taken for metres
        with pytest.raises(InputError, match="if d is in millimetres"):
            model(splat, crop, seen, Plane(plane.normal, factor * plane.offset), error)
        return
    other = model(splat, crop, seen, Plane(plane.normal, factor * plane.offset), PlaneError(factor * 0.004, 0.01))
    assert other.value == pytest.approx(factor * first.value, rel=1e-5)
    assert other.sigma == pytest.approx(factor * first.sigma, rel=1e-4)
    assert other.source == "support_plane"


@pytest.mark.parametrize("roll", [0.5, -1.2, math.pi / 2, 3.0])
def test_a_crop_that_stands_askew_gives_the_same_scale(trained: PlaneScaleModel, roll: float) -> None:
    upright = trained(*_scene())
    askew = trained(*_scene(roll))
    assert askew.value == pytest.approx(upright.value, rel=0.01)
    assert askew.sigma == pytest.approx(upright.sigma, rel=0.25)


def test_the_scale_is_less_certain_on_a_plane_that_errs(trained: PlaneScaleModel) -> None:
    scene = _scene(elevation=25.0)
    offset = abs(scene[3].offset)
    by_offset = [trained(*scene, PlaneError(share * offset, 0.0)) for share in (0.0, 0.005, 0.02)]
    by_tilt = [trained(*scene, PlaneError(0.0, math.radians(tilt))) for tilt in (0.0, 0.5, 2.0)]
    for found in (by_offset, by_tilt):
        relative = [scale.sigma / scale.value for scale in found]
        assert relative[0] < relative[1] < relative[2]
    # an error of the plane's distance is one of the scale, whatever the network reads in the image
    assert by_offset[2].sigma / by_offset[2].value > 0.012


def test_the_box_stands_on_its_plane(trained: PlaneScaleModel) -> None:
    found = trained(*_scene())
    assert found.value == pytest.approx(SCALE, rel=0.06)
    assert 0.002 < found.sigma / found.value < 0.1


def test_bad_planes_have_the_sentences_of_the_rule(model: PlaneScaleModel) -> None:
    splat, crop, seen, plane = _scene()
    side = crop.view.R_camera_virtual[:, 0]
    for bad in (Plane(side, 0.1), Plane(plane.normal, -plane.offset), Plane(plane.normal, 1000 * plane.offset)):
        with pytest.raises(InputError) as expected:
            scale_from_plane(splat, crop.view, bad)
        with pytest.raises(InputError) as got:
            model(splat, crop, seen, bad)
        assert str(got.value) == str(expected.value)
    faint = replace(splat, opacities=0.1 * splat.opacities)
    with pytest.raises(InputError, match="empty"):
        model(faint, crop, seen, plane)


def test_weights_come_back_as_they_were_saved(tmp_path) -> None:
    network = ScaleNetwork(CONFIGS["tiny"]).eval()
    path = tmp_path / "scale.safetensors"
    save_scale_network(path, network, {"sigma_factors": [1.3, 1.1], "gsn_sha256": "abc"})
    back, info = load_scale_network(path)
    model = PlaneScaleModel.load(path)
    assert model.factor == 1.3
    assert model.gsn_sha256 == "abc"
    assert info["sigma_factors"] == [1.3, 1.1]
    _, crop, seen, plane = _scene()
    maps = plane_maps(plane_crops(crop, seen, plane, SCALE, PlaneError()))
    with torch.inference_mode():
        assert torch.allclose(network(*maps)[0], back(*maps)[0], atol=2e-3)  # stored as float16
    save_scale_network(path, network, {"sigma_factors": [-1.0]})
    with pytest.raises(InputError, match="not positive"):
        PlaneScaleModel.load(path)


def test_the_network_is_used_with_the_weights_it_was_trained_for() -> None:
    digest = load_checkpoint(shipped("gsn"), "gsn").sha256
    own, other = (Origin(shipped("gsn"), name, (0, 0, 0)) for name in (digest, "another"))
    found = shipped_plane_scale("auto", own)
    assert found is not None, "train the scale network again: gsn train scale (docs/scale.md)"
    assert shipped_plane_scale("auto", other) is None
    assert shipped_plane_scale("auto", None) is None
    assert shipped_plane_scale("learned", other) is found
    assert shipped_plane_scale("quantile", own) is None
