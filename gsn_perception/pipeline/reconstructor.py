"""The chain with its weights: look, sculpt, scale, skin."""

from __future__ import annotations

import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.scale import Scale
from gsn_perception.gsn.scale import scale_from_depth
from gsn_perception.gsn.scale import scale_from_plane
from gsn_perception.gsn.scale import scale_from_size
from gsn_perception.gsn.seen import Seen
from gsn_perception.gsn.seen import SeenRule
from gsn_perception.gsn.seen import confidence
from gsn_perception.gsn.seen import quality
from gsn_perception.gsn.seen import see
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.io.checkpoints import Origin
from gsn_perception.pipeline.devices import checkpoint_path
from gsn_perception.pipeline.devices import pick_device
from gsn_perception.pipeline.look import Looked
from gsn_perception.pipeline.look import by_size
from gsn_perception.pipeline.look import look
from gsn_perception.pipeline.look import look_at
from gsn_perception.pipeline.look import object_mask
from gsn_perception.pipeline.look import trusted
from gsn_perception.pipeline.settings import ReconstructorSettings
from gsn_perception.pipeline.upright import rolls
from gsn_perception.pipeline.upright import stand
from gsn_perception.surface.points import surface_points
from gsn_perception.surface.settings import SolidSettings

_BATCH = 16  # crops in one pass: bounds the memory, whatever max_objects is


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
        solid: Numbers of the skin; those for splats that hug their surface by default.
        origin: The file the weights came from, or None.
        seen_rule: Of the Gaussians' confidence.
    """

    def __init__(
        self,
        network: GSN,
        device: torch.device,
        settings: ReconstructorSettings | None = None,
        solid: SolidSettings | None = None,
        origin: Origin | None = None,
        seen_rule: SeenRule | None = None,
    ) -> None:
        self.network = network.to(device).eval()
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = device
        self.settings = settings or ReconstructorSettings()
        self.solid = solid or SolidSettings()
        self.origin = origin
        self.seen_rule = seen_rule or SeenRule()

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
        path = checkpoint_path(checkpoint)
        stat = Origin.stat_of(path)
        network, info = load_gsn(path)
        solid = SolidSettings.fitted(info)
        return cls(
            network, pick_device(device), settings, solid, Origin(path, info["sha256"], stat), SeenRule.fitted(info)
        )

    def with_settings(self, settings: ReconstructorSettings) -> Reconstructor:
        """The same weights under other settings."""
        return Reconstructor(self.network, self.device, settings, self.solid, self.origin, self.seen_rule)

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
        crops = self._stand(looked.observation, crops)
        stood = time.perf_counter()
        splats = dict(zip(crops, self._infer(list(crops.values())), strict=True))
        share = (time.perf_counter() - stood) / max(len(crops), 1)
        standing = (stood - began) / max(len(crops), 1)
        outcomes: list[Reconstruction | Refusal] = []
        for label, crop in looked.crops.items():
            if isinstance(crop, Refusal):
                outcomes.append(crop)
                continue
            times = {"segment": looked.segmented, "look_at": looked.looked[label], "upright": standing, "sculpt": share}
            try:
                outcomes.append(self._finish(looked.observation, label, crops[label], splats[label], _Clock(times)))
            except InputError as error:
                outcomes.append(Refusal(label, str(error)))
        return outcomes

    def look(self, observation: Observation) -> Looked:
        """The frame up to the network.

        Raises:
            InputError: the frame as a whole can't be used.
        """
        return look(observation, self.settings, self.network.config.image_size)

    def sculpt(self, observation: Observation, label: int | None = None) -> tuple[ObjectView, Gaussians]:
        """The object's view and its splat in the normalised frame (unbatched, on the CPU); the largest by default.

        Raises:
            InputError: the object can't be looked at (empty mask, cut by the border, too small).
        """
        observation = trusted(observation, self.settings)
        mask, _ = object_mask(observation, self.settings)
        if label is None:
            label = by_size(mask)[0]
        observation = replace(observation, mask=mask)
        crop = look_at(observation, label, self.settings, self.network.config.image_size)
        crop = self._stand(observation, {label: crop})[label]
        return crop.view, self._infer([crop])[0]

    def _stand(self, observation: Observation, crops: Mapping[int, Crop]) -> dict[int, Crop]:
        """The crops upright, as the settings say."""
        with torch.inference_mode():
            found = rolls(list(crops.values()), observation.support_plane, self.settings.upright, self.device)
        return {
            label: stand(observation, label, crop, roll)
            for (label, crop), roll in zip(crops.items(), found, strict=True)
        }

    def _finish(
        self, observation: Observation, label: int, crop: Crop, splat: Gaussians, clock: _Clock
    ) -> Reconstruction:
        with clock("scale"):
            seen = see(splat, crop.view)
            scale = self._scale(observation, crop, splat, seen)
            splat = replace(splat, confidence=confidence(splat, crop, seen, scale, self.seen_rule))
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
