from __future__ import annotations

from pathlib import Path

import pytest
import trimesh
from scene_shapes import from_trimesh


@pytest.fixture
def sphere():
    """Radius 0.1 m around the origin; finer than 2e-5 m."""
    return from_trimesh("sphere", trimesh.creation.icosphere(subdivisions=5, radius=0.1))


@pytest.fixture
def box():
    """6 x 4 x 10 cm, resting on z = 0."""
    return from_trimesh("box", trimesh.creation.box((0.06, 0.04, 0.1)), (0, 0, 0.05), (0.8, 0.3, 0.2))


@pytest.fixture
def shared_objects():
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "objects"
    if not folder.is_dir():
        pytest.skip("the scanned objects are not beside this checkout")
    return folder
