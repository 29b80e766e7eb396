"""Features of a grasp candidate for the grasp score, in closed form."""

from __future__ import annotations

import numpy as np

from gsn_perception.grasping.candidates.pad_lines import PadContacts
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
_DEEP = 0.004  # metres: depth spread of the pads' rays at which ``squeeze`` has fallen to 1 / e


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
    """Features [P,11] in [0, 1] in the order of :data:`FEATURES`; each is better when higher.

    - friction: angle left in the friction cones (Nguyen 1988) at the worse contact, from mean normals and the line
      between the contacts;
    - area: share of the pad in contact, the worse pad;
    - balance: closeness of the closing axis to the centre of mass;
    - gravity: smallness of the weight's torque about the closing axis, which only the pads' torsion resists;
    - clear: distance of the gripper to the object: more than 3, 5 or 8 mm;
    - approach: from above (support plane known) or from the camera's side;
    - observed: share of the contact that was seen and not completed, the worse pad;
    - squeeze: how uniform the depth of the surface under the pads is;
    - level: how close the closing direction is to the horizontal (support plane known): a finger from below hits the
      table when the plane is inaccurate, and the object slides along a slope;
    - stroke: share of the gripper's stroke left when closed: an unseen side that is farther than predicted may not fit;
    - sighted: share of the fingers' volume that the object does not hide from the camera, where the camera is known.

    Args:
        poses: P candidates.
        contacts: Of their pads.
        surface: The object.
        friction: Coulomb coefficient.
        max_width: The gripper's opening, metres.
        preferred: [3] unit approach, None without preference.
        up: [3] unit against gravity, None where it is unknown.
        clear: [P] in [0, 1], see above.
        sighted: [P] in [0, 1], see above.
    """
    y, z = poses.rotations[:, :, 1], poses.rotations[:, :, 2]
    offset = surface.center - contacts.points.mean(axis=1)
    lever = np.linalg.norm(offset - (offset * y).sum(axis=1, keepdims=True) * y, axis=1)
    torque = lever if up is None else np.abs((np.cross(offset, up) * y).sum(axis=1))
    columns = [
        friction_left(contacts, y, friction),
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


def friction_left(contacts: PadContacts, closing: np.ndarray, friction: float) -> np.ndarray:
    """[P] the feature ``friction`` of contacts under closing directions [P,3]; not positive outside the friction cones."""
    return 1 - _worst_angle(contacts, closing) / np.arctan(friction)


def _worst_angle(contacts: PadContacts, closing: np.ndarray) -> np.ndarray:
    """[P] largest angle of the closing direction [P,3] to either normal or to the line between the contacts, radians."""
    joint = contacts.points[:, 0] - contacts.points[:, 1]
    joint = joint / np.maximum(np.linalg.norm(joint, axis=1, keepdims=True), 1e-30)
    inward, outward = (contacts.normals[:, 0] * closing).sum(1), -(contacts.normals[:, 1] * closing).sum(1)
    cosines = np.stack([inward, outward, (joint * closing).sum(1)])
    return np.asarray(np.arccos(np.clip(cosines.min(axis=0), -1, 1)))


def _observed(contacts: PadContacts, surface: Surface) -> np.ndarray:
    """[P] mean confidence of the faces in contact, the worse pad; 1 where the mesh has none."""
    if surface.confidence is None:
        return np.ones(len(contacts.fill))
    touching = contacts.faces >= 0
    total = (surface.confidence[contacts.faces] * touching).sum(axis=2) / np.maximum(touching.sum(axis=2), 1)
    return total.min(axis=1)
