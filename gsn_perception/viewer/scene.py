"""The viser scene of the viewer: meshes, points, splat, grasps, grid, camera axes, and the initial camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
import viser

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.geometry.transforms import minimal_rotation_to
from gsn_perception.geometry.transforms import quat_from_matrix
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.glyph import glyph
from gsn_perception.viewer.eye import FOV
from gsn_perception.viewer.eye import choose_eye
from gsn_perception.viewer.glb import mesh_glb
from gsn_perception.viewer.results import Results
from gsn_perception.viewer.shapes import fork

MEASURED = 0.5  # least confidence of a measured point
OBSERVED_COLOR = np.array([0.16, 0.42, 0.86])
COMPLETED_COLOR = np.array([0.95, 0.60, 0.15])
# viser stores covariances as float16, whose step of 6e-8 m^2 is too coarse for millimetres in metres
_SPLAT_UNIT = 100.0
_FORK = 0.0025  # metres


@dataclass(slots=True, eq=False)
class SceneNodes:
    """The scene's nodes.

    Attributes:
        layers: Name of the checkbox to two nodes: in true colours, and coloured by confidence (None without confidence).
        forks: One per grasp, in the order of the file.
        order: Indices of the grasps in the file: the best of each object in turn.
        grid: The grid on the support plane, or None.
        axes: The camera's axes.
        cell: Metres between the lines of the grid; every fifth line is darker.
    """

    layers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    forks: list[Any] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    grid: Any = None
    axes: Any = None
    cell: float = 0.01


def draw_scene(server: viser.ViserServer, results: Results, gripper: Gripper) -> SceneNodes:
    """Add the results to the scene, all layers hidden, and return the nodes."""
    drawn = SceneNodes(order=in_turn(results.grasps))
    if results.mesh is not None:
        drawn.layers["Mesh (completed)"] = _add_mesh(server, results.mesh)
    if results.points is not None and len(results.points):
        seen = results.points.confidence > MEASURED
        drawn.layers["Points (measured)"] = _add_points(server, "/measured", results.points, seen)
        drawn.layers["Points (completed)"] = _add_points(server, "/completed", results.points, ~seen)
    if results.gaussians is not None and len(results.gaussians):
        drawn.layers["Splat (Gaussians)"] = _add_gaussians(server, results.gaussians)
    for number, grasp in enumerate(results.grasps):
        vertices, faces = fork(gripper, grasp, _FORK)
        drawn.forks.append(
            server.scene.add_mesh_simple(
                f"/grasps/{number}",
                vertices,
                faces,
                color=_bytes(score_color(grasp.score)),
                flat_shading=True,
                cast_shadow=False,
            )
        )
    _add_surroundings(server, results, drawn)
    return drawn


def _add_surroundings(server: viser.ViserServer, results: Results, drawn: SceneNodes) -> None:
    """Add the grid on the support plane and the camera's axes."""
    points, up = results.extent(), results.up
    size = float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) else 0.1
    drawn.axes = server.scene.add_frame(
        "/camera", axes_length=min(0.02, 0.15 * size), axes_radius=min(0.0006, 0.005 * size)
    )
    if not len(points):
        return
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    low = float((points @ up).min()) if results.plane is None else -results.plane.offset
    foot = centre + (low - centre @ up) * up
    drawn.cell = 0.01 if size < 0.3 else 0.05
    width = np.ceil(4 * max(size, 0.1) / (10 * drawn.cell)) * 10 * drawn.cell
    rotation = minimal_rotation_to(up)
    drawn.grid = server.scene.add_grid(
        "/grid",
        width=width,
        height=width,
        cell_size=drawn.cell,
        section_size=5 * drawn.cell,
        cell_color=(225, 225, 225),
        section_color=(190, 190, 190),
        shadow_opacity=0.2,
        plane_color=(246, 246, 246),
        plane_opacity=1.0 if results.plane is not None else 0.0,
        wxyz=quat_from_matrix(rotation),
        position=foot - 0.0005 * up,
    )


def _add_gaussians(server: viser.ViserServer, splat: Gaussians) -> tuple[Any, Any]:
    def add(name: str, colors: np.ndarray) -> Any:
        return server.scene.add_gaussian_splats(
            name,
            centers=_SPLAT_UNIT * splat.means.numpy(),
            covariances=_SPLAT_UNIT**2 * splat.covariances().numpy(),
            rgbs=np.clip(colors, 0, 1),
            opacities=splat.opacities.numpy()[:, None],
            scale=1 / _SPLAT_UNIT,
            visible=False,
        )

    unsure = None if splat.confidence is None else add("/splat/confidence", confidence_color(splat.confidence.numpy()))
    return add("/splat/colour", splat.colors.numpy()), unsure


def _add_points(server: viser.ViserServer, name: str, points: Points, rows: np.ndarray) -> tuple[Any, Any]:
    def add(kind: str, colors: np.ndarray) -> Any:
        return server.scene.add_point_cloud(
            f"{name}/{kind}",
            points.xyz[rows],
            np.clip(colors[rows], 0, 1),
            point_size=0.0012,
            point_shape="circle",
            precision="float32",
            visible=False,
        )

    return add("colour", points.colors), add("confidence", confidence_color(points.confidence))


def _add_mesh(server: viser.ViserServer, mesh: Mesh) -> tuple[Any, Any]:
    colors = np.full((len(mesh.vertices), 3), 0.7) if mesh.colors is None else mesh.colors
    seen = server.scene.add_glb("/mesh/colour", mesh_glb(mesh, colors), visible=False)
    if mesh.confidence is None:
        return seen, None
    unsure = mesh_glb(mesh, confidence_color(mesh.confidence))
    return seen, server.scene.add_glb("/mesh/confidence", unsure, visible=False)


def score_color(score: float) -> np.ndarray:
    """RGB in [0, 1]: red at score 0, yellow at 0.5, green at 1."""
    return np.clip([2 - 2 * score, 2 * score, 0.0], 0, 1).astype(np.float32)


def confidence_color(confidence: np.ndarray) -> np.ndarray:
    """RGB [N,3] in [0, 1] of confidences [N]: from orange (completed) to blue (measured)."""
    share = np.clip(confidence, 0, 1)[:, None]
    return (share * OBSERVED_COLOR + (1 - share) * COMPLETED_COLOR).astype(np.float32)


def in_turn(grasps: Sequence[Grasp]) -> list[int]:
    """Indices of grasps that are sorted best first: the best of each object, then the second of each, and so on."""
    counts: dict[int, int] = {}
    turns = []
    for place, grasp in enumerate(grasps):
        counts[grasp.label] = counts.get(grasp.label, 0) + 1
        turns.append((counts[grasp.label], place))
    return [place for _, place in sorted(turns)]


def _bytes(color: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(channel)) for channel in color)
    return red, green, blue


def set_initial_camera(server: viser.ViserServer, results: Results, gripper: Gripper, order: Sequence[int]) -> None:
    """Set the camera with which every browser starts: objects and first grasps in view, slightly from above."""
    shown = [glyph(gripper, results.grasps[place]).lines[:4].reshape(-1, 3) for place in order[:3]]
    eye = choose_eye(results.extent(), results.up, np.concatenate(shown) if shown else None)
    camera = server.initial_camera
    camera.position, camera.look_at, camera.up = eye.position, eye.target, results.up
    camera.fov = float(FOV)
    camera.near = 0.002
