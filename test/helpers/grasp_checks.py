"""Independent checks of grasps, by means the planner does not use."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
import trimesh

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.geometry import Reconstruction


def as_mesh(shape):
    return Mesh(shape.vertices, shape.faces)


def gripper_samples(gripper, grasp, *, approach=0.0, spacing=0.003):
    """Points [M,3] filling the gripper's boxes at the grasp and at steps of its approach, mesh frame."""
    points = []
    backs = np.linspace(0, approach, 5) if approach else [0.0]
    for box, back in product(gripper.boxes(np.array([grasp.width]))[0], backs):
        axes = [np.linspace(lo, hi, max(2, int(np.ceil((hi - lo) / spacing)))) for lo, hi in box.T]
        points.append(np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3) - [0, 0, back])
    local = np.concatenate(points)
    return local @ grasp.T_frame_tcp[:3, :3].T + grasp.T_frame_tcp[:3, 3]


def closing_contacts(shape, grasp):
    """First hits of the line between the pads from either side: points and outward normals, both [2,3]."""
    y, center = grasp.T_frame_tcp[:3, 1], grasp.T_frame_tcp[:3, 3]
    caster = trimesh.ray.ray_triangle.RayMeshIntersector(shape)
    points, normals = [], []
    for side in (1.0, -1.0):
        origin, direction = center + side * grasp.width / 2 * y, -side * y
        hits, _, faces = caster.intersects_location(origin[None], direction[None])
        first = np.argmin((hits - origin) @ direction)
        points.append(hits[first])
        normals.append(shape.face_normals[faces[first]])
    return np.array(points), np.array(normals)


def reconstruction_of(mesh, label, plane):
    """What the pipeline says of an object whose surface is the mesh."""
    few = torch.zeros(1, 3)
    splat = Gaussians(few, few + 0.01, torch.tensor([[1.0, 0, 0, 0]]), few, torch.ones(1))
    rows = mesh.vertices
    points = Points(rows, np.full_like(rows, 0.5), np.zeros_like(rows), np.ones(len(rows), np.float32))
    return Reconstruction(label, splat, mesh, points, np.eye(4), 1.0, 0.0, "depth", support_plane=plane)
