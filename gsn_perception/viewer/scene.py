"""Puts results into a viser scene: what is drawn, from where it is looked at, and which light falls on it."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

import numpy as np
import viser

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import InputError
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

MEASURED = 0.5  # confidence from which a point counts as measured
OBSERVED_COLOR = np.array([0.16, 0.42, 0.86])
COMPLETED_COLOR = np.array([0.95, 0.60, 0.15])
# viser keeps covariances as float16, whose step of 6e-8 m^2 is too coarse for millimetres in metres
_SPLAT_UNIT = 100.0
_LAST_PORT = 65535
_PORTS = 50  # tried one after the other
_FORK = 0.0025  # metres


@dataclass(slots=True, eq=False)
class Drawn:
    """The scene's nodes.

    Attributes:
        layers: By name of the switch: as seen by the camera, and coloured by confidence (None where that is unknown).
        forks: One per grasp, in the file's order.
        order: Places of the grasps in the file: the best of each object in turn.
        grid: The support plane's, or None.
        axes: The camera's.
        cell: Metres between the grid's lines; every fifth is darker.
    """

    layers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    forks: list[Any] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    grid: Any = None
    axes: Any = None
    cell: float = 0.01


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
    from gsn_perception.viewer.panel import build_panel

    port = free_port(host, port)
    with contextlib.redirect_stdout(io.StringIO()):  # its banner; the command says where to look
        server = viser.ViserServer(host=host, port=port, verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    server.scene.set_up_direction(results.up)
    drawn = _draw(server, results, gripper)
    build_panel(server, results, gripper, drawn)
    _aim(server, results, gripper, drawn.order)
    return server


def free_port(host: str, port: int) -> int:
    """The first port from ``port`` on that can be listened on; viser waits for ever where there is none.

    Raises:
        InputError: the host is not this machine's, or no port is free.
    """
    if not 0 <= port <= _LAST_PORT:
        raise InputError(f"there is no port {port}; choose one from 1 to {_LAST_PORT}")
    complaint: OSError | None = None
    for attempt in range(port, min(port + _PORTS, _LAST_PORT + 1)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, attempt, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                return attempt if attempt else int(probe.getsockname()[1])
        except OSError as error:
            complaint = complaint or error
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                break
    raise InputError(f"cannot serve on {host}:{port} ({complaint}); choose another --host or --port")


def _draw(server: viser.ViserServer, results: Results, gripper: Gripper) -> Drawn:
    drawn = Drawn(order=in_turn(results.grasps))
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


def _add_surroundings(server: viser.ViserServer, results: Results, drawn: Drawn) -> None:
    """Light, the grid at the support plane, the camera's axes."""
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
    """RGB in [0, 1]: red at score 0 over yellow to green at 1."""
    return np.clip([2 - 2 * score, 2 * score, 0.0], 0, 1).astype(np.float32)


def confidence_color(confidence: np.ndarray) -> np.ndarray:
    """RGB [N,3] in [0, 1] of confidences [N]: orange where completed to blue where measured."""
    share = np.clip(confidence, 0, 1)[:, None]
    return (share * OBSERVED_COLOR + (1 - share) * COMPLETED_COLOR).astype(np.float32)


def in_turn(grasps: Sequence[Grasp]) -> list[int]:
    """Places of grasps that are sorted best first: the best of each object, then the second of each, and so on."""
    counts: dict[int, int] = {}
    turns = []
    for place, grasp in enumerate(grasps):
        counts[grasp.label] = counts.get(grasp.label, 0) + 1
        turns.append((counts[grasp.label], place))
    return [place for _, place in sorted(turns)]


def _bytes(color: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(channel)) for channel in color)
    return red, green, blue


def _aim(server: viser.ViserServer, results: Results, gripper: Gripper, order: Sequence[int]) -> None:
    """Let every browser look at the objects and the first grasps from where a person would."""
    shown = [glyph(gripper, results.grasps[place]).lines[:4].reshape(-1, 3) for place in order[:3]]
    eye = choose_eye(results.extent(), results.up, np.concatenate(shown) if shown else None)
    camera = server.initial_camera
    camera.position, camera.look_at, camera.up = eye.position, eye.target, results.up
    camera.fov = float(FOV)
    camera.near = 0.002
