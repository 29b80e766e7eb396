"""``CameraBatch``: a batch of pinhole cameras as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gsn_perception.geometry.camera import Camera
from gsn_perception.geometry.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class CameraBatch:
    """V views of each of B splats, all of one image size.

    Attributes:
        K: [B,V,3,3] pinhole intrinsics, pixel centres at +0.5, no skew.
        camera_from_object: [B,V,4,4] splat frame to camera (optical axes), rigid or similarity.
        width: Pixels.
        height: Pixels.

    Raises:
        InputError: the shapes do not match or the size is not positive.
    """

    K: Tensor  # [B, V, 3, 3]
    camera_from_object: Tensor  # [B, V, 4, 4]
    width: int
    height: int

    def __post_init__(self) -> None:
        lead = tuple(self.K.shape[:-2])
        if len(lead) != 2 or self.K.shape[-2:] != (3, 3):
            raise InputError(f"CameraBatch.K has shape {tuple(self.K.shape)}; give [B, V, 3, 3]")
        if self.camera_from_object.shape != (*lead, 4, 4):
            got = tuple(self.camera_from_object.shape)
            raise InputError(f"CameraBatch.camera_from_object has shape {got}, expected {(*lead, 4, 4)}")
        if self.width < 1 or self.height < 1:
            raise InputError(f"CameraBatch size {self.width}x{self.height} is not positive; give the image's size")

    @classmethod
    def of(cls, cameras: Sequence[Camera], device: torch.device | str | None = None) -> CameraBatch:
        """Cameras of one size as the views of one splat, whose frame is their world: [1,V].

        Raises:
            InputError: there is no camera, or their sizes differ.
        """
        if not cameras:
            raise InputError("a CameraBatch needs at least one camera")
        sizes = {(c.width, c.height) for c in cameras}
        if len(sizes) > 1:
            raise InputError(f"cameras of one batch differ in size ({sorted(sizes)}); resize them to one size first")
        K = np.stack([c.K for c in cameras]).astype(np.float32)
        pose = np.stack([c.camera_from_world for c in cameras]).astype(np.float32)
        return cls(
            torch.as_tensor(K, device=device)[None],
            torch.as_tensor(pose, device=device)[None],
            cameras[0].width,
            cameras[0].height,
        )

    @property
    def batch(self) -> tuple[int, int]:
        """(B, V)."""
        return self.K.shape[0], self.K.shape[1]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> CameraBatch:
        """On another device or in another dtype."""
        K = self.K.to(device=device, dtype=dtype)
        pose = self.camera_from_object.to(device=device, dtype=dtype)
        return CameraBatch(K, pose, self.width, self.height)
