"""What tells a grasp that holds from one that does not, in closed form."""

from __future__ import annotations

import numpy as np

from gsn_perception.grasping.candidates.contacts import PadContacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.object_surface import Surface

FEATURES = (
    "friction",
    "area",
    "balance",
    "gravity",
    "clear",
    "approach",
    "observed",
    "squeeze",
    "level",
    "stroke",
    "sighted",
)
_LEVER = 0.04  # metres at which balance and gravity have fallen to 1 / e
_DEEP = 0.004  # metres within which the pads' rays should end for a steady contact


def features(
    poses: Poses,
    contacts: PadContacts,
    surface: Surface,
    *,
    friction: float,
    max_width: float,
    preferred: np.ndarray | None,
    up: np.ndarray | None,
    clear: np.ndarray,
    sighted: np.ndarray,
) -> np.ndarray:
    """Figures [P,11] in [0, 1] in the order of :data:`FEATURES`; each is better when higher.

    - friction: room left in the friction cones (Nguyen 1988) at the worse contact: by mean normals and joint line;
    - area: share of the pads that touches, the worse pad;
    - balance: closeness of the closing axis to the centre of mass;
    - gravity: smallness of the weight's torque about the closing axis, which only the pads' torsion resists;
    - clear: how far the gripper stays from the object: by 3, 5 or 8 mm;
    - approach: from above (support plane known) or from the camera's side;
    - observed: share of the contacts that was seen rather than completed, the worse pad;
    - squeeze: how evenly deep the surface lies under the pads;
    - level: how near the horizontal the fingers close (support plane known): a finger that comes from below meets the
      table first when the plane is off, and the object slides along a slope;
    - stroke: what is left of the gripper's stroke once closed: an unseen side that is farther than it was made up to
      be does not fit;
    - sighted: share of the fingers' room that the object did not hide from the camera, where the camera is known.

    Args:
        poses: P candidates.
        contacts: What their pads touch.
        surface: The object.
        friction: Coulomb coefficient.
        max_width: The gripper's opening, metres.
        preferred: [3] unit approach, None without preference.
        up: [3] unit against gravity, None where it is unknown.
        clear: [P] in [0, 1], see above.
        sighted: [P] in [0, 1], see above.
    """
    y, z = poses.rotations[:, :, 1], poses.rotations[:, :, 2]
    joint = contacts.points[:, 0] - contacts.points[:, 1]
    joint = joint / np.maximum(np.linalg.norm(joint, axis=1, keepdims=True), 1e-30)
    cosines = np.stack([(contacts.normals[:, 0] * y).sum(1), -(contacts.normals[:, 1] * y).sum(1), (joint * y).sum(1)])
    worst = np.arccos(np.clip(cosines.min(axis=0), -1, 1))
    offset = surface.center - contacts.points.mean(axis=1)
    lever = np.linalg.norm(offset - (offset * y).sum(axis=1, keepdims=True) * y, axis=1)
    torque = lever if up is None else np.abs((np.cross(offset, up) * y).sum(axis=1))
    columns = [
        1 - worst / np.arctan(friction),
        contacts.fill.min(axis=1),
        np.exp(-lever / _LEVER),
        np.exp(-torque / _LEVER),
        clear,
        np.ones(len(poses)) if preferred is None else 0.5 + 0.5 * (z @ preferred),
        _observed(contacts, surface),
        np.exp(-contacts.spread.max(axis=1) / _DEEP),
        np.ones(len(poses)) if up is None else 1 - np.abs(y @ up),
        1 - np.minimum(contacts.width, max_width) / max_width,
        sighted,
    ]
    return np.clip(np.stack(columns, axis=1), 0, 1)


def _observed(contacts: PadContacts, surface: Surface) -> np.ndarray:
    """[P] mean confidence of the faces in contact, the worse pad; 1 where the mesh has none."""
    confidence = surface.mesh.confidence
    if confidence is None:
        return np.ones(len(contacts.fill))
    of_face = confidence[surface.mesh.faces].mean(axis=1)
    touching = contacts.faces >= 0
    total = (of_face[contacts.faces] * touching).sum(axis=2) / np.maximum(touching.sum(axis=2), 1)
    return total.min(axis=1)
