import numpy as np
import pytest
import trimesh

from gsn_perception.evaluation.views.cases import novel_view_case
from gsn_perception.evaluation.views.protocol import Protocol
from gsn_perception.geometry import Mesh
from gsn_perception.scenes.looks.textured_mesh import TexturedMesh


def coloured(name, shape, colour=(0.2, 0.5, 0.8), kind="box"):
    colors = np.tile(np.float32(colour), (len(shape.vertices), 1))
    return TexturedMesh(name, Mesh(shape.vertices, shape.faces, colors=colors), shape=kind)


@pytest.fixture(scope="session")
def box():
    return coloured("box", trimesh.creation.box((0.10, 0.06, 0.14))).recentred()


@pytest.fixture(scope="session")
def ball():
    return coloured("ball", trimesh.creation.icosphere(subdivisions=4, radius=0.05), kind="mid").recentred()


@pytest.fixture(scope="session")
def protocol():
    return Protocol(novel_views=4, size=64, seed=7)


@pytest.fixture(scope="session")
def ball_case(ball, protocol):
    return novel_view_case(ball, protocol)


@pytest.fixture(scope="session")
def box_case(box, protocol):
    return novel_view_case(box, protocol)
