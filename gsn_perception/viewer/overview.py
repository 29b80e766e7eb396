"""The overview image of a frame: input and mask, novel views of the splat, the mesh, the grasps."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from gsn_perception.evaluation.reports.contact_sheet import grid
from gsn_perception.evaluation.reports.contact_sheet import label
from gsn_perception.evaluation.reports.contact_sheet import to_uint8
from gsn_perception.evaluation.views.splat_images import splat_images
from gsn_perception.geometry import Camera
from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Grasp
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry.gaussians import cat
from gsn_perception.geometry.mesh import merge_meshes
from gsn_perception.geometry.transforms import look_at
from gsn_perception.geometry.transforms import transform_points
from gsn_perception.grasping import Gripper
from gsn_perception.grasping.glyph import glyph
from gsn_perception.io import write_image
from gsn_perception.viewer.eye import direction
from gsn_perception.viewer.mesh_view import mesh_view

TILE = 240
_WIDE = 2 * TILE + 4
_TAG = 18  # pixels
_SHOWN = 6
_ELEVATION = np.deg2rad(30)
_AZIMUTHS = np.deg2rad([35.0, 125.0, 215.0, 305.0])
_PALETTE = np.array(
    [[255, 80, 80], [80, 200, 80], [90, 130, 255], [240, 200, 40], [200, 90, 220], [60, 210, 210]], np.uint8
)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """The contents of an overview image, in the camera's optical frame, metres.

    Attributes:
        gaussians: The splats of all objects as one.
        mesh: The meshes of all objects as one.
        grasps: Best first.
        up: [3] the up direction of the rendered views.
        remarks: Text lines below the image.
    """

    gaussians: Gaussians
    mesh: Mesh
    grasps: Sequence[Grasp]
    up: np.ndarray
    remarks: Sequence[str] = ()

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
        InputError: the file cannot be written.
    """
    plane = next((r.support_plane for r in objects if r.support_plane is not None), observation.support_plane)
    shown = Shown.of(cat([r.gaussians for r in objects]), merge_meshes([r.mesh for r in objects]), grasps, plane)
    remarks = [f"object {r.label}: {', '.join(remark.code for remark in r.remarks)}" for r in objects if r.remarks]
    write_image(path, overview_picture(observation, replace(shown, remarks=remarks), gripper))


def overview_picture(observation: Observation, shown: Shown, gripper: Gripper | None = None) -> np.ndarray:
    """Input with mask, grasps over the input; four novel views of the splat; the mesh without and with grasps.

    Returns:
        [H,W,3] uint8 RGB, about four tiles wide.
    """
    gripper = gripper or Gripper.named("panda")
    splats, _ = splat_images(shown.gaussians, orbit(shown.mesh.vertices, shown.up))
    meshes = [mesh_view(shown.mesh, camera) for camera in orbit(shown.mesh.vertices, shown.up)[::2]]
    forks = [glyph(gripper, grasp).lines[:4].reshape(-1, 3) for grasp in _spread(shown.grasps)]
    cameras = orbit(np.concatenate([shown.mesh.vertices, *forks]), shown.up)[::2]  # room for grippers
    held = [draw_grasps(mesh_view(shown.mesh, camera), camera, shown.grasps, gripper) for camera in cameras]
    found = "no mask" if observation.mask is None else "outlines"
    over = padded(_closer(observation, shown, gripper), _WIDE)
    top = [label(masked(observation), f"input, {found}"), label(over, "grasps, green = best" if forks else "no grasp")]
    splat_row = [label(s, f"splat, {np.rad2deg(a):+.0f} deg") for s, a in zip(splats, _AZIMUTHS, strict=True)]
    mesh_row = [label(m, "mesh") for m in meshes] + [label(m, "mesh and grasps") for m in held]
    picture = grid([top, splat_row, mesh_row])
    return np.concatenate([picture, *(text_line(line, picture.shape[1]) for line in _wrapped(shown.remarks))])


