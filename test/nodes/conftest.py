"""A DDS domain of its own, an executor that spins, and a pipeline that makes a ball where the mask is."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from waiting import LIMIT
from waiting import until

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal

rclpy = pytest.importorskip("rclpy")

WIDTH, HEIGHT = 64, 48
RADIUS = 0.03


def ball_mesh(radius: float, centre: np.ndarray) -> Mesh:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    colors = np.full((len(ball.vertices), 3), [0.8, 0.2, 0.1])
    return Mesh(ball.vertices + centre, ball.faces, colors=colors).with_vertex_normals()


class BallPipeline:
    """A real, tiny reconstructor: a ball of 3 cm where the mask's centre and the depth say it is.

    ``sculpt`` is called before the splats and ``skin`` between them and the meshes: what takes long there, a test ends.
    """

    def __init__(self, settings=None, *, sculpt: Callable[[], object] = int, skin: Callable[[], object] = int) -> None:
        self.settings = settings
        self.sculpt, self.skin = sculpt, skin
        self.seen: list[Observation] = []

    def with_settings(self, settings):
        other = BallPipeline(settings, sculpt=self.sculpt, skin=self.skin)
        other.seen = self.seen
        return other

    def describe(self) -> dict[str, str]:
        return {"device": "cpu", "weights": "ball"}

    def __call__(self, observation: Observation, *, on_splats=lambda splats: None, wanted=lambda: True):
        self.seen.append(observation)
        self.sculpt()
        if observation.mask is None:
            raise InputError("there is no mask; give one")
        labels = [int(label) for label in np.unique(observation.mask) if label]
        if not labels:
            raise InputError("the mask is empty; give a mask with the object's pixels above zero")
        outcomes = [self._ball(observation, label) for label in labels]
        on_splats({o.label: o.gaussians for o in outcomes if isinstance(o, Reconstruction)})
        self.skin()
        return outcomes

    def _ball(self, observation: Observation, label: int):
        inside = observation.mask == label
        if inside.sum() < 20:
            return Refusal(label, f"the mask has only {inside.sum()} pixels")
        rows, cols = np.nonzero(inside)
        ray = observation.camera.rays(np.array([cols.mean() + 0.5, rows.mean() + 0.5]))
        z = 0.5 if observation.depth is None else float(np.nanmedian(observation.depth[inside])) + RADIUS
        mesh = ball_mesh(RADIUS, ray * z)
        count = len(mesh.vertices)
        splat = Gaussians(
            means=torch.from_numpy(mesh.vertices),
            scales=torch.full((count, 3), 0.004),
            quats=torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1),
            colors=torch.from_numpy(mesh.colors),
            opacities=torch.full((count,), 0.9),
        )
        points = Points(mesh.vertices, mesh.colors, mesh.normals, np.ones(count, np.float32))
        pose = np.eye(4)
        pose[:3, 3] = ray * z
        plane = observation.support_plane or Plane(np.array([0.0, 0.0, -1.0]), z + RADIUS)
        timings = {"sculpt": 0.001}
        return Reconstruction(
            label, splat, mesh, points, pose, 2 * RADIUS, 0.0, "depth", plane, quality={}, timings=timings
        )


def observation(stamp: int, *, mask: bool = True, depth: bool = True, frame_id: str = "cam_optical") -> Observation:
    camera = Camera(np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]]), WIDTH, HEIGHT)
    image = np.random.default_rng(stamp % 1000).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    disc = ((u - 36) ** 2 + (v - 22) ** 2 < 64).astype(np.uint8)
    return Observation(
        image=image,
        camera=camera,
        mask=disc if mask else None,
        depth=np.where(disc, 0.5, 0.56).astype(np.float32) if depth else None,
        stamp=stamp,
        frame_id=frame_id,
    )


_graphs: list[Graph] = []  # that are open


def _fit(writer, reader) -> bool:
    from rclpy.qos import QoSCompatibility
    from rclpy.qos import qos_check_compatible

    return qos_check_compatible(writer.qos_profile, reader.qos_profile)[0] != QoSCompatibility.ERROR


class Graph:
    """Nodes on one executor in a thread, and what arrived on topics."""

    def __init__(self, context) -> None:
        from rclpy.executors import MultiThreadedExecutor

        self.context = context
        self.executor = MultiThreadedExecutor(num_threads=4, context=context)
        self.node = rclpy.create_node("probe", context=context)
        self.executor.add_node(self.node)
        self.nodes = []
        self.received = defaultdict(list)
        self._stop = False
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        _graphs.append(self)

    def _spin(self) -> None:
        from gsn_perception.ros.node.executors import spin

        spin(self.executor, lambda: self._stop)

    def add(self, kind, *, namespace: str = "", **options):
        from rclpy.parameter import Parameter

        parameters = [Parameter(name, value=value) for name, value in options.pop("parameters", {}).items()]
        node = kind(context=self.context, namespace=namespace, parameter_overrides=parameters, **options)
        self.executor.add_node(node)
        self.nodes.append(node)
        return node

    def subscribe(self, topic, name: str = "", profile=None) -> None:
        from gsn_perception.ros import qos

        name = name or topic.name
        chosen = profile or (qos.latched(20) if topic.qos == "latched" else qos.sensor(20))
        self.node.create_subscription(topic.type, name, self.received[name].append, chosen)

    def is_matched(self) -> bool:
        """Whether every writer here knows every reader here that can hear it, and the other way round."""
        nodes = [self.node, *self.nodes]
        writers, readers = (
            [e for node in nodes for e in getattr(node, kind)] for kind in ("publishers", "subscriptions")
        )
        pairs = [(w, r) for w in writers for r in readers if w.topic_name == r.topic_name and _fit(w, r)]
        known_readers, known_writers = Counter(w for w, _ in pairs), Counter(r for _, r in pairs)
        return all(w.get_subscription_count() >= count for w, count in known_readers.items()) and all(
            r.get_publisher_count() >= count for r, count in known_writers.items()
        )

    def forget(self) -> None:
        for messages in self.received.values():
            messages.clear()

    def advertise(self, topics, profile=None):
        from gsn_perception.ros import qos

        return {t.name: self.node.create_publisher(t.type, t.name, profile or qos.reliable(10)) for t in topics}

    def send(self, publishers, item: Observation) -> None:
        from gsn_perception.ros.messages.camera import images
        from gsn_perception.ros.messages.camera.camera_info import from_camera
        from gsn_perception.ros.messages.headers import make_header

        header = make_header(item.stamp, item.frame_id)
        publishers["camera_info"].publish(from_camera(item.camera, header))
        if item.depth is not None:
            publishers["depth"].publish(images.from_depth(item.depth, header))
        if item.mask is not None:
            publishers["mask"].publish(images.from_mask(item.mask, header))
        publishers["image"].publish(images.from_rgb(item.image, header))

    def call(self, kind, name: str, request, timeout: float = LIMIT):
        client = self.node.create_client(kind, name)
        assert client.wait_for_service(timeout)
        future = client.call_async(request)
        until(future.done, timeout)
        self.node.destroy_client(client)
        return future.result()

    def close(self) -> None:
        _graphs.remove(self)
        for node in self.nodes:
            node.stop()
        self._stop = True
        self.executor.wake()
        self._thread.join(LIMIT)
        self.executor.shutdown(timeout_sec=LIMIT)
        for node in self.nodes:
            node.destroy_node()
        self.node.destroy_node()


def matched(publishers) -> None:
    """Wait until publishers have readers and, in this process, readers know their writers: else the first are lost."""
    until(lambda: all(p.get_subscription_count() for p in publishers.values()), what="no subscriber")
    until(lambda: all(graph.is_matched() for graph in _graphs), what="a reader does not know its writer")


@pytest.fixture(scope="session")
def domain() -> int:
    return int(os.environ["ROS_DOMAIN_ID"])


@contextmanager
def participant(domain: int):
    """A graph with a DDS participant of its own."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    made = Graph(context)
    yield made
    made.close()
    context.try_shutdown()


@pytest.fixture
def graph(domain):
    with participant(domain) as made:
        yield made


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Weights of the smallest network, untrained."""
    from gsn_perception.gsn import CONFIGS
    from gsn_perception.gsn import GSN
    from gsn_perception.gsn.weights import save_gsn

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_gsn(path, GSN(CONFIGS["tiny"]), {})
    return path


@pytest.fixture
def bench(tmp_path, domain, tiny):
    from real_processes import Bench

    made = Bench(tmp_path, domain, tiny)
    yield made
    for process in made.running:
        process.stop()


@pytest.fixture
def running(graph):
    """An active node with a ball pipeline, its outputs heard, its inputs advertised."""
    from gsn_perception.nodes.reconstruction_node import ReconstructionNode
    from gsn_perception.ros import interface

    pipeline = BallPipeline()
    node = graph.add(ReconstructionNode, load=lambda settings: pipeline)
    for topic in interface.RECONSTRUCTION_OUTPUTS:
        graph.subscribe(topic)
    assert node.start()
    publishers = graph.advertise(interface.RECONSTRUCTION_INPUTS)
    matched(publishers)
    return node, publishers, pipeline
