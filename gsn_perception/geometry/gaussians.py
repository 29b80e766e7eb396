"""A splat: N Gaussians with plain RGB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.geometry.transforms import quat_multiply
from gsn_perception.geometry.transforms import quat_to_matrix
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
        """Where the tensors live."""
        return self.means.device

    def covariances(self) -> Tensor:
        """[...,N,3,3] covariance matrices R S S R^T."""
        rs = quat_to_matrix(self.quats) * self.scales.unsqueeze(-2)
        return rs @ rs.transpose(-1, -2)

    def map(self, function) -> Gaussians:  # noqa: ANN001
        """Every tensor replaced by ``function(tensor)``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Gaussians(**{k: None if v is None else function(v) for k, v in values.items()})

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Gaussians:
        """On another device or in another dtype."""
        return self.map(lambda t: t.to(device=device, dtype=dtype))

    def detach(self) -> Gaussians:
        """Cut from the autograd graph."""
        return self.map(lambda t: t.detach())

    def transform(self, T: np.ndarray) -> Gaussians:
        """Moved by a rigid or similarity transform [4,4]; scales follow a similarity's factor.

        Raises:
            InputError: T shears, mirrors or scales unevenly.
        """
        rotation, translation, scale = split_similarity(T)
        like = {"dtype": self.means.dtype, "device": self.means.device}
        R = torch.as_tensor(rotation, **like)
        quat = torch.as_tensor(quat_from_matrix(rotation), **like)
        return replace(
            self,
            means=scale * self.means @ R.T + torch.as_tensor(translation.copy(), **like),
            scales=self.scales * scale,
            quats=quat_multiply(quat, self.quats),
        )

    def select(self, mask: Tensor) -> Gaussians:
        """The Gaussians of an unbatched splat where ``mask`` [N] (bool or indices) says so."""
        if self.opacities.dim() != 1:
            raise InputError("Gaussians.select works on one splat; index the batch first")
        return self.map(lambda t: t[mask])

    def __getitem__(self, index: int | slice) -> Gaussians:
        """One splat (or a slice) of a batch."""
        if self.opacities.dim() < 2:
            raise InputError("Gaussians are not batched; use select() for single Gaussians")
        return self.map(lambda t: t[index])

    def render(self, camera: Camera, *, backend: str = "auto") -> np.ndarray:
        """The splat seen by ``camera``, whose world is this splat's frame.

        Returns:
            [H,W,4] float32 RGBA in [0, 1], colour not premultiplied.
        """
        from gsn_perception.rendering import render_rgba

        return render_rgba(self, camera, backend=backend)


def cat(parts: Sequence[Gaussians]) -> Gaussians:
    """Several unbatched splats as one; confidence is kept when every part has it."""
    if not parts:
        raise InputError("nothing to concatenate: give at least one splat")
    joined = {f.name: [getattr(p, f.name) for p in parts] for f in fields(Gaussians)}
    whole = {k: None if any(t is None for t in v) else torch.cat(v) for k, v in joined.items()}
    return Gaussians(**whole)


def stack(parts: Sequence[Gaussians]) -> Gaussians:
    """Splats of equal size stacked along a new leading batch dim."""
    joined = {f.name: [getattr(p, f.name) for p in parts] for f in fields(Gaussians)}
    whole = {k: None if any(t is None for t in v) else torch.stack(v) for k, v in joined.items()}
    return Gaussians(**whole)
