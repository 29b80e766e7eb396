"""Random splats and cameras that hit every branch of the rasteriser."""

import numpy as np
import pytest
import torch

from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry.transforms import look_at
from gsn_perception.rendering import CameraBatch


@pytest.fixture
def make_splat():
    """A batch of ordinary Gaussians in and around the view, float64."""

    def make(batch=1, n=40, *, seed=0, scale=0.08, dtype=torch.float64):
        g = torch.Generator().manual_seed(seed)
        lead = (batch, n)
        return Gaussians(
            means=0.3 * torch.randn(*lead, 3, generator=g, dtype=torch.float64),
            scales=scale * torch.exp(0.6 * torch.randn(*lead, 3, generator=g, dtype=torch.float64)),
            quats=torch.randn(*lead, 4, generator=g, dtype=torch.float64),
            colors=torch.rand(*lead, 3, generator=g, dtype=torch.float64),
            opacities=0.05 + 0.94 * torch.rand(*lead, generator=g, dtype=torch.float64),
        ).to(dtype=dtype)

    return make


@pytest.fixture
def make_cameras():
    """Views from around, at distance 1.5, with an off-centre principal point."""

    def make(batch=1, views=1, *, width=23, height=17, seed=0, distance=1.5):
        rng = np.random.default_rng(seed)
        K = np.array([[1.2 * width, 0, 0.45 * width], [0, 1.3 * width, 0.55 * height], [0, 0, 1]])
        rigs = []
        for _ in range(batch):
            eyes = rng.normal(size=(views, 3))
            eyes *= distance / np.linalg.norm(eyes, axis=-1, keepdims=True)
            poses = [look_at(eye, np.zeros(3), roll=rng.uniform(0, 6)) for eye in eyes]
            rigs.append(CameraBatch.of([Camera(K, width, height, pose) for pose in poses]))
        K_all = torch.cat([rig.K for rig in rigs])
        return CameraBatch(K_all, torch.cat([rig.camera_from_object for rig in rigs]), width, height)

    return make
