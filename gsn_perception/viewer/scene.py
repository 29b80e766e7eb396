"""Puts results into a viser scene, with switches for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import viser

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Points
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.glyph import glyph
from gsn_perception.viewer.results import Results


def start_viewer(results: Results, gripper: Gripper, *, host: str = "127.0.0.1", port: int = 8080) -> viser.ViserServer:
    """Serve a scene; it runs in threads of its own until ``stop()``.

    Args:
        results: What to draw, in one frame with optical axes (y down).
        gripper: Drawn at the grasps.
        host: Address to listen on.
        port: Port wanted; the next free one is taken when it is in use.

    Raises:
        InputError: the address cannot be listened on.
    """
    try:
        server = viser.ViserServer(host=host, port=port, verbose=False)
    except (OSError, RuntimeError) as error:
        raise InputError(f"cannot serve on {host}:{port} ({error}); choose another --host or --port") from None
    server.scene.set_up_direction("-y")
    server.scene.add_frame("/camera", axes_length=0.05, axes_radius=0.002)
    handles = {
        "Gaussians": None if results.gaussians is None else _add_gaussians(server, results.gaussians),
        "Points": None if results.points is None else _add_points(server, results.points),
        "Mesh": None if results.mesh is None else _add_mesh(server, results.mesh),
        "Grasps": _add_grasps(server, gripper, results.grasps) if results.grasps else None,
    }
    first = True
    for name, handle in handles.items():
        if handle is not None:
            _add_switch(server, name, handle, shown=first or name == "Grasps")
            first = False
    _aim(server, results)
    return server


def _add_gaussians(server: viser.ViserServer, splat: Gaussians) -> Any:
    return server.scene.add_gaussian_splats(
        "/gaussians",
        centers=splat.means.numpy(),
        covariances=splat.covariances().numpy(),
        rgbs=splat.colors.numpy(),
        opacities=splat.opacities.numpy()[:, None],
    )


def _add_points(server: viser.ViserServer, points: Points) -> Any:
    return server.scene.add_point_cloud("/points", points.xyz, points.colors, point_size=0.0015, precision="float32")


def _add_mesh(server: viser.ViserServer, mesh: Mesh) -> Any:
    import trimesh

    colors = np.full((len(mesh.vertices), 3), 0.7) if mesh.colors is None else mesh.colors
    rgba = np.concatenate([colors, np.ones((len(colors), 1))], axis=1)
    drawn = trimesh.Trimesh(
        mesh.vertices, mesh.faces, vertex_colors=np.round(rgba * 255).astype(np.uint8), process=False
    )
    return server.scene.add_mesh_trimesh("/mesh", drawn)


def _add_grasps(server: viser.ViserServer, gripper: Gripper, grasps: Sequence[Grasp]) -> Any:
    lines = [glyph(gripper, grasp).lines for grasp in grasps]
    colors = [np.broadcast_to(score_color(grasp.score), part.shape) for grasp, part in zip(grasps, lines, strict=True)]
    segments = np.concatenate(lines).astype(np.float32)
    return server.scene.add_line_segments("/grasps", segments, np.concatenate(colors), thickness=0.002)


def score_color(score: float) -> np.ndarray:
    """RGB in [0, 1]: red at score 0 over yellow to green at 1."""
    return np.clip([2 - 2 * score, 2 * score, 0.0], 0, 1).astype(np.float32)


def _add_switch(server: viser.ViserServer, name: str, handle: Any, *, shown: bool) -> None:
    handle.visible = shown
    box = server.gui.add_checkbox(name, shown)

    @box.on_update
    def _(_event: object) -> None:
        handle.visible = box.value


def _aim(server: viser.ViserServer, results: Results) -> None:
    """Let every browser look at the object from where the camera stood."""
    source = results.mesh.vertices if results.mesh is not None else results.points.xyz if results.points else None
    if source is None and results.gaussians is not None:
        source = results.gaussians.means.numpy()
    if source is None or not len(source):
        return
    centre = (source.min(axis=0) + source.max(axis=0)) / 2
    size = float(np.linalg.norm(np.ptp(source, axis=0)))
    direction = centre / max(float(np.linalg.norm(centre)), 1e-9) if np.any(centre) else np.array([0.0, 0.0, 1.0])
    server.initial_camera.position = tuple(centre - 2.5 * size * direction)
    server.initial_camera.look_at = tuple(centre)
