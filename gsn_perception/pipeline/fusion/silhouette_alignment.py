"""Agreement of a splat, rendered in another view's camera, with that view's silhouette: a search and a refinement.

The splat is right up to its scale, so the one unknown is how far away it is along the rays of its own view. Seen from
elsewhere, another distance is another place and another size. The parameters change the camera's matrix only, so a whole set
of hypotheses is rendered in one call of the rasteriser.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry.transforms import make_transform
from gsn_perception.gsn.crop import Crop
from gsn_perception.rendering import CameraBatch
from gsn_perception.rendering import render

NEAREST, FARTHEST = 0.08, 12.0
"""Distances of objects from the reference camera that are searched, metres."""
_HYPOTHESES = 60
_AROUND = 1.4  # factor by which an approximate distance may be wrong
_COARSE, _FINE = 48, 96  # pixels
_FAINT = 0.02  # Gaussians below this opacity are left out
_BLURS = (3.0, 1.5, 1.0)  # pixels, coarse to fine
_STEPS = 4  # per blur
_LARGEST_STEP = 0.05
_STEP = np.array([0.01, 0.03])  # of the differences: log scale, depth
_DEPTH_SPREAD = 0.05  # standard deviation of a splat's relative error of depth
_NOISE = 0.25  # of a pixel's coverage at the outline
_SAMPLES = 60.0  # independent pixels along an outline
_OUTLIER = 0.2  # coverage: larger residuals count linearly


@dataclass(frozen=True, slots=True, eq=False)
class Silhouette:
    """The silhouette of an object in another view.

    Attributes:
        view: The virtual camera.
        coverage: [S,S] by the object.
        known: [S,S] weight in [0, 1]: 0 where another object or the image border may hide it.
    """

    view: ObjectView
    coverage: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, crop: Crop, size: int) -> Silhouette:
        """From a crop, resampled to ``size`` pixels."""
        coverage, unknown = (
            cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in (crop.alpha, crop.unknown)
        )
        return cls(crop.view, coverage, 1.0 - unknown)


@dataclass(frozen=True, slots=True)
class Fit:
    """A scale that fits a silhouette.

    Attributes:
        log_scale: Of metres per unit.
        depth: Relative stretch of the splat along its own view's axis that was fitted with it.
        curvature: Information about the log scale, with the stretch marginalised.
        misfit: Area in which splat and silhouette differ over the silhouette's area.
    """

    log_scale: float
    depth: float
    curvature: float
    misfit: float


class SilhouetteAlignment:
    """One splat and the crop of another view that shows the same object.

    Args:
        splat: Normalised, unbatched.
        own: The object view that the splat was made from.
        crop: Of the other view; wide enough to hold the object where the mask shows only a part of it.
    """

    def __init__(self, splat: Gaussians, own: ObjectView, crop: Crop) -> None:
        self._splat = splat.select(splat.opacities > _FAINT).detach().map(lambda t: t[None])
        self._own = own
        self._targets = {size: Silhouette.of(crop, size) for size in (_COARSE, _FINE)}

    def search(self, T_own_other: np.ndarray, near: float | None = None) -> tuple[float, float]:
        """The log scale of least misfit, and that misfit.

        Args:
            T_own_other: [4,4] rigid pose of the other camera in the splat's own camera frame.
            near: Approximate distance of the object, metres; None: all distances are searched.
        """
        distances = np.geomspace(NEAREST, FARTHEST, _HYPOTHESES)
        if near is not None:
            distances = near * np.geomspace(1 / _AROUND, _AROUND, _HYPOTHESES // 3)
        grid = np.log(distances / self._own.distance)
        step = float(grid[1] - grid[0])
        for _ in range(2):
            misfits = self._misfits(np.stack([grid, np.zeros_like(grid)], axis=1), T_own_other)
            best = float(grid[misfits.argmin()])
            grid = best + step * np.linspace(-1, 1, 15)
        return best, float(misfits.min())

    def refine(self, log_scale: float, T_own_other: np.ndarray) -> Fit:
        """Gauss-Newton over the log scale and a stretch along the view, with a prior on the stretch.

        Args:
            log_scale: Start.
            T_own_other: As for :meth:`search`.
        """
        x = np.array([log_scale, 0.0])
        information = np.eye(2)
        for blur in _BLURS:
            for _ in range(_STEPS):
                residual, J, weight, _ = self._linearised(x, T_own_other, blur)
                information = weight * J.T @ (self._robust(residual)[:, None] * J) + self._prior()
                gradient = weight * J.T @ (self._robust(residual) * residual) + self._prior() @ [0.0, x[1]]
                step = np.clip(np.linalg.solve(information, -gradient), -_LARGEST_STEP, _LARGEST_STEP)
                x = x + step
                if (np.abs(step) < 0.02 * _STEP).all():
                    break
        _, _, _, misfit = self._linearised(x, T_own_other, _BLURS[-1])
        curvature = information[0, 0] - information[0, 1] ** 2 / information[1, 1]
        return Fit(float(x[0]), float(x[1]), float(curvature), misfit)

    def shift(self, fit: Fit, T_own_other: np.ndarray, moved: np.ndarray) -> float:
        """By how much the fitted log scale changes, to first order, if the pose is ``moved`` instead of ``T_own_other``."""
        x = np.array([fit.log_scale, fit.depth])
        blur = _BLURS[-1]
        residual, J, weight, _ = self._linearised(x, T_own_other, blur)
        other = self._residuals(x[None], moved, blur)[0].ravel()
        robust = self._robust(residual)
        information = weight * J.T @ (robust[:, None] * J) + self._prior()
        return float(np.linalg.solve(information, -weight * J.T @ (robust * (other - residual)))[0])

    def coverage(self, fit: Fit, T_own_other: np.ndarray) -> tuple[np.ndarray, Silhouette]:
        """[S,S] coverage by the fitted splat, and the silhouette that it is compared with."""
        return self._rendered(np.array([[fit.log_scale, fit.depth]]), T_own_other, _FINE)[0], self._targets[_FINE]

    @staticmethod
    def _prior() -> np.ndarray:
        return np.diag([1e-6, 1.0 / _DEPTH_SPREAD**2])

    @staticmethod
    def _robust(residual: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 / np.maximum(np.abs(residual) / _OUTLIER, 1.0))

    def _linearised(
        self, x: np.ndarray, T_own_other: np.ndarray, blur: float
    ) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Residual [R], Jacobian [R,2], weight of a pixel, and misfit at the parameters."""
        images = self._residuals(np.stack([x, x + [_STEP[0], 0], x + [0, _STEP[1]]]), T_own_other, blur)
        residual = images[0].ravel()
        J = np.stack([(images[1 + k] - images[0]).ravel() / _STEP[k] for k in (0, 1)], axis=1)
        slope = np.abs(J[:, 0])
        band = max(int((slope > 1e-3 * max(float(slope.max()), 1e-9)).sum()), 1)
        area = max(float((self._targets[_FINE].coverage * self._targets[_FINE].known).sum()), 1.0)
        return residual, J, _SAMPLES / band / _NOISE**2, float(np.abs(residual).sum()) / area

    def _residuals(self, xs: np.ndarray, T_own_other: np.ndarray, blur: float) -> np.ndarray:
        """[X,S,S] blurred coverage minus the silhouette's, where that is known."""
        target = self._targets[_FINE]
        images = self._rendered(xs, T_own_other, _FINE)
        return np.stack([_blurred(image - target.coverage, blur) * target.known for image in images])

    def _misfits(self, xs: np.ndarray, T_own_other: np.ndarray) -> np.ndarray:
        target = self._targets[_COARSE]
        images = self._rendered(xs, T_own_other, _COARSE)
        apart = np.stack([np.abs(_blurred(image - target.coverage, 2.0)) for image in images])
        area = max(float((target.coverage * target.known).sum()), 1.0)
        return np.asarray((apart * target.known).sum(axis=(1, 2)) / area)

    def _rendered(self, xs: np.ndarray, T_own_other: np.ndarray, size: int) -> np.ndarray:
        """[X,S,S] coverage by the splat for each row (log scale, stretch) of the parameters."""
        view = self._targets[size].view
        camera = view.camera.resized(size, size)
        T_virtual_own = np.linalg.inv(T_own_other @ make_transform(view.R_camera_virtual, np.zeros(3)))
        poses = [
            T_virtual_own @ self._own.similarity(float(np.exp(x[0]))) @ np.diag([1.0, 1.0, 1.0 + x[1], 1.0]) for x in xs
        ]
        K = torch.from_numpy(np.stack([camera.K] * len(xs))).float()[None]
        cameras = CameraBatch(K, torch.from_numpy(np.stack(poses)).float()[None], size, size)
        with torch.no_grad():
            return render(self._splat, cameras).alpha[0].cpu().numpy()


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))
