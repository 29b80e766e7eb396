"""Roll equivariance of splats: the camera rolls, its image is rendered again, and the splat should roll with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gsn_perception.evaluation.metrics.image_metrics import psnr
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.evaluation.views.protocol import Viewpoint
from gsn_perception.evaluation.views.protocol import axial_roll
from gsn_perception.evaluation.views.protocol import box_centre
from gsn_perception.evaluation.views.protocol import draw_targets
from gsn_perception.evaluation.views.protocol import draw_viewpoint
from gsn_perception.evaluation.views.protocol import rolled_back
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.scenes.looks.raycast import RayCaster
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh

ANGLES = 24
ROUND = 0.1
"""Anisotropy of the second moments below which a silhouette is round: its long axis is not well defined."""
_PAD = 0.6  # margin around the object's box in the image, in sides of the box: no crop is larger
Sculptor = Callable[[Observation, int], tuple[ObjectView, Gaussians]]
Images = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class RollCase:
    """One object and one camera that may roll about its optical axis by any angle.

    Attributes:
        item: The object.
        start: The unrolled camera; the object stays in view at every roll.
        caster: Renders the object.
        centre: [3] of the true box in the unrolled camera's frame.
        targets: The novel views' cameras, whose world is the unrolled camera's frame.
        truth: [V,S,S,3] float32 on white.
    """

    item: TexturedMesh
    start: Viewpoint
    caster: RayCaster
    centre: np.ndarray
    targets: list[Camera]
    truth: np.ndarray

    @classmethod
    def of(cls, item: TexturedMesh, protocol: Protocol) -> RollCase:
        """The same viewpoint and targets as in the novel-view test."""
        rng = protocol.rng(item.name)
        start = draw_viewpoint(item, rng, protocol)
        distance = float(np.linalg.norm(start.camera.world_from_camera[:3, 3] - box_centre(item)))
        targets = draw_targets(item, distance, rng, protocol)
        caster = RayCaster([item])
        truth = np.stack([caster.render(camera).rgb for camera in targets]).astype(np.float32) / 255
        centre = transform_points(start.camera_from_object, box_centre(item))
        return cls(item, start, caster, centre, start.seen_from_camera(targets), truth)

    def observe(self, angle: float) -> Observation:
        """The observation of the camera rolled by ``angle`` radians, rendered again, with the object's support plane.

        Only the window of the image that the crop needs is rendered. It is not limited by the image border, so neither
        the object nor the background around it is cut, however far off-axis they are.
        """
        pose = self.start.camera.world_from_camera @ axial_roll(angle)
        camera = self.start.camera.at(pose)
        vertices = transform_points(camera.camera_from_world, self.item.mesh.vertices.astype(np.float64))
        uv = camera.project(vertices)
        pad = _PAD * float(np.ptp(uv, axis=0).max())
        low, high = np.floor(uv.min(0) - pad).astype(int), np.ceil(uv.max(0) + pad).astype(int)
        window = camera.windowed(slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        view = self.caster.render(window)
        up = pose[2, :3]  # the world's z along the camera's axes
        plane = Plane(up, float(pose[2, 3] - self.item.mesh.vertices[:, 2].min()))
        return Observation(image=view.rgb, camera=window.at(np.eye(4)), mask=view.labels, support_plane=plane)

    def images(self, view: ObjectView, splat: Gaussians, angle: float) -> Images:
        """The splat of the camera rolled by ``angle``, rotated back at its true scale and rendered by the targets."""
        return splat_images(rolled_back(splat, view, angle, self.centre), self.targets, 1.0)


def angles(count: int) -> np.ndarray:
    """[count] radians over the full turn, 0 first."""
    return 2 * math.pi * np.arange(count) / count


def evaluate_rolls(
    cases: Iterable[RollCase],
    sculptors: Mapping[str, Sculptor],
    anisotropy: Callable[[Observation], float],
    *,
    count: int = ANGLES,
) -> dict[str, list[dict[str, Any]]]:
    """Rows per sculptor (method of canonical roll), one per object.

    Args:
        cases: Test objects.
        sculptors: Name to (observation, label) -> view and normalised splat.
        anisotropy: Of the silhouette of label 1, in [0, 1]; 0 is round.
        count: Angles over the full turn.

    Returns:
        Per object ``agree`` and ``agree_worst``: median and worst over the angles of the PSNR between the renders of the
        splat rotated back and of the unrolled splat, inside the union of both silhouettes, averaged over the novel views;
        ``truth``, ``truth_range``: mean and range over the angles of the PSNR against the truth, whole image;
        ``by_angle``: that PSNR at every angle; ``round``: whether the silhouette is round.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in sculptors}
    for case in cases:
        turns = angles(count)
        observations = [case.observe(a) for a in turns]
        long = anisotropy(observations[0])
        head = {"name": case.item.name, "shape": case.item.shape, "anisotropy": long, "round": long < ROUND}
        for name, sculptor in sculptors.items():
            drawn = [case.images(*sculptor(seen, 1), a) for seen, a in zip(observations, turns, strict=True)]
            rows[name].append(head | roll_figures(drawn, case.truth))
    return rows


def roll_figures(drawn: Sequence[Images], truth: np.ndarray) -> dict[str, Any]:
    """Figures of one object from its renders at every angle, the unrolled ones first; see :func:`evaluate_rolls`."""
    agree = [agreement(drawn[0], other) for other in drawn[1:]]
    by_angle = [float(np.mean([psnr(a, b) for a, b in zip(images, truth, strict=True)])) for images, _ in drawn]
    return {
        "agree": float(np.median(agree)),
        "agree_worst": float(np.min(agree)),
        "truth": float(np.mean(by_angle)),
        "truth_range": float(np.ptp(by_angle)),
        "by_angle": by_angle,
    }


def agreement(a: Images, b: Images) -> float:
    """PSNR between two sets of renders inside the union of their silhouettes, averaged over views with a silhouette."""
    values = [
        psnr(image, other, (alpha > 0.5) | (cover > 0.5))
        for image, other, alpha, cover in zip(a[0], b[0], a[1], b[1], strict=True)
    ]
    known = [v for v in values if math.isfinite(v)]
    return float(np.mean(known)) if known else math.nan


def range_of_mean(rows: Sequence[Mapping[str, Any]]) -> float:
    """Range over the angles of the PSNR against the truth, averaged over objects first."""
    return float(np.ptp(np.mean([row["by_angle"] for row in rows], axis=0))) if rows else math.nan
