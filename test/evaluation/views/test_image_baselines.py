import numpy as np
import pytest

from gsn_perception.evaluation.metrics.exact_surface import Surface
from gsn_perception.evaluation.metrics.image_metrics import psnr
from gsn_perception.evaluation.surfaces.geometry import visible_hull
from gsn_perception.evaluation.views.cases import surface_case
from gsn_perception.evaluation.views.image_baselines import card_images
from gsn_perception.evaluation.views.image_baselines import white_images
from gsn_perception.evaluation.views.mean_object import MeanObject
from gsn_perception.evaluation.views.mean_object import calibrated
from gsn_perception.evaluation.views.mean_object import mean_object
from gsn_perception.evaluation.views.protocol import draw_viewpoint
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry.transforms import look_at
from gsn_perception.scenes.looks.lighting import Lighting
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

DISTANCE = 0.5


@pytest.fixture(scope="module")
def sheet():
    """A flat, many-coloured sheet that faces a camera at the origin: for it, the card is the truth."""
    n = 9
    x, y = np.meshgrid(np.linspace(-0.05, 0.05, n), np.linspace(-0.05, 0.05, n))
    vertices = np.stack([x, y, np.full_like(x, DISTANCE)], axis=-1).reshape(-1, 3)
    cells = [(r * n + c) for r in range(n - 1) for c in range(n - 1)]
    faces = [f for i in cells for f in ((i, i + n, i + 1), (i + 1, i + n, i + n + 1))]
    colors = np.stack([x * 9 + 0.5, y * 9 + 0.5, 0.5 + 0 * x], axis=-1).reshape(-1, 3).astype(np.float32)
    return TexturedMesh("sheet", Mesh(vertices, faces, colors=colors))


@pytest.mark.parametrize("azimuth", [0, 30, -50, 180])
def test_the_card_is_right_for_a_card(sheet, azimuth):
    caster, light = RayCaster([sheet]), Lighting.flat()
    camera = Camera.from_fov(0.6, 320, 240)
    view = caster.render(camera, lighting=light)
    observation = Observation(view.rgb, camera, mask=view.labels)
    a = np.deg2rad(azimuth)
    eye = np.array([0, 0, DISTANCE]) + DISTANCE * np.array([np.sin(a), 0, -np.cos(a)])
    target = Camera.from_fov(0.35, 96, 96, look_at(eye, np.array([0, 0, DISTANCE]), np.array([0.0, -1, 0])))
    mask = view.labels > 0
    scale = DISTANCE / ObjectView.of_mask(mask, camera, 128).distance
    images, alpha = card_images(observation, mask, scale, [target])
    truth = caster.render(target, lighting=light)
    assert psnr(images[0], truth.rgb / 255) > 28
    assert np.abs(alpha[0] - truth.alpha).mean() < 0.01


def test_a_card_seen_edge_on_is_nothing(sheet):
    camera = Camera.from_fov(0.6, 320, 240)
    view = RayCaster([sheet]).render(camera)
    observation = Observation(view.rgb, camera, mask=view.labels)
    centre = np.array([0, 0, DISTANCE])
    target = Camera.from_fov(0.35, 96, 96, look_at(centre + [DISTANCE, 0, 0], centre, np.array([0.0, -1, 0])))
    mask = view.labels > 0
    scale = DISTANCE / ObjectView.of_mask(mask, camera, 128).distance
    images, alpha = card_images(observation, mask, scale, [target])
    assert np.isfinite(images).all()
    assert alpha.mean() < 0.02


def test_white_is_white(ball_case):
    images, alpha = white_images(ball_case.targets)
    assert images.shape == ball_case.truth.shape
    assert images.min() == 1
    assert alpha.max() == 0


@pytest.fixture(scope="module")
def mean_ball(ball, protocol):
    rng = np.random.default_rng(0)
    return mean_object([(ball, [draw_viewpoint(ball, rng, protocol) for _ in range(4)])], rng)


def test_the_mean_of_one_ball_is_that_ball(mean_ball):
    filled = mean_ball.occupancy
    assert set(np.unique(filled)) <= {0, 0.25, 0.5, 0.75, 1}
    assert filled.mean() == pytest.approx(np.pi / 6, rel=0.12)  # the cube's inscribed ball, half a cell thicker
    assert filled[16, 16, 16] == 1
    assert filled[0, 0, 0] == 0
    np.testing.assert_allclose(mean_ball.colors[16, 16, 16], [0.2, 0.5, 0.8], atol=1e-5)
    splat = MeanObject(filled, mean_ball.colors, gain=1.0).splat()
    camera = Camera.from_fov(0.6, 64, 64, look_at(np.array([0, 0, -3.0]), np.zeros(3), np.array([0.0, -1, 0])))
    images, alpha = splat_images(splat, [camera])
    np.testing.assert_allclose(images[0, 32, 32], [0.2, 0.5, 0.8], atol=0.01)
    radius = 0.55 / np.sqrt(9 - 0.25)  # half a cell and two standard deviations thicker
    radius *= camera.K[0, 0]
    assert (alpha[0] > 0.5).sum() == pytest.approx(np.pi * radius**2, rel=0.1)


def test_calibration_takes_the_gain_that_scores_best(mean_ball):
    assert calibrated(mean_ball, lambda m: -abs(m.gain - 0.16)).gain == 0.16
    with pytest.raises(InputError, match="no training object"):
        mean_object([], np.random.default_rng(0))


def test_the_visible_hull_lies_inside_a_convex_object_and_touches_it(box, protocol):
    case = surface_case(box, protocol)
    hull = visible_hull(case)
    assert Surface(case.truth).distances(hull.vertices).max() < 1e-4
    assert 0 < hull.volume() < case.truth.volume() * 1.01
