"""A Gaussian splat: N 3-D Gaussians with RGB colour (no view dependence), transforms, concatenation, quaternion tensors."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.geometry.transforms import split_similarity

if TYPE_CHECKING:
    from gsn_perception.geometry.camera import Camera


@dataclass(frozen=True, slots=True, eq=False)
class Gaussians:
    """N Gaussians; leading batch dims are allowed on every field.

    Attributes:
        means: [...,N,3] metres (or normalised units).
        scales: [...,N,3] standard deviations along the local axes, > 0, linear.
        quats: [...,N,4] rotations wxyz, local axes to frame; need not be normalised.
        colors: [...,N,3] RGB in [0, 1].
        opacities: [...,N] in (0, 1].
        confidence: [...,N] in [0, 1] (1 observed, 0 completed) or None.
    """

    means: Tensor  # [..., N, 3]
    scales: Tensor  # [..., N, 3]
    quats: Tensor  # [..., N, 4]
    colors: Tensor  # [..., N, 3]
    opacities: Tensor  # [..., N]
    confidence: Tensor | None = None  # [..., N]

    def __post_init__(self) -> None:
        lead = self.opacities.shape
        for name, width in (("means", 3), ("scales", 3), ("quats", 4), ("colors", 3)):
            shape = getattr(self, name).shape
            if shape != (*lead, width):
                raise InputError(f"Gaussians.{name} has shape {tuple(shape)}, expected {(*lead, width)}")
        if self.confidence is not None and self.confidence.shape != lead:
            raise InputError(f"Gaussians.confidence has shape {tuple(self.confidence.shape)}, expected {tuple(lead)}")

    def __len__(self) -> int:
        return self.opacities.shape[-1]

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return self.means.device

    def covariances(self) -> Tensor:
        """[...,N,3,3] covariance matrices R S S R^T."""
        rs = quat_to_matrix(self.quats) * self.scales.unsqueeze(-2)
        return rs @ rs.transpose(-1, -2)

    def map(self, function: Callable[[Tensor], Tensor]) -> Gaussians:
        """Every tensor replaced by ``function(tensor)``."""
        return Gaussians(
            means=function(self.means),
            scales=function(self.scales),
            quats=function(self.quats),
            colors=function(self.colors),
            opacities=function(self.opacities),
            confidence=None if self.confidence is None else function(self.confidence),
        )

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Gaussians:
        """On another device or in another dtype."""
        return self.map(lambda t: t.to(device=device, dtype=dtype))

    def detach(self) -> Gaussians:
        """Detached from the autograd graph."""
        return self.map(lambda t: t.detach())

    def transform(self, T: np.ndarray) -> Gaussians:
        """Moved by a rigid or similarity transform [4,4]; a similarity also multiplies the scales.

        Raises:
            InputError: T shears, mirrors or scales unevenly.
        """
        rotation, translation, scale = split_similarity(T)
        R, quat, shift = (
            torch.as_tensor(values, dtype=self.means.dtype, device=self.means.device)
            for values in (rotation, quat_from_matrix(rotation), translation.copy())
        )
        return replace(
            self,
            means=scale * self.means @ R.T + shift,
            scales=self.scales * scale,
            quats=quat_multiply(quat, self.quats),
        )

    def select(self, mask: Tensor) -> Gaussians:
        """The Gaussians of an unbatched splat that ``mask`` [N] (bool or indices) selects."""
        if self.opacities.dim() != 1:
            raise InputError("Gaussians.select works on one splat; index the batch first")
        return self.map(lambda t: t[mask])

    def __getitem__(self, index: int | slice) -> Gaussians:
        """One splat (or a slice) of a batch."""
        if self.opacities.dim() < 2:
            raise InputError("Gaussians are not batched; use select() for single Gaussians")
        return self.map(lambda t: t[index])

    def render(self, camera: Camera, *, backend: Literal["auto", "cpu", "cuda", "reference"] = "auto") -> np.ndarray:
        """The splat seen by ``camera``, whose world is this splat's frame.

        Returns:
            [H,W,4] float32 RGBA in [0, 1], colour not premultiplied.
        """
        from gsn_perception.rendering import render_rgba

        return render_rgba(self, camera, backend=backend)


def cat(parts: Sequence[Gaussians]) -> Gaussians:
    """Several unbatched splats as one, or batches as one batch; confidence is kept when every part has it."""
    if not parts:
        raise InputError("nothing to concatenate: give at least one splat")
    return _joined(parts, torch.cat)


def stack(parts: Sequence[Gaussians]) -> Gaussians:
    """Splats of equal size stacked along a new leading batch dim."""
    return _joined(parts, torch.stack)


def _joined(parts: Sequence[Gaussians], join: Callable[[list[Tensor]], Tensor]) -> Gaussians:
    confidence = [p.confidence for p in parts if p.confidence is not None]
    return Gaussians(
        means=join([p.means for p in parts]),
        scales=join([p.scales for p in parts]),
        quats=join([p.quats for p in parts]),
        colors=join([p.colors for p in parts]),
        opacities=join([p.opacities for p in parts]),
        confidence=join(confidence) if len(confidence) == len(parts) else None,
    )


def quat_to_matrix(quats: Tensor) -> Tensor:
    """Rotations [...,3,3] of quaternions wxyz [...,4], normalised here."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
    ]
    return torch.stack(rows, -2)


def quat_multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product of quaternions wxyz, broadcasting over leading dims."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        -1,
    )