def _closer(observation: Observation, shown: Shown, gripper: Gripper) -> np.ndarray:
    """The grasps over an enlarged part of the input that contains the meshes."""
    camera, image = observation.camera.at(np.eye(4)), observation.image
    pixels = camera.project(shown.mesh.vertices[shown.mesh.vertices[:, 2] > 1e-3])
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    width = float(
        np.clip(2 * max(high[0] - low[0], (high[1] - low[1]) * camera.width / camera.height), 8, camera.width)
    )
    size = np.array([width, width * camera.height / camera.width])
    corner = np.clip((low + high - size) / 2, 0, [camera.width, camera.height] - size)
    shape = fitted_size(camera.height, camera.width)
    zoom = shape[0] / width
    crop = np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]], [0, 0, 1]])
    shift = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts pixel centres as integers
    near = cv2.warpPerspective(image, np.linalg.inv(shift) @ crop @ shift, shape, flags=cv2.INTER_LINEAR)
    return draw_grasps(near, Camera(crop @ camera.K, *shape), shown.grasps, gripper)


def orbit(points: np.ndarray, up: np.ndarray, size: int = TILE, margin: float = 1.1) -> list[Camera]:
    """Cameras around points [N,3] (camera frame) that see their bounding sphere with a factor ``margin``.

    Azimuth 0 is the side of the input camera.
    """
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    centre = (low + high) / 2
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    camera = Camera.from_fov(np.deg2rad(40), size, size)
    distance = margin * radius / np.sin(np.deg2rad(20))
    eyes = [centre + distance * direction(centre, up, azimuth, _ELEVATION) for azimuth in _AZIMUTHS]
    return [camera.at(look_at(eye, centre, up)) for eye in eyes]


def draw_grasps(image: np.ndarray, camera: Camera, grasps: Sequence[Grasp], gripper: Gripper) -> np.ndarray:
    """The best grasps as forks over an image, red for the worst shown to green for the best.

    Args:
        image: [H,W,3], [0, 1] or uint8.
        camera: Its world is the grasps' frame.
        grasps: Best first.
        gripper: Sets the size of the forks.
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
    """The image, fitted to its tile, with each object's outline; without outlines where there is no mask."""
    size = fitted_size(*observation.image.shape[:2])
    shrinks = size[0] < observation.image.shape[1]
    out = cv2.resize(observation.image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if observation.mask is not None:
        labels = np.unique(observation.mask[observation.mask > 0])
        for value in labels:
            _outline(out, observation.mask == value, int(value), named=len(labels) > 1)
    return padded(out, _WIDE)


def _outline(image: np.ndarray, mask: np.ndarray, value: int, *, named: bool) -> None:
    """Draw the border of a mask [h,w] of any resolution into an image, and its label where there are several."""
    share = cv2.resize(mask.astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    found, _ = cv2.findContours((share > 0.25).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    colour = _PALETTE[value % len(_PALETTE)].tolist()
    cv2.drawContours(image, found, -1, colour, 2)
    if named and found:
        x, y, width, _ = cv2.boundingRect(max(found, key=cv2.contourArea))
        tag = text_line(str(value), 8 + 7 * len(str(value)))
        left = int(np.clip(x + (width - tag.shape[1]) // 2, 0, image.shape[1] - tag.shape[1]))
        top = max(y - 2 - len(tag), _TAG)  # below the caption
        part = image[top : top + len(tag), left : left + tag.shape[1]]
        part[:] = tag[: len(part), : part.shape[1]]


def fitted_size(height: int, width: int) -> tuple[int, int]:
    """Width and height in pixels of an image fitted to a tile of two tile widths, and no higher than that."""
    zoom = min(_WIDE / width, 2 * TILE / height)
    return max(1, round(width * zoom)), max(1, round(height * zoom))


def padded(image: np.ndarray, width: int) -> np.ndarray:
    """An image [h,w,3] padded with white on both sides to ``width``."""
    room = max(0, width - image.shape[1])
    return np.pad(image, ((0, 0), (room // 2, room - room // 2), (0, 0)), constant_values=255)


def text_line(text: str, width: int) -> np.ndarray:
    """Small text on white, [18,width,3]."""
    strip = np.full((_TAG, width, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (150, 70, 0), 1, cv2.LINE_AA)
    return strip


def _wrapped(lines: Sequence[str], longest: int = 130) -> list[str]:
    return [part for line in lines for part in textwrap.wrap(f"remark, {line}", longest, subsequent_indent="    ")]
