"""A closed-form score: how well a grasp should hold."""

from __future__ import annotations

from dataclasses import astuple
from dataclasses import dataclass

import numpy as np

from gsn_perception.grasping.contacts import PadContacts
from gsn_perception.grasping.sampling import Poses
from gsn_perception.grasping.surface import Surface

_FLOOR = 0.02  # keeps one bad feature from hiding the order of the others


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """Exponents of the weighted geometric mean of the features; each feature lies in [0, 1]."""

    friction: float = 0.35
    """Room left in the friction cones at both contacts."""
    balance: float = 0.25
    """Closeness of the closing axis to the centre of mass."""
    fill: float = 0.20
    """Share of the pads that touches."""
    approach: float = 0.10
    """From above (support plane known) or from the camera's side."""
    observed: float = 0.10
    """Share of the contacts that was seen rather than completed."""


FEATURES = tuple(ScoreWeights.__dataclass_fields__)


def features(
    poses: Poses, contacts: PadContacts, surface: Surface, *, friction: float, preferred: np.ndarray | None
) -> np.ndarray:
    """Figures [P,5] in [0, 1] in the order of :data:`FEATURES`.

    Args:
        poses: P candidates.
        contacts: What their pads touch.
        surface: The object.
        friction: Coulomb coefficient.
        preferred: [3] unit approach, None without preference.
    """
    y = poses.rotations[:, :, 1]
    joint = contacts.points[:, 0] - contacts.points[:, 1]
    joint = joint / np.maximum(np.linalg.norm(joint, axis=1, keepdims=True), 1e-30)
    cosines = np.stack([(contacts.normals[:, 0] * y).sum(1), -(contacts.normals[:, 1] * y).sum(1), (joint * y).sum(1)])
    worst = np.arccos(np.clip(cosines.min(axis=0), -1, 1))
    offset = surface.center - contacts.points.mean(axis=1)
    lever = np.linalg.norm(offset - (offset * y).sum(axis=1, keepdims=True) * y, axis=1)
    z = poses.rotations[:, :, 2]
    approach = np.ones(len(poses)) if preferred is None else 0.5 + 0.5 * (z @ preferred)
    columns = [
        1 - worst / np.arctan(friction),
        1 - lever / surface.radius,
        contacts.fill.min(axis=1),
        approach,
        _observed(contacts, surface),
    ]
    return np.clip(np.stack(columns, axis=1), 0, 1)


def score(figures: np.ndarray, weights: ScoreWeights) -> np.ndarray:
    """[P] scores in [0, 1] of features [P,5]: their weighted geometric mean."""
    powers = np.array(astuple(weights))
    return np.exp(np.log(np.maximum(figures, _FLOOR)) @ (powers / powers.sum()))


def _observed(contacts: PadContacts, surface: Surface) -> np.ndarray:
    """[P] mean confidence of the faces in contact over both pads; 1 where the mesh has none."""
    confidence = surface.mesh.confidence
    if confidence is None:
        return np.ones(len(contacts.fill))
    of_face = confidence[surface.mesh.faces].mean(axis=1)
    touching = contacts.faces >= 0
    total = (of_face[contacts.faces] * touching).sum(axis=2) / np.maximum(touching.sum(axis=2), 1)
    return total.mean(axis=1)
