"""Ferrari-Canny grasp quality (epsilon), averaged over pose errors: the offline reference of the grasp score."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial import QhullError
from scipy.spatial.transform import Rotation

from gsn_perception.geometry import Grasp
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.candidates.contacts import pad_contacts
from gsn_perception.grasping.candidates.sampling import Poses
from gsn_perception.grasping.object_surface import Surface

_EDGES = 6  # of the pyramid that approximates a friction cone
_CORNERS = 3  # contacts per pad, those farthest apart
_SHIFT, _TURN = 0.003, np.deg2rad(3.0)  # standard deviations of the pose


def robust_epsilon(
    grasp: Grasp, gripper: Gripper, surface: Surface, *, friction: float, seed: int = 0, draws: int = 8
) -> float:
    """Mean epsilon of a grasp under pose errors of 3 mm and 3 degrees; 0 where a pad touches nothing.

    Args:
        grasp: In the surface's frame.
        gripper: Its pads close along the grasp's y from the opening ``grasp.width``.
        surface: The true object.
        friction: Coulomb coefficient.
        seed: Of the errors.
        draws: Number of poses, the first without error.
    """
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(rng.normal(0, _TURN, (draws, 3)) * (np.arange(draws) > 0)[:, None]).as_matrix()
    shifts = rng.normal(0, _SHIFT, (draws, 3)) * (np.arange(draws) > 0)[:, None]
    pose = grasp.T_frame_tcp
    poses = Poses.of(pose[:3, :3] @ turns, pose[:3, 3] + shifts @ pose[:3, :3].T, np.full(draws, grasp.width))
    contacts = pad_contacts(poses, gripper, surface, tolerance=0.0015)
    values = []
    for row in range(draws):
        spots = [_spread(contacts.spots[row, side][contacts.faces[row, side] >= 0]) for side in (0, 1)]
        if not all(map(len, spots)):
            values.append(0.0)
            continue
        normals = [np.repeat(-contacts.normals[row, side][None], len(s), axis=0) for side, s in enumerate(spots)]
        found = wrenches(
            np.concatenate(spots), np.concatenate(normals), friction, center=surface.center, length=surface.radius
        )
        values.append(hull_radius(found))
    return float(np.mean(values))


def wrenches(
    points: np.ndarray, inward: np.ndarray, friction: float, *, center: np.ndarray, length: float
) -> np.ndarray:
    """Primitive wrenches [C*E,6] of hard contacts with friction (Ferrari and Canny 1992, their L1 grasp wrench space).

    Args:
        points: [C,3] metres.
        inward: [C,3] unit normals into the object.
        friction: Coulomb coefficient.
        center: [3] reference point of torques.
        length: Metres by which torques are divided.
    """
    axis = np.where(np.abs(inward[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    side = np.cross(inward, axis)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(inward, side)
    angles = 2 * np.pi * np.arange(_EDGES) / _EDGES
    around = np.cos(angles)[None, :, None] * side[:, None] + np.sin(angles)[None, :, None] * other[:, None]
    forces = inward[:, None] + friction * around  # unit normal force
    torques = np.cross((points - center)[:, None] / length, forces)
    return np.concatenate([forces, torques], axis=2).reshape(-1, 6)


def hull_radius(points: np.ndarray) -> float:
    """Radius of the largest ball at the origin inside the convex hull of points [N,D]; 0 where there is none."""
    try:
        offsets = ConvexHull(points).equations[:, -1]
    except QhullError:  # flat hull: no resistance across it
        return 0.0
    return float(max(-offsets.max(), 0.0))


def _spread(points: np.ndarray) -> np.ndarray:
    """At most ``_CORNERS`` of the points [N,3], each farthest from those before it."""
    if len(points) <= _CORNERS:
        return points
    chosen = [int(np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    while len(chosen) < _CORNERS:
        apart = np.linalg.norm(points[:, None] - points[chosen][None], axis=2).min(axis=1)
        chosen.append(int(np.argmax(apart)))
    return points[chosen]
