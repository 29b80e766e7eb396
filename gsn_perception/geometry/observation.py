"""The input of the pipeline: one RGB or RGB-D frame (``Observation``) and the support ``Plane``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.masks.labels import to_labels
from gsn_perception.geometry.masks.mask_size import resize_mask
from gsn_perception.geometry.remark import Remark
from gsn_perception.geometry.remark import merged
from gsn_perception.geometry.transforms import split_similarity


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The plane ``normal . x + offset = 0``.

    Attributes:
        normal: [3] unit, pointing to the side the objects stand on.
        offset: Metres.
    """

    normal: np.ndarray
    offset: float

    def __post_init__(self) -> None:
        normal = np.array(self.normal, dtype=np.float64).reshape(-1)
        length = float(np.linalg.norm(normal))
        if normal.shape != (3,) or not np.isfinite(length) or length < 1e-9 or not np.isfinite(self.offset):
            raise InputError("the support plane's normal is zero or not finite; give nx,ny,nz,d with a non-zero normal")
        object.__setattr__(self, "normal", normal / length)
        object.__setattr__(self, "offset", float(self.offset) / length)

    def height(self, points: np.ndarray) -> np.ndarray:
        """Signed distances [...] of points [...,3] above the plane, metres."""
        return points @ self.normal.astype(points.dtype) + points.dtype.type(self.offset)

    def transform(self, T: np.ndarray) -> Plane:
        """Moved by a rigid or similarity transform [4,4]; the scale multiplies heights above the plane."""
        rotation, translation, scale = split_similarity(T)
        normal = rotation @ self.normal
        return Plane(normal, scale * self.offset - float(normal @ translation))


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One frame of one camera.

    Attributes:
        image: [H,W,3] uint8 RGB.
        camera: Its pinhole camera; results are in its optical frame whatever its pose says.
        mask: [H,W] instance labels of whole numbers, 0 = background, kept as uint8 or uint16; or bool, or probabilities
            in [0, 1] of one object. One of another resolution but the image's aspect is resampled, with a remark. None
            lets the pipeline segment.
        depth: [H,W] float32 metres along z, NaN = unknown; None without a depth sensor.
        support_plane: The plane the object stands on, camera frame; None when unknown.
        gravity: [3] direction of gravity, camera frame, normalised here; None when unknown.
        size_hint: Metres between the two points of the object that are farthest from each other (of a carton its diagonal,
            not its side); None when unknown.
        roi: (x, y, w, h) in pixels around the object, for segmentation without a mask.
        stamp: Nanoseconds.
        frame_id: Name of the optical frame.
        remarks: Doubts about the frame as a whole; every result of it carries them.

    Raises:
        InputError: the arrays disagree in size or type, or the depth holds no usable value.
    """

    image: np.ndarray
    camera: Camera
    mask: np.ndarray | None = None
    depth: np.ndarray | None = None
    support_plane: Plane | None = None
    size_hint: float | None = None
    roi: tuple[int, int, int, int] | None = None
    stamp: int = 0
    frame_id: str = ""
    remarks: tuple[Remark, ...] = ()
    gravity: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._check_image()
        self._check_mask()
        self._check_depth()
        if self.size_hint is not None and not (np.isfinite(self.size_hint) and self.size_hint > 0):
            raise InputError(
                f"size hint {self.size_hint} is not a positive length; give the object's longest distance in metres"
            )
        if self.roi is not None:
            self._check_roi()
        if self.gravity is not None:
            self._check_gravity()

    def measured_points(self) -> np.ndarray | None:
        """[M,3] float32 all points that the depth sensor measured, camera frame, metres; None without depth.

        For :meth:`~gsn_perception.grasping.GraspPlanner.plan`: only these points show a wire thinner than the mesh's cells.
        """
        if self.depth is None:
            return None
        points = self.camera.back_project(self.depth).reshape(-1, 3)
        return points[np.isfinite(points).all(axis=1)]

    def _check_image(self) -> None:
        image = self.image
        if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            kind = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise InputError(f"the image is {kind}; give an RGB uint8 array of shape [H, W, 3]")
        if image.shape[:2] != (self.camera.height, self.camera.width):
            raise InputError(
                f"the image is {image.shape[1]}x{image.shape[0]} but the camera is "
                f"{self.camera.width}x{self.camera.height}; give the intrinsics of this image"
            )

    def _check_mask(self) -> None:
        if self.mask is None:
            return
        mask, remark = resize_mask(to_labels(self.mask), self.image.shape[:2])
        object.__setattr__(self, "mask", mask)
        if remark is not None:
            object.__setattr__(self, "remarks", merged(self.remarks, [remark]))

    def _check_depth(self) -> None:
        if self.depth is None:
            return
        if self.depth.shape != self.image.shape[:2]:
            raise InputError(
                f"the depth image has shape {self.depth.shape}, the image {self.image.shape[:2]}; register depth to colour"
            )
        if self.depth.dtype.kind != "f":
            raise InputError(f"the depth image is {self.depth.dtype}; give float metres along z with NaN = unknown")
        depth = self.depth.astype(np.float32, copy=False)
        unusable = (depth <= 0) | np.isposinf(depth)
        if unusable.any():
            depth = np.where(unusable, np.float32(np.nan), depth)
        object.__setattr__(self, "depth", depth)

    def _check_gravity(self) -> None:
        try:
            gravity = np.asarray(self.gravity, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError("gravity is not numeric; give its direction in the camera frame as x, y, z") from None
        length = float(np.linalg.norm(gravity))
        if gravity.shape != (3,) or not np.isfinite(length) or length < 1e-9:
            raise InputError("gravity is zero, not finite or not of three numbers; give its direction in camera frame")
        object.__setattr__(self, "gravity", gravity / length)

    def _check_roi(self) -> None:
        x, y, w, h = self.roi  # type: ignore[misc]
        if w < 1 or h < 1 or x < 0 or y < 0 or x + w > self.camera.width or y + h > self.camera.height:
            raise InputError(
                f"roi {self.roi} lies outside the {self.camera.width}x{self.camera.height} image; give x,y,w,h inside it"
            )
