"""The support plane of a frame: fitted to the depth, or given and checked against it; refuses objects without own depth."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

import numpy as np

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Remark
from gsn_perception.geometry.remark import merged
from gsn_perception.gsn.scale import Scale
from gsn_perception.pipeline.settings import ReconstructorSettings
from gsn_perception.segmentation import lies_on_plane
from gsn_perception.segmentation.planes.choosing import TILT
from gsn_perception.segmentation.planes.grid import depth_noise
from gsn_perception.segmentation.planes.support_plane import Support
from gsn_perception.segmentation.planes.support_plane import level_support

_TILT = 5.0  # degrees between the given and the measured plane
_SHIFT = 0.01  # metres between them under the objects, in addition to the noise
_FAR_OFF = 0.25  # of the distance, from the object's lower end to the plane: more than the error of a size hint
_OPAQUE = 0.3
_SURE = 3.0  # least score of a measured support that overrules the given plane


def checked_plane(observation: Observation, settings: ReconstructorSettings) -> Observation:
    """The observation with the given plane, or with the measured one and a remark where the depth contradicts it.

    Args:
        observation: With its mask where one is given; its depth within range, not cleaned yet.
        settings: ``trust_support_plane`` keeps the given plane.
    """
    given = observation.support_plane
    if given is None or settings.trust_support_plane:
        return observation
    support = None if observation.depth is None else _measured(observation)
    if support is None or support.score < _SURE:
        return _turned(observation, given)
    middle = _middle(observation)
    below = support.others if float(given.height(middle)) > 0 else ()
    if any(_agree(given, plane, middle) for plane in (support.plane, *below)):
        return observation
    remark = _contradiction(given, support.plane, middle)
    return replace(observation, support_plane=support.plane, remarks=merged(observation.remarks, (remark,)))


def fitted_plane(observation: Observation) -> Observation:
    """The observation with a plane fitted under the objects; unchanged where it has one or the depth shows none."""
    if observation.support_plane is not None or observation.depth is None:
        return observation
    support = _measured(observation)
    return observation if support is None else replace(observation, support_plane=support.plane)


def level_checked(observation: Observation) -> Observation:
    """The observation with a remark where the support plane is not level and gravity is known."""
    plane, gravity = observation.support_plane, observation.gravity
    if plane is None or gravity is None:
        return observation
    angle = _degrees(-gravity, plane.normal)
    if angle <= TILT:
        return observation
    text = (
        f"the support plane is {angle:.0f} degrees from level and was used all the same; "
        "check the gravity, the plane given, or that target_frame's z is up (else set target_is_level to false)"
    )
    return replace(observation, remarks=merged(observation.remarks, (Remark("support_plane_not_level", text),)))


def plane_beside_hint(
    observation: Observation, splat: Gaussians, scale: Scale
) -> tuple[Observation, tuple[Remark, ...]]:
    """Drop the support plane, with a remark, where the size hint puts the object far from it.

    Args:
        observation: With its support plane, or none.
        splat: The object in metres, camera frame.
        scale: The source of the metres.

    Returns:
        The observation, without its plane where that was dropped, and the remark.
    """
    plane = observation.support_plane
    means = splat.means[splat.opacities > _OPAQUE].detach().cpu().double().numpy()
    if plane is None or scale.source != "size_hint" or not len(means):
        return observation, ()
    height = float(np.quantile(plane.height(means), 0.02))
    if abs(height) <= _FAR_OFF * float(np.linalg.norm(means.mean(axis=0))):
        return observation, ()
    side = "above" if height > 0 else "below"
    text = (
        f"by the size hint the object is {abs(height):.2g} m {side} the support plane, which was left out; check the hint "
        "(metres between its two farthest points) and the plane (metres, camera frame, normal to the objects' side)"
    )
    return replace(observation, support_plane=None), (Remark("size_hint_contradicts_plane", text),)


def refuse_depth_of_plane(observation: Observation, mask: np.ndarray) -> None:
    """Refuse an object whose depth is only that of the plane under it.

    Args:
        observation: With depth and support plane; without either nothing is refused.
        mask: [H,W] bool, the object.

    Raises:
        InputError: its depth lies on the plane.
    """
    if observation.depth is None or observation.support_plane is None:
        return
    height = lies_on_plane(observation.depth, observation.camera, mask, observation.support_plane)
    if height is not None:
        raise InputError(
            f"the object's depth lies on the support plane (median {1000 * height:.1f} mm above it): it is transparent, "
            "so that depth passes through it, or flat as paper; give a size hint and no depth (use_depth false)"
        )


def _measured(observation: Observation) -> Support | None:
    """The support plane in the depth; a level one where gravity is known and there is one."""
    assert observation.depth is not None
    try:
        return level_support(observation.depth, observation.camera, observation.mask, gravity=observation.gravity)
    except InputError:
        return None


def _turned(observation: Observation, given: Plane) -> Observation:
    """Flip the given plane, with a remark, where its normal points away from the camera.

    Cameras see objects from above their support. A plane behind the camera is not changed: it has another fault, and
    fixes no scale.
    """
    rays = observation.camera.pixel_rays()
    seen = rays.reshape(-1, 3) if observation.mask is None else rays[observation.mask > 0]
    if given.offset >= 0 or not len(seen) or float(given.normal @ seen.mean(axis=0)) <= 0:
        return observation
    text = (
        "the given support plane's normal points away from the camera, as if it looked from below the table; "
        "it was turned round, give -nx,-ny,-nz,-d"
    )
    turned = Plane(-given.normal, -given.offset)
    remarks = merged(observation.remarks, (Remark("support_plane_flipped", text),))
    return replace(observation, support_plane=turned, remarks=remarks)


def _middle(observation: Observation) -> np.ndarray:
    """[3] median of the objects' points, or of all points where there is no mask."""
    points = observation.camera.back_project(observation.depth).astype(np.float64)  # type: ignore[arg-type]
    known = np.isfinite(points).all(axis=-1)
    objects = known if observation.mask is None else known & (observation.mask > 0)
    return np.asarray(np.median(points[objects if objects.any() else known], axis=0))


