"""The shipped weights inside the node: a ball that was ray-cast here, and a photograph where there is one."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")
from builtin_interfaces.msg import Time
from conftest import matched
from waiting import until

from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros.messages import gaussians
from gsn_perception.ros.messages import meshes
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.node.reconstruction_worker import load_pipeline
from gsn_perception.ros.parameters.reconstruction import ReconstructionSettings

pytestmark = pytest.mark.dds
FRAMES = Path(__file__).parents[2] / "../shared/data/frames"
CENTRE, RADIUS = np.array([0.05, -0.02, 0.6]), 0.05


def ball() -> Observation:
    """A shaded ball before nothing, exact depth."""
    camera = Camera.from_fov(1.0, 160, 120)
    rays = camera.pixel_rays()
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    along = rays @ CENTRE
    inside = RADIUS**2 - (CENTRE @ CENTRE - along**2)
    hit = inside > 0
    points = rays * (along - np.sqrt(np.maximum(inside, 0)))[..., None]
    shade = np.clip(0.4 - 0.6 * (points - CENTRE)[..., 2] / RADIUS, 0, 1)
    image = np.where(hit[..., None], shade[..., None] * np.array([230, 60, 40]), 200).astype(np.uint8)
    depth = np.where(hit, points[..., 2], np.nan).astype(np.float32)
    return Observation(image, camera, mask=hit.astype(np.uint8), depth=depth, stamp=5_000_000_000, frame_id="cam")


@pytest.fixture(scope="module")
def weights():
    """As the node loads them, once for all tests."""
    try:
        return load_pipeline(ReconstructionSettings())
    except InputError as error:
        pytest.skip(str(error))


def test_nodes_that_segment_themselves_warm_up_as_well(tiny):
    for settings in (
        ReconstructionSettings(checkpoint=str(tiny), use_mask=False),
        ReconstructionSettings(checkpoint=str(tiny)),
    ):
        assert load_pipeline(settings).settings.use_mask == settings.use_mask


@pytest.fixture
def running(graph, weights):
    parameters = {"mesh.resolution": 32}
    node = graph.add(ReconstructionNode, load=lambda s: weights.with_settings(s.pipeline()), parameters=parameters)
    outputs = (*interface.RECONSTRUCTION_OUTPUTS, interface.RENDER)
    for topic in outputs:
        graph.subscribe(topic)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    return node, publishers


def test_a_ball_becomes_metric_geometry_where_it_is(graph, running):
    node, publishers = running
    graph.send(publishers, ball())
    topics = [t.name for t in (*interface.RECONSTRUCTION_OUTPUTS, interface.RENDER)]
    until(lambda: all(graph.received[name] for name in topics))
    assert node.diagnostics.drops == {}
    mesh = meshes.markers_to_meshes(graph.received["mesh"][0])[1]
    assert mesh.is_watertight()
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    np.testing.assert_allclose((low + high)[:2] / 2, CENTRE[:2], atol=0.5 * RADIUS)
    np.testing.assert_allclose((high - low)[:2], 2 * RADIUS, rtol=0.3)
    assert abs(low[2] - (CENTRE[2] - RADIUS)) < 0.5 * RADIUS
    splat = gaussians.cloud_to_gaussians(graph.received["gaussians"][0])[1]
    assert np.linalg.norm(splat.means.mean(dim=0).numpy() - CENTRE) < RADIUS
    render = graph.received["render"][0]
    assert stamp_to_ns(render.header.stamp) == 5_000_000_000
    assert images.to_rgb(render).shape == (120, 320, 3)


def test_without_anything_metric_the_object_is_refused_with_a_reason(graph, running):
    node, publishers = running
    seen = ball()
    publishers.pop("depth")
    unknown = Observation(seen.image, seen.camera, mask=seen.mask, stamp=seen.stamp, frame_id=seen.frame_id)
    for publisher in [p for p in graph.node.publishers if p.topic_name == "/depth"]:
        graph.node.destroy_publisher(publisher)
    until(lambda: not graph.node.count_publishers("depth"))
    graph.send(publishers, unknown)
    until(lambda: graph.received["mesh"])
    assert node.diagnostics.drops == {"object": 1}
    assert len(graph.received["mesh"][0].markers) == 1
    assert "scale" in node.diagnostics.message(Time(), "active").status[0].message


def test_a_photograph(graph, running):
    if not (FRAMES / "blue_mug").is_dir():
        pytest.skip("the photographs of ../shared/data/frames are not here")
    from gsn_perception.io import read_camera
    from gsn_perception.io import read_depth
    from gsn_perception.io import read_image
    from gsn_perception.io import read_mask

    _, publishers = running
    folder = FRAMES / "blue_mug"
    image, camera = read_image(folder / "color.png"), read_camera(folder / "camera.json")
    depth, mask = read_depth(folder / "depth.png"), read_mask(folder / "mask.png")
    graph.send(publishers, Observation(image, camera, mask=mask, depth=depth, stamp=7, frame_id="cam"))
    until(lambda: graph.received["mesh"])
    (mesh,) = meshes.markers_to_meshes(graph.received["mesh"][0]).values()
    measured = np.nanmedian(depth[mask > 0])
    assert abs(mesh.vertices[:, 2].mean() - measured) < 0.1
    assert 0.05 < np.ptp(mesh.vertices, axis=0).max() < 0.25
