"""One picture of what came out: input and mask, the splat from elsewhere, the mesh, the grasps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gsn_perception.evaluation.contact_sheet import grid
from gsn_perception.evaluation.contact_sheet import label
from gsn_perception.evaluation.contact_sheet import to_uint8
from gsn_perception.evaluation.splat_images import splat_images
from gsn_perception.evaluation.surface import Surface
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry.gaussians import cat
from gsn_perception.geometry.merge import merge_meshes
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.glyph import glyph
from gsn_perception.io import write_image

TILE = 240
_SHOWN = 6
_ELEVATION = np.deg2rad(30)
_AZIMUTHS = np.deg2rad([35.0, 125.0, 215.0, 305.0])
_PALETTE = np.array(
    [[255, 80, 80], [80, 200, 80], [90, 130, 255], [240, 200, 40], [200, 90, 220], [60, 210, 210]], np.uint8
)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a picture is made of, in the camera's optical frame, metres.

    Attributes:
        gaussians: The splats of all objects as one.
        mesh: The meshes of all objects as one.
        grasps: Best first.
        up: [3] the direction that points up in the pictures.
    """

    gaussians: Gaussians
    mesh: Mesh
    grasps: Sequence[Grasp]
    up: np.ndarray

    @classmethod
    def of(cls, gaussians: Gaussians, mesh: Mesh, grasps: Sequence[Grasp], plane: Plane | None) -> Shown:
        """Upright on the support plane where one is known, else as the camera sees it."""
        return cls(gaussians, mesh, grasps, np.array([0.0, -1.0, 0.0]) if plane is None else plane.normal)


def draw_overview(
    path: Path,
    observation: Observation,
    objects: Sequence[Reconstruction],
    grasps: Sequence[Grasp],
    gripper: Gripper | None = None,
) -> None:
    """Write the overview of a frame's reconstructions (at least one) as an image file.

    Raises:
        InputError: the place can't be written.
    """
    plane = next((r.support_plane for r in objects if r.support_plane is not None), observation.support_plane)
    shown = Shown.of(cat([r.gaussians for r in objects]), merge_meshes([r.mesh for r in objects]), grasps, plane)
    write_image(path, overview_picture(observation, shown, gripper))


def overview_picture(observation: Observation, shown: Shown, gripper: Gripper | None = None) -> np.ndarray:
    """Input with mask, grasps over the input; four novel views of the splat; the mesh, bare and with grasps.

    Returns:
        [H,W,3] uint8 RGB, about four tiles wide.
    """
    gripper = gripper or Gripper.named("panda")
    splats, _ = splat_images(shown.gaussians, orbit(shown.mesh.vertices, shown.up))
    cameras = orbit(shown.mesh.vertices, shown.up, margin=1.4)[::2]  # room for grippers
    meshes = [mesh_view(shown.mesh, camera) for camera in cameras]
    held = [draw_grasps(m, camera, shown.grasps, gripper) for m, camera in zip(meshes, cameras, strict=True)]
    over = _closer(observation, shown, gripper)
    top = [label(_fitted(masked(observation)), "input and mask"), label(_fitted(over), "grasps, green = best")]
    splat_row = [label(s, f"splat, {np.rad2deg(a):+.0f} deg") for s, a in zip(splats, _AZIMUTHS, strict=True)]
    mesh_row = [label(m, "mesh") for m in meshes] + [label(m, "mesh and grasps") for m in held]
    return grid([top, splat_row, mesh_row])


def _closer(observation: Observation, shown: Shown, gripper: Gripper) -> np.ndarray:
    """The grasps over the part of the input that holds the meshes, drawn larger."""
    camera, image = observation.camera.at(np.eye(4)), observation.image
    pixels = camera.project(shown.mesh.vertices[shown.mesh.vertices[:, 2] > 1e-3])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    width = float(
        np.clip(2 * max(high[0] - low[0], (high[1] - low[1]) * camera.width / camera.height), 8, camera.width)
    )
    size = np.array([width, width * camera.height / camera.width])
    corner = np.clip((low + high - size) / 2, 0, [camera.width, camera.height] - size)
    zoom = 2 * TILE / width
    crop = np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]], [0, 0, 1]])
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts pixel centres as integers
    shape = (2 * TILE, round(2 * TILE * camera.height / camera.width))
    near = cv2.warpPerspective(image, np.linalg.inv(shift) @ crop @ shift, shape, flags=cv2.INTER_LINEAR)
    return draw_grasps(near, Camera(crop @ camera.K, *shape), shown.grasps, gripper)