def _agree(given: Plane, measured: Plane, middle: np.ndarray) -> bool:
    """Whether two planes agree within the noise below the middle [3] of the objects."""
    foot = _foot(measured, middle)
    shift = abs(float(given.height(foot)))
    return _degrees(given.normal, measured.normal) <= _TILT and shift <= max(_SHIFT, 3 * float(depth_noise(foot[2])))


def _foot(plane: Plane, middle: np.ndarray) -> np.ndarray:
    return np.asarray(middle - float(plane.height(middle)) * plane.normal)


@dataclass(frozen=True, slots=True)
class _Guess:
    """A possible mistake in a given plane, and the plane without the mistake."""

    words: str
    plane: Plane


def _guesses(given: Plane) -> list[_Guess]:
    turned, mirrored = Plane(-given.normal, -given.offset), Plane(given.normal, -given.offset)
    inverse = Plane(-given.normal, given.offset)
    guesses = []
    for factor, unit in ((1.0, ""), (1000.0, "in millimetres"), (100.0, "in centimetres")):
        for plane, words in (
            (given, ""),
            (turned, "its normal points away from the camera: give -nx,-ny,-nz,-d"),
            (mirrored, "the sign of d is flipped"),
            (inverse, "the sign of the normal is flipped"),
        ):
            mistake = " and ".join(part for part in (f"d is given {unit}" if unit else "", words) if part)
            if mistake:
                guesses.append(_Guess(mistake, Plane(plane.normal, plane.offset / factor)))
    return guesses


def _contradiction(given: Plane, measured: Plane, middle: np.ndarray) -> Remark:
    why = next((guess.words for guess in _guesses(given) if _agree(guess.plane, measured, middle)), "")
    foot = _foot(measured, middle)
    text = (
        f"the given support plane is {abs(float(given.height(foot))):.3g} m and "
        f"{_degrees(given.normal, measured.normal):.1f} degrees from the one that the depth shows under the objects "
        f"(given d {given.offset:.3g} m, measured {measured.offset:.3g} m); the measured one was used"
    )
    cure = f"; probably {why}" if why else "; correct support_plane, or set trust_support_plane"
    return Remark("support_plane_contradicts_depth", text + cure)


def _degrees(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0))))
