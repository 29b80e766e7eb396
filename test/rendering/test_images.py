"""What the rasteriser draws."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render
from gsn_perception.rendering import render_rgba

IMAGES = ("rgb", "alpha", "depth", "median_depth")


def one_gaussian(z=2.0, scale=0.1, opacity=0.8, color=(0.2, 0.6, 0.9)):
    return Gaussians(
        means=torch.tensor([[[0.0, 0.0, z]]]),
        scales=torch.full((1, 1, 3), scale),
        quats=torch.tensor([[[1.0, 0, 0, 0]]]),
        colors=torch.tensor([[color]]),
        opacities=torch.tensor([[opacity]]),
    )


def camera_at_origin(width=17, height=17, f=40.0):
    return Camera(np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1]]), width, height)


def cat(*splats):
    fields = ("means", "scales", "quats", "colors", "opacities")
    return Gaussians(**{name: torch.cat([getattr(s, name) for s in splats], 1) for name in fields})


@pytest.mark.parametrize(("width", "height"), [(23, 17), (1, 1), (64, 5), (4, 33)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cpu_draws_what_the_reference_draws(make_splat, make_cameras, width, height, dtype):
    splat, cameras = make_splat(2, 80, dtype=dtype), make_cameras(2, 2, width=width, height=height)
    background = torch.tensor([1.0, 0.5, 0.0])
    own = render(splat, cameras, background=background, backend="cpu", median_depth=True)
    reference = render(splat, cameras, background=background, backend="reference", median_depth=True)
    assert own.rgb.shape == (2, 2, height, width, 3)
    assert own.rgb.dtype == dtype
    tolerance = 1e-4 if dtype == torch.float32 else 1e-9
    for name in IMAGES:
        a, b = getattr(own, name), getattr(reference, name)
        torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance, msg=name)


def test_float32_stays_within_a_grey_level(make_splat, make_cameras):
    """A crowded scene, where pixels finish early: 1/255 against the float64 reference."""
    splat, cameras = make_splat(1, 1500, scale=0.05, seed=1), make_cameras(1, 2, width=48, height=40)
    own = render(splat.to(dtype=torch.float32), cameras, backend="cpu")
    reference = render(splat, cameras, backend="reference")
    assert (own.alpha > 0.9999 - 1e-6).any()
    assert (own.rgb - reference.rgb).abs().max() < 1 / 255
    assert (own.alpha - reference.alpha).abs().max() < 1 / 255


def test_needles_survive_float32():
    """A splat 10^5 times longer than wide, right before the camera: det(cov2d) has no digits left in float32."""
    splat = one_gaussian(0.2, opacity=0.9)
    needle = replace(splat, scales=torch.tensor([[[40.0, 1e-4, 1e-4]]]), quats=torch.tensor([[[0.9, 0.0, 0.1, 0.35]]]))
    cameras = CameraBatch.of([camera_at_origin(48, 40, 100.0)])
    own = render(needle, cameras, backend="cpu")
    reference = render(needle.to(dtype=torch.float64), cameras, backend="reference")
    assert reference.alpha.max() > 0.8
    assert (own.alpha - reference.alpha).abs().max() < 1 / 255


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_one_gaussian_by_hand(backend):
    """On the axis the 2-D variance is (f s / z)^2 + 0.3 and alpha falls off as the formula says."""
    image = render(one_gaussian(), CameraBatch.of([camera_at_origin()]), backend=backend)
    variance = (40 * 0.1 / 2) ** 2 + 0.3
    offset = torch.arange(17) + 0.5 - 8.5
    expected = 0.8 * torch.exp(-0.5 * (offset[:, None] ** 2 + offset[None] ** 2) / variance)
    expected = torch.where(expected < 1 / 255, 0.0, expected)
    torch.testing.assert_close(image.alpha[0, 0], expected, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(image.depth[0, 0], 2 * expected, atol=4e-6, rtol=1e-5)
    torch.testing.assert_close(image.rgb[0, 0, 8, 8], 0.8 * torch.tensor([0.2, 0.6, 0.9]))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_near_hides_far(backend):
    near = one_gaussian(1.0, 0.5, 0.75, (1, 0, 0))
    far = one_gaussian(3.0, 5.0, 0.5, (0, 1, 0))
    for splat in (cat(near, far), cat(far, near)):
        image = render(splat, CameraBatch.of([camera_at_origin()]), backend=backend, median_depth=True)
        pixel = image.rgb[0, 0, 8, 8]
        torch.testing.assert_close(pixel, torch.tensor([0.75, 0.125, 0.0]), atol=1e-5, rtol=0)
        assert image.depth[0, 0, 8, 8] == pytest.approx(0.75 * 1 + 0.125 * 3, abs=1e-5)
        assert image.median_depth[0, 0, 8, 8] == pytest.approx(1.0)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_median_depth_is_infinite_where_half_shines_through(backend):
    cameras = CameraBatch.of([camera_at_origin()])
    glass = one_gaussian(1.0, 0.5, 0.45)
    assert torch.isinf(render(glass, cameras, backend=backend, median_depth=True).median_depth).all()
    two = cat(glass, one_gaussian(2.0, 5.0, 0.45))
    image = render(two, cameras, backend=backend, median_depth=True)
    assert image.median_depth[0, 0, 8, 8] == pytest.approx(2.0)
    assert render(two, cameras, backend=backend).median_depth is None


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_nothing_to_draw(backend, make_splat, make_cameras):
    """No Gaussian at all, and none in front of the camera: the background, and gradients of zero."""
    background = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    behind = make_splat(1, 5)
    behind = replace(behind, means=behind.means * 0.01 - torch.tensor([0.0, 0.0, 3.0], dtype=torch.float64))
    cameras = CameraBatch.of([camera_at_origin(9, 7)])
    for splat in (make_splat(1, 0), behind):
        leaf = splat.map(lambda t: t.clone().requires_grad_())
        image = render(leaf, cameras, background=background, backend=backend, median_depth=True)
        torch.testing.assert_close(image.rgb, background.expand(1, 1, 7, 9, 3))
        assert (image.alpha == 0).all()
        assert torch.isinf(image.median_depth).all()
        image.rgb.sum().backward()
        assert (leaf.means.grad == 0).all()


def test_batch_is_its_singles(make_splat, make_cameras):
    splat, cameras = make_splat(3, 50), make_cameras(3, 2)
    whole = render(splat, cameras, backend="cpu")
    for b in range(3):
        for v in range(2):
            K, pose = cameras.K[b : b + 1, v : v + 1], cameras.camera_from_object[b : b + 1, v : v + 1]
            single = CameraBatch(K, pose, cameras.width, cameras.height)
            part = render(splat[b : b + 1], single, backend="cpu")
            torch.testing.assert_close(part.rgb[0, 0], whole.rgb[b, v])


def test_order_of_gaussians_does_not_matter(make_splat, make_cameras):
    splat, cameras = make_splat(1, 200), make_cameras(1, 2)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    a = render(splat, cameras, backend="cpu", median_depth=True)
    b = render(splat.map(lambda t: t[:, order]), cameras, backend="cpu", median_depth=True)
    for name in IMAGES:
        torch.testing.assert_close(getattr(a, name), getattr(b, name))


def test_background_is_composited_per_view(make_splat, make_cameras):
    splat, cameras = make_splat(2, 10), make_cameras(2, 3)
    colors = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    black, painted = render(splat, cameras), render(splat, cameras, background=colors)
    torch.testing.assert_close(painted.rgb, black.rgb + (1 - black.alpha)[..., None] * colors[:, :, None, None])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_rgba_is_not_premultiplied(backend):
    splat = one_gaussian(opacity=0.5).map(lambda t: t[0])
    image = render_rgba(splat, camera_at_origin(21, 17), backend=backend)
    assert image.shape == (17, 21, 4)
    assert image.dtype == np.float32
    seen = image[..., 3] > 0
    np.testing.assert_allclose(image[seen, :3], np.broadcast_to([0.2, 0.6, 0.9], (seen.sum(), 3)), atol=1e-5)
    assert 0 < seen.sum() < seen.size
    assert (image[~seen] == 0).all()
    np.testing.assert_array_equal(image, splat.render(camera_at_origin(21, 17), backend=backend))


def test_half_precision_parts_follow_the_means(make_splat, make_cameras):
    splat = make_splat(1, 10, dtype=torch.float32)
    mixed = replace(splat, colors=splat.colors.bfloat16())
    assert render(mixed, make_cameras()).rgb.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s, c: (s[:2], c, {}), "2 splats but cameras for 3"),
        (lambda s, c: (s.map(lambda t: t[0]), c, {}), "batches of splats"),
        (lambda s, c: (s, c, {"background": torch.zeros(4)}), "background has shape"),
        (lambda s, c: (s, c, {"backend": "opengl"}), "choose auto, cpu"),
        (lambda s, c: (s.to(dtype=torch.float16), c, {}), "cast them to float32"),
    ],
)
def test_bad_input_is_refused(make_splat, make_cameras, change, sentence):
    splat, cameras, options = change(make_splat(3, 5), make_cameras(3, 1))
    with pytest.raises(InputError, match=sentence):
        render(splat, cameras, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused(make_splat, make_cameras):
    with pytest.raises(InputError, match="needs a CUDA device"):
        render(make_splat(1, 5), make_cameras(), backend="cuda")


def test_bad_cameras_are_refused():
    with pytest.raises(InputError, match="at least one"):
        CameraBatch.of([])
    with pytest.raises(InputError, match="differ in size"):
        CameraBatch.of([camera_at_origin(8, 8), camera_at_origin(9, 8)])
    with pytest.raises(InputError, match="camera_from_object has shape"):
        CameraBatch(torch.eye(3)[None, None], torch.eye(4)[None], 8, 8)
