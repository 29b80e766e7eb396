"""Observation in, reconstructions out: segment, look at, sculpt, scale, skin. No ROS here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Plane
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.gsn.scale import scale_from_size
from gsn_perception.gsn.seen import Seen
from gsn_perception.gsn.seen import confidence
from gsn_perception.gsn.seen import quality
from gsn_perception.gsn.seen import see
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.io.checkpoints import Origin
from gsn_perception.io.checkpoints import shipped
from gsn_perception.surface.points import surface_points
from gsn_perception.surface.settings import SolidSettings

_BATCH = 16  # crops in one pass: bounds the memory, whatever max_objects is


@dataclass(frozen=True, slots=True)
class ReconstructorSettings:
    """What the pipeline may be told; every field is also a parameter of the `reconstruction` node."""

    segmentation: Literal["auto", "plane", "grabcut"] = "auto"
    """How objects are found without a mask: auto takes `plane` with depth and `grabcut` with a region of interest."""
    use_depth: bool = True
    """Whether depth is used where there is any."""
    use_mask: bool = True
    """Whether a given mask is used."""
    mask_mode: Literal["binary", "labels"] = "labels"
    """binary: every pixel above 0 is one object; labels: each value is an object."""
    unit_scale: bool = False
    """Give normalised units instead of metres where nothing fixes the scale."""
    allow_cut: bool = False
    """Reconstruct objects that are cut by the image border."""
    min_mask_pixels: int = 150
    """Smaller masks are refused."""
    max_objects: int = 8
    """Objects a frame; the largest masks are taken."""
    min_depth: float = 0.05
    """Depth below this is unknown, metres."""
    max_depth: float = 5.0
    """Depth above this is unknown, metres."""
    opacity_threshold: float = 1.0 / 255.0
    """Gaussians below this opacity are dropped."""
    max_gaussians: int = 0
    """At most so many Gaussians an object, the most opaque first; 0 keeps all."""
    mesh_resolution: int = 64
    """Cells of the surface grid along an edge."""
    mesh_max_triangles: int = 20000
    """Triangle budget of a mesh."""
    points: int = 4096
    """Surface points sampled an object, and as many observed depth points at most."""
    seed: int = 0
    """Seed of sampling."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A frame before the network: everything that a bad message, mask or camera can break has been tried.

    Attributes:
        observation: With its mask, and its support plane where one is given or the depth shows one.
        crops: Label to the object's crop, largest object first, or to why there is none.
        segmented: Seconds spent on the mask and the plane.
        looked: Label to seconds spent on the crop.
    """

    observation: Observation
    crops: Mapping[int, Crop | Refusal]
    segmented: float
    looked: Mapping[int, float]


class _Clock:
    """Seconds per stage."""

    def __init__(self, times: Mapping[str, float]) -> None:
        self.times = dict(times)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times[stage] = self.times.get(stage, 0.0) + time.perf_counter() - began


class Reconstructor:
    """The pipeline with its weights.

    Args:
        network: A GSN in eval mode.
        device: Where it runs.
        settings: See :class:`ReconstructorSettings`.
        solid: Numbers of the skin; the fitted ones by default.
        origin: The file the weights came from, or None.
    """

    def __init__(
        self,
        network: GSN,
        device: torch.device,
        settings: ReconstructorSettings | None = None,
        solid: SolidSettings | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.network = network.to(device).eval()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = device
        self.settings = settings or ReconstructorSettings()
        self.solid = solid or SolidSettings()
        self.origin = origin

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | None = None,
        device: str = "auto",
        settings: ReconstructorSettings | None = None,
    ) -> Reconstructor:
        """With shipped weights (None or a name) or those of a .safetensors file.

        Raises:
            InputError: no such weights, damaged ones, or CUDA asked for where there is none.
        """
        path = _checkpoint_path(checkpoint)
        stat = Origin.stat_of(path)
        network, info = load_gsn(path)
        return cls(network, pick_device(device), settings, origin=Origin(path, info["sha256"], stat))

    def with_settings(self, settings: ReconstructorSettings) -> Reconstructor:
        """The same weights under other settings."""
        return Reconstructor(self.network, self.device, settings, self.solid, self.origin)

    def describe(self) -> dict[str, str]:
        """Device and weights, for whoever wonders what is running."""
        facts = {"device": str(self.device)}
        if self.origin is not None:
            facts |= {"weights": str(self.origin.path), "weights_sha256": self.origin.sha256}
            facts["weights_replaced"] = str(self.origin.replaced).lower()
        return facts

    def __call__(self, observation: Observation) -> list[Reconstruction | Refusal]:
        """Every object of the frame, largest first; one that can't be reconstructed is a refusal beside the others.

        The objects go through the network in one batch.

        Raises:
            InputError: the frame as a whole can't be used (no mask and nothing to segment by, say).
        """
        looked = self.look(observation)
        crops = {label: crop for label, crop in looked.crops.items() if isinstance(crop, Crop)}
        began = time.perf_counter()
        splats = dict(zip(crops, self._infer(list(crops.values())), strict=True))
        share = (time.perf_counter() - began) / max(len(crops), 1)
        outcomes: list[Reconstruction | Refusal] = []
        for label, crop in looked.crops.items():
            if isinstance(crop, Refusal):
                outcomes.append(crop)
                continue
            times = {"segment": looked.segmented, "look_at": looked.looked[label], "sculpt": share}
            try:
                outcomes.append(self._finish(looked.observation, label, crop, splats[label], _Clock(times)))
            except InputError as error:
                outcomes.append(Refusal(label, str(error)))
        return outcomes

    def look(self, observation: Observation) -> Looked:
        """The frame up to the network: trust, segment, and look at each of its ``max_objects`` largest objects.

        Raises:
            InputError: the frame as a whole can't be used.
        """
        observation = self._trusted(observation)
        began = time.perf_counter()
        mask, plane = self._segment(observation)
        labels = _by_size(mask)[: self.settings.max_objects]
        observation = replace(observation, mask=mask, support_plane=observation.support_plane or plane)
        if observation.support_plane is None and observation.depth is not None:
            observation = replace(observation, support_plane=_fit_plane(observation))
        segmented = time.perf_counter() - began
        crops: dict[int, Crop | Refusal] = {}
        looked: dict[int, float] = {}
        for label in labels:
            began = time.perf_counter()
            try:
                crops[label] = self._crop(observation, label)
            except InputError as error:
                crops[label] = Refusal(label, str(error))
            looked[label] = time.perf_counter() - began
        return Looked(observation, crops, segmented, looked)

    def sculpt(self, observation: Observation, label: int | None = None) -> tuple[ObjectView, Gaussians]:
        """The object's view and its splat in the normalised frame (unbatched, on the CPU); the largest by default.

        Raises:
            InputError: the object can't be looked at (empty mask, cut by the border, too small).
        """
        observation = self._trusted(observation)
        mask, _ = self._segment(observation)
        if label is None:
            label = _by_size(mask)[0]
        crop = self._crop(replace(observation, mask=mask), label)
        return crop.view, self._infer([crop])[0]

    def _trusted(self, observation: Observation) -> Observation:
        """With what the settings forbid taken away."""
        settings = self.settings
        if not settings.use_mask and observation.mask is not None:
            observation = replace(observation, mask=None)
        if observation.mask is not None and settings.mask_mode == "binary":
            observation = replace(observation, mask=(observation.mask > 0).astype(np.uint8))
        if observation.depth is None:
            return observation
        if not settings.use_depth:
            return replace(observation, depth=None)
        depth = observation.depth.copy()
        depth[(depth < settings.min_depth) | (depth > settings.max_depth)] = np.nan
        return replace(observation, depth=depth)

    def _segment(self, observation: Observation) -> tuple[np.ndarray, Plane | None]:
        if observation.mask is not None:
            return observation.mask, None
        from gsn_perception.segmentation import segment

        mode = self.settings.segmentation
        if mode == "auto":
            if observation.roi is None and observation.depth is None:
                raise InputError(
                    "there is no mask, no depth and no region of interest; give one so the object is found"
                )
            mode = "grabcut" if observation.roi is not None else "plane"
        return segment(observation, mode, self.settings.max_objects)

    def _finish(
        self, observation: Observation, label: int, crop: Crop, splat: Gaussians, clock: _Clock
    ) -> Reconstruction:
        with clock("scale"):
            seen = see(splat, crop.view)
            scale = self._scale(observation, crop, splat, seen)
            splat = replace(splat, confidence=confidence(splat, crop.view, seen.median))
        with clock("skin"):
            from gsn_perception.surface import gaussian_solid_mesh
            from gsn_perception.surface.observed import observed_view

            solid = gaussian_solid_mesh(
                splat,
                view=crop.view,
                observed=observed_view(crop, scale),
                silhouette=crop.alpha > 0.5,
                resolution=self.settings.mesh_resolution,
                max_triangles=self.settings.mesh_max_triangles,
                settings=self.solid,
            )
        similarity = crop.view.similarity(scale.value)
        mesh = solid.transform(similarity)
        gaussians = self._trimmed(splat).transform(similarity)
        with clock("points"):
            points = surface_points(mesh, observation, label, count=self.settings.points, seed=self.settings.seed)
        return Reconstruction(
            label=label,
            gaussians=gaussians,
            mesh=mesh,
            points=points,
            T_camera_object=crop.view.pose(scale.value),
            scale=scale.value,
            scale_sigma=scale.sigma,
            scale_source=scale.source,
            support_plane=observation.support_plane,
            quality=quality(crop, seen, scale),
            timings=clock.times,
        )

    def _crop(self, observation: Observation, label: int) -> Crop:
        mask = np.asarray(observation.mask == label)
        self._check_mask(mask, label)
        return Crop.of(observation, mask, self.network.config.image_size)

    def _check_mask(self, mask: np.ndarray, label: int) -> None:
        count = int(mask.sum())
        if count == 0:
            raise InputError(f"no pixel of the mask has label {label}; the mask is empty there")
        if count < self.settings.min_mask_pixels:
            raise InputError(
                f"the mask has only {count} pixels, {self.settings.min_mask_pixels} are needed; move the camera closer"
            )
        border = mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()
        if border and not self.settings.allow_cut:
            raise InputError(
                "the mask touches the image border, so the object is cut off; bring it wholly into view or set allow_cut"
            )

    def _infer(self, crops: Sequence[Crop]) -> list[Gaussians]:
        """Their splats in the normalised frame, on the CPU; one pass for every ``_BATCH`` crops."""
        splats: list[Gaussians] = []
        with torch.inference_mode():
            for first in range(0, len(crops), _BATCH):
                images, thetas = zip(
                    *(crop.tensors(self.device) for crop in crops[first : first + _BATCH]), strict=True
                )
                batch = self.network(torch.cat(images), torch.cat(thetas)).to("cpu", torch.float32)
                splats += [batch[i] for i in range(len(images))]
        return splats

    def _scale(self, observation: Observation, crop: Crop, splat: Gaussians, seen: Seen) -> Scale:
        """Depth first, then a size hint, then the support plane if it was given; unit scale only when asked for."""
        reason = "nothing fixes the metric scale: give depth, a support plane or a size hint, or ask for unit_scale"
        if crop.depth is not None:
            try:
                return scale_from_depth(seen.depth, seen.alpha, crop.depth, crop.alpha)
            except InputError as error:
                reason = str(error)
        if observation.size_hint is not None:
            return scale_from_size(splat, observation.size_hint)
        if observation.support_plane is not None:
            return scale_from_plane(splat, crop.view, observation.support_plane)
        if self.settings.unit_scale:
            return Scale(1.0, float("nan"), "unit")
        raise InputError(reason)

    def _trimmed(self, splat: Gaussians) -> Gaussians:
        splat = splat.select(splat.opacities >= self.settings.opacity_threshold)
        limit = self.settings.max_gaussians
        return splat.select(splat.opacities.topk(limit).indices) if 0 < limit < len(splat) else splat


def pick_device(name: str) -> torch.device:
    """A torch device by name; "auto" takes CUDA where there is any.

    Raises:
        InputError: CUDA is asked for where there is none, or the name is unknown.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device {name!r} is unknown; choose auto, cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda was asked for but this machine has no usable CUDA; choose device cpu or auto")
    return device


def _checkpoint_path(checkpoint: str | Path | None) -> Path:
    if checkpoint is None or checkpoint == "":
        return shipped("gsn")
    path = Path(checkpoint)
    return path if path.suffix or path.parent != Path() else shipped(str(checkpoint))


def _by_size(mask: np.ndarray) -> list[int]:
    """The labels of a mask, largest first."""
    labels, counts = np.unique(mask[mask > 0], return_counts=True)
    if not len(labels):
        raise InputError("the mask is empty; give a mask with the object's pixels above zero")
    return [int(labels[i]) for i in np.argsort(-counts, kind="stable")]


def _fit_plane(observation: Observation) -> Plane | None:
    """The plane under the objects, None where the depth shows none."""
    from gsn_perception.segmentation import fit_support_plane

    try:
        return fit_support_plane(observation.depth, observation.camera, observation.mask)  # type: ignore[arg-type]
    except InputError:
        return None