def orbit(points: np.ndarray, up: np.ndarray, size: int = TILE, margin: float = 1.1) -> list[Camera]:
    """Cameras around points [N,3] (camera frame) that hold their sphere ``margin`` times.

    Azimuth 0 is the side the input camera is on.
    """
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    centre = (low + high) / 2
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    camera = Camera.from_fov(np.deg2rad(40), size, size)
    distance = margin * radius / np.sin(np.deg2rad(20))
    back = -centre - (-centre @ up) * up
    if np.linalg.norm(back) < 1e-6 * np.linalg.norm(centre):  # the camera looks straight down
        back = np.cross(up, [1.0, 0.0, 0.0])
    back = back / np.linalg.norm(back)
    side = np.cross(up, back)
    eyes = [np.cos(_ELEVATION) * (np.cos(a) * back + np.sin(a) * side) + np.sin(_ELEVATION) * up for a in _AZIMUTHS]
    return [camera.at(look_at(centre + distance * eye, centre, up)) for eye in eyes]


def mesh_view(mesh: Mesh, camera: Camera, supersample: int = 2) -> np.ndarray:
    """A mesh lit from the camera, on white, [H,W,3] in [0, 1]."""
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    hits = Surface(mesh).cast(fine)
    rays = fine.pixel_rays() @ fine.world_from_camera[:3, :3].T
    out = np.ones(rays.shape, dtype=np.float32)
    hit = np.isfinite(hits.depth)
    face, toward = hits.face[hit], rays[hit] / np.linalg.norm(rays[hit], axis=1, keepdims=True)
    cosine = np.abs(np.einsum("nc,nc->n", mesh.face_normals()[face], toward))
    out[hit] = _colors(mesh, face, hits.weights[hit]) * (0.35 + 0.65 * cosine[:, None])
    return cv2.resize(out, (camera.width, camera.height), interpolation=cv2.INTER_AREA)


def _colors(mesh: Mesh, face: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if mesh.colors is None:
        return np.full((len(face), 3), 0.7)
    return np.einsum("nk,nkc->nc", weights, mesh.colors[mesh.faces[face]])


def draw_grasps(image: np.ndarray, camera: Camera, grasps: Sequence[Grasp], gripper: Gripper) -> np.ndarray:
    """The best grasps as forks over an image, red for the worst shown to green for the best.

    Args:
        image: [H,W,3], [0, 1] or uint8.
        camera: Its world is the grasps' frame.
        grasps: Best first.
        gripper: Gives the forks their size.
    """
    out = to_uint8(image).copy()
    chosen = _spread(grasps)
    for rank in reversed(range(len(chosen))):
        share = 1 - rank / max(len(chosen) - 1, 1)
        colour = (int(230 * (1 - share)), int(60 + 150 * share), 40)
        _fork(out, camera, glyph(gripper, chosen[rank]).lines[:4], colour)
    return out


def _spread(grasps: Sequence[Grasp]) -> list[Grasp]:
    """The best of each object in turn, best first."""
    by_label: dict[int, list[Grasp]] = {}
    for grasp in grasps:
        by_label.setdefault(grasp.label, []).append(grasp)
    each = max(1, _SHOWN // max(len(by_label), 1))
    chosen = [g for group in by_label.values() for g in group[:each]]
    return sorted(chosen, key=lambda g: -g.score)


def _fork(image: np.ndarray, camera: Camera, lines: np.ndarray, colour: tuple[int, int, int]) -> None:
    points = transform_points(camera.camera_from_world, lines)
    if (points[..., 2] < 1e-3).any():  # behind the camera
        return
    pixels = np.clip((camera.project(points) - 0.5) * 16, -1e6, 1e6).astype(int)
    width = max(2, image.shape[1] // 240)
    for stroke, shade in ((width + 2, (255, 255, 255)), (width, colour)):
        for a, b in pixels:
            cv2.line(image, a.tolist(), b.tolist(), shade, stroke, cv2.LINE_AA, 4)


def masked(observation: Observation) -> np.ndarray:
    """The image with each object's outline; the bare image without a mask."""
    out = observation.image.copy()
    if observation.mask is None:
        return out
    for value in np.unique(observation.mask[observation.mask > 0]):
        found, _ = cv2.findContours(
            (observation.mask == value).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(out, found, -1, _PALETTE[int(value) % len(_PALETTE)].tolist(), max(1, out.shape[1] // 320))
    return out


def _fitted(image: np.ndarray) -> np.ndarray:
    """Scaled to the width of two tiles."""
    height = round(image.shape[0] * 2 * TILE / image.shape[1])
    return cv2.resize(image, (2 * TILE + 4, height), interpolation=cv2.INTER_AREA)
