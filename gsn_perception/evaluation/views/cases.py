"""Ray-cast test cases: an object seen by one camera, with its novel views or its true surface."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from typing import TypeVar

import numpy as np

from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.evaluation.views.protocol import Viewpoint
from gsn_perception.evaluation.views.protocol import box_centre
from gsn_perception.evaluation.views.protocol import draw_targets
from gsn_perception.evaluation.views.protocol import draw_viewpoint
from gsn_perception.geometry import Camera
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.raycast import View
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh
from gsn_perception.scenes.sensor import DepthSensor

T = TypeVar("T")
Budget = Literal["smoke", "short", "full"]
BUDGETS: dict[str, int | None] = {"smoke": 3, "short": 12, "full": None}
_ROLL = 2 * np.pi / 16


@dataclass(frozen=True, slots=True, eq=False)
class NovelViewCase:
    """One object of the novel-view test; everything is in the input camera's optical frame, metres.

    Attributes:
        name: The object's.
        shape: box, mid, open or unknown.
        observation: Input image and true mask (label 1).
        measured: The same with simulated sensor depth.
        rolled: The same with the camera rolled by ``roll``.
        roll: Radians, not a multiple of a quarter turn.
        centre: [3] of the true box.
        targets: The novel views' cameras.
        truth: [V,S,S,3] float32 on white.
        truth_masks: [V,S,S] bool.
    """

    name: str
    shape: str
    observation: Observation
    measured: Observation
    rolled: Observation
    roll: float
    centre: np.ndarray
    targets: list[Camera]
    truth: np.ndarray
    truth_masks: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """[H,W] bool, the object in the input image."""
        return np.asarray(self.observation.mask) > 0

    @property
    def whole(self) -> ObjectView:
        """The view of the whole true mask, unrolled."""
        return ObjectView.of_mask(self.mask, self.observation.camera, 128)


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceCase:
    """One object of the geometry test, in the input camera's optical frame, metres.

    Attributes:
        name: The object's.
        shape: box, mid, open or unknown.
        observation: Input image, true mask (label 1) and simulated sensor depth.
        depth: [H,W] exact depth, NaN = background.
        centre: [3] of the true box.
        truth: The true surface.
        T_camera_object: [4,4] rigid, from the object's own frame, in which it rests on z = 0.
    """

    name: str
    shape: str
    observation: Observation
    depth: np.ndarray
    centre: np.ndarray
    truth: Mesh
    T_camera_object: np.ndarray

    @property
    def extent(self) -> float:
        """The longest side of the true box, metres."""
        return float(np.ptp(self.truth.transform(np.linalg.inv(self.T_camera_object)).vertices, axis=0).max())

    @property
    def plane(self) -> Plane:
        """The support plane of the object."""
        normal = self.T_camera_object[:3, 2]
        return Plane(normal, -float(normal @ self.T_camera_object[:3, 3]))


def novel_view_case(item: TexturedMesh, protocol: Protocol) -> NovelViewCase:
    """The case of one object; determined by protocol and name."""
    rng = protocol.rng(item.name)
    caster = RayCaster([item])
    start = draw_viewpoint(item, rng, protocol)
    targets = draw_targets(item, _distance(start, item), rng, protocol)
    roll = _ROLL * (1 + 2 * int(rng.integers(8)))
    views = [caster.render(camera) for camera in targets]
    seen = caster.render(start.camera)
    return NovelViewCase(
        name=item.name,
        shape=item.shape,
        observation=_observe(start, seen),
        measured=_observe(start, seen, DepthSensor().measure(seen.depth, start.camera, rng)),
        rolled=_observe(start, caster.render(start.rolled(item, roll).camera)),
        roll=roll,
        centre=transform_points(start.camera_from_object, box_centre(item)),
        targets=start.seen_from_camera(targets),
        truth=np.stack([v.rgb for v in views]).astype(np.float32) / 255,
        truth_masks=np.stack([v.alpha > 0.5 for v in views]),
    )


def surface_case(item: TexturedMesh, protocol: Protocol) -> SurfaceCase:
    """The case of one object, seen from the same viewpoint as in the novel-view test."""
    rng = protocol.rng(item.name)
    start = draw_viewpoint(item, rng, protocol)
    view = RayCaster([item]).render(start.camera)
    measured = DepthSensor().measure(view.depth, start.camera, rng)
    return SurfaceCase(
        name=item.name,
        shape=item.shape,
        observation=_observe(start, view, measured),
        depth=view.depth,
        centre=transform_points(start.camera_from_object, box_centre(item)),
        truth=item.mesh.transform(start.camera_from_object),
        T_camera_object=start.camera_from_object,
    )


def _observe(viewpoint: Viewpoint, view: View, depth: np.ndarray | None = None) -> Observation:
    camera = viewpoint.camera.at(np.eye(4))
    return Observation(image=view.rgb, camera=camera, mask=view.labels, depth=depth)


def _distance(viewpoint: Viewpoint, item: TexturedMesh) -> float:
    return float(np.linalg.norm(viewpoint.camera.world_from_camera[:3, 3] - box_centre(item)))


def choose(objects: Sequence[TexturedMesh], budget: Budget, seed: int) -> list[TexturedMesh]:
    """As many objects as the budget allows, alternating between shape classes, in an order fixed by the seed.

    Raises:
        InputError: there is no budget of that name.
    """
    if budget not in BUDGETS:
        raise InputError(f"there is no budget {budget!r}; choose one of {', '.join(BUDGETS)}")
    limit = BUDGETS[budget]
    return list(objects) if limit is None else in_turn(objects, [o.shape for o in objects], limit, seed)


def in_turn(items: Sequence[T], shapes: Sequence[str], limit: int, seed: int) -> list[T]:
    """At most ``limit`` of the items, alternating between shape classes, in an order fixed by the seed."""
    classes: dict[str, list[T]] = defaultdict(list)
    for index in np.random.default_rng(seed).permutation(len(items)):
        classes[shapes[index]].append(items[index])
    chosen: list[T] = []
    while len(chosen) < min(limit, len(items)):
        for name in sorted(classes):
            if classes[name] and len(chosen) < limit:
                chosen.append(classes[name].pop())
    return chosen


def on_table(seed: int) -> Observation:
    """A procedural object on a table, seen by an RGB-D camera."""
    from gsn_perception.scenes.objects import random_object
    from gsn_perception.scenes.sensor import DepthSensor
    from gsn_perception.scenes.tabletop import random_tabletop

    item = random_object(seed)
    scene, camera = random_tabletop([item.scaled(0.12 / float(item.extent.max()))], seed, 1)
    return scene.observe(camera, sensor=DepthSensor(), seed=seed)
