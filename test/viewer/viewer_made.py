"""Output folders made up for the viewer's tests: a red ball on a plane that a camera looks down at."""

import json

import numpy as np
import torch
import trimesh

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Points
from gsn_perception.io import write_gaussians_ply
from gsn_perception.io import write_grasps_json
from gsn_perception.io import write_mesh_ply
from gsn_perception.io import write_points_ply

RADIUS = 0.03
CENTRE = np.array([0.0, 0.0, 0.5])  # on the optical axis, where a camera's axes would hide it
UP = np.array([0.0, -np.sin(0.9), -np.cos(0.9)])  # the camera looks down by 0.9 rad
PLANE = Plane(UP, float(RADIUS - CENTRE @ UP))
RED = np.array([0.8, 0.1, 0.1])


def ball(centre=CENTRE, radius=RADIUS, subdivisions=4):
    shape = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    facing = -(shape.vertices @ centre) / radius / np.linalg.norm(centre)
    colors = np.tile(RED, (len(shape.vertices), 1))
    return Mesh(shape.vertices + centre, shape.faces, colors, shape.vertex_normals, (facing > 0.6).astype(np.float32))


def grasp_from(approach, centre=CENTRE, score=0.9, label=1):
    z = approach / np.linalg.norm(approach)
    y = np.cross(z, [0.3, 0.8, 0.1])
    y /= np.linalg.norm(y)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(y, z), y, z], axis=1)
    pose[:3, 3] = centre
    return Grasp(pose, 0.07, score, label)


def write_folder(folder, plane=PLANE):
    mesh = ball()
    count = len(mesh.vertices)
    splat = Gaussians(
        torch.from_numpy(mesh.vertices.copy()),
        torch.full((count, 3), 0.002),
        torch.tensor([[1.0, 0, 0, 0]]).repeat(count, 1),
        torch.from_numpy(mesh.colors.copy()),
        torch.full((count,), 0.9),
    )
    write_gaussians_ply(folder / "gaussians.ply", splat)
    write_points_ply(folder / "points.ply", Points(mesh.vertices, mesh.colors, mesh.normals, mesh.confidence))
    write_mesh_ply(folder / "mesh.ply", mesh)
    write_grasps_json(folder / "grasps.json", [grasp_from(-UP), grasp_from([0.2, 0.1, 1.0], score=0.3)])
    entry = {"label": 1, "scale_source": "depth", "triangles": len(mesh.faces), "remarks": []}
    entry["support_plane"] = None if plane is None else [*plane.normal.tolist(), plane.offset]
    (folder / "report.json").write_text(json.dumps({"gripper": "robotiq_2f85", "objects": [entry]}))
    return folder
