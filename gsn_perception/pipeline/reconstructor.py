"""The reconstruction pipeline with its weights: prepare the frame, sculpt, scale, skin."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import torch

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import Mesh
from gsn_perception.geometry import ObjectView
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Reconstruction
from gsn_perception.geometry import Refusal
from gsn_perception.geometry.remark import merged
from gsn_perception.gsn.crop import Crop
from gsn_perception.gsn.inference import infer_splats
from gsn_perception.gsn.inference import make_runner
from gsn_perception.gsn.network import GSN
from gsn_perception.gsn.plane_scale.model import shipped_plane_scale
from gsn_perception.gsn.sculpted import Sculpted
from gsn_perception.gsn.visibility import VisibilityModel
from gsn_perception.gsn.weights import load_gsn
from gsn_perception.io.checkpoints import Origin
from gsn_perception.io.checkpoints import checkpoint_path
from gsn_perception.pipeline.devices import pick_device
from gsn_perception.pipeline.fusion.evidence import NO_EVIDENCE
from gsn_perception.pipeline.fusion.fusing import OtherViewsOf
from gsn_perception.pipeline.fusion.fusing import ViewFusion
from gsn_perception.pipeline.inputs.prepared_frame import PreparedFrame
from gsn_perception.pipeline.inputs.prepared_frame import allowed_inputs
from gsn_perception.pipeline.inputs.prepared_frame import labels_by_size
from gsn_perception.pipeline.inputs.prepared_frame import object_crop
from gsn_perception.pipeline.inputs.prepared_frame import object_mask
from gsn_perception.pipeline.inputs.prepared_frame import prepare_frame
from gsn_perception.pipeline.meshing.mesher import Mesher
from gsn_perception.pipeline.meshing.methods import make_mesher
from gsn_perception.pipeline.meshing.skinning import Clock
from gsn_perception.pipeline.meshing.skinning import metric_mesh
from gsn_perception.pipeline.meshing.skinning import metric_splat
from gsn_perception.pipeline.meshing.skinning import skinned_all
from gsn_perception.pipeline.refining import refined_splats
from gsn_perception.pipeline.settings import ReconstructorSettings
from gsn_perception.process import trim_memory
from gsn_perception.surface.solid.settings import SolidSettings

OnSplats = Callable[[Mapping[int, Gaussians]], None]


class Reconstructor(ViewFusion):
    """The pipeline with its weights.

    Args:
        network: A GSN; it is moved to the device and changed in place for inference (no training afterwards).
        device: Where it runs.
        settings: See :class:`ReconstructorSettings`.
        solid: Settings of the skin; by default those for splats that lie on their surface.
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
        seen_rule: VisibilityModel | None = None,
    ) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self.settings = settings or ReconstructorSettings()
        self._runner = make_runner(self.network, device, self.settings.engine, self.settings.precision)
        self.solid = solid or SolidSettings()
        self.origin = origin
        self.seen_rule = seen_rule or VisibilityModel()
        self.mesher = self._mesher()
        self.plane_scale = shipped_plane_scale(self.settings.plane_scale, origin)

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path | None = None,
        device: str = "auto",
        settings: ReconstructorSettings | None = None,
    ) -> Reconstructor:
        """The pipeline with shipped weights (None or a name) or those of a .safetensors file.

        Raises:
            InputError: the weights are missing or damaged, or a device, engine or precision is asked for that is not there.
        """
        path = checkpoint_path(checkpoint)
        stat = Origin.stat_of(path)
        network, info = load_gsn(path)
        solid = SolidSettings.fitted(info)
        origin, rule = Origin(path, info["sha256"], stat), VisibilityModel.fitted(info)
        made = cls(network, pick_device(device), settings, solid, origin, rule)
        trim_memory()  # of the weights as they were before they were packed
        return made

    def with_settings(self, settings: ReconstructorSettings) -> Reconstructor:
        """The same weights with other settings.

        Raises:
            InputError: the chosen mesh method has no weights, or the engine can't be used.
        """
        made = copy(self)
        made.settings = settings
        made.plane_scale = shipped_plane_scale(settings.plane_scale, self.origin)
        if (settings.engine, settings.precision) != (self.settings.engine, self.settings.precision):
            made._runner = make_runner(self.network, self.device, settings.engine, settings.precision)
        if any(getattr(settings, n) != getattr(self.settings, n) for n in ("mesh_method", "mesh_weights", "seed")):
            made.mesher = made._mesher()
        return made

    def _mesher(self) -> Mesher:
        settings, sha256 = self.settings, "" if self.origin is None else self.origin.sha256
        return make_mesher(
            settings.mesh_method, settings.mesh_weights, self.solid, self.network, sha256, seed=settings.seed
        )

    def describe(self) -> dict[str, str]:
        """Device, engine and weights, for logs and diagnostics."""
        facts = {"device": str(self.device), **self._runner.engine.facts}
        if self.origin is not None:
            facts |= {"weights": str(self.origin.path), "weights_sha256": self.origin.sha256}
            facts["weights_replaced"] = str(self.origin.replaced).lower()
        return facts

    def __call__(
        self,
        observation: Observation,
        *,
        on_splats: OnSplats = lambda splats: None,
        on_prepared: Callable[[PreparedFrame], None] = lambda prepared: None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> list[Reconstruction | Refusal]:
        """Every object of the frame, largest first; an object that cannot be reconstructed is a refusal.

        The objects go through the network in one batch, and get their skins in parallel on several cores.

        Args:
            observation: The frame.
            on_splats: Called once with label to metric splat, long before the skins are done. It includes objects whose
                skin fails later.
            on_prepared: Called once with the prepared frame, e.g. for the mask and the plane that were found.
            wanted: Called before every skin; once it returns False, the remaining objects are refused.

        Raises:
            InputError: the frame as a whole cannot be used, e.g. without a mask and without depth.
        """
        prepared = self.prepare(observation)
        on_prepared(prepared)
        found = self._sculpted(observation, prepared)
        on_splats({item.label: item.gaussians for item in found if isinstance(item, Sculpted)})
        return skinned_all(found, prepared.observation, self.settings, self.mesher, wanted)

    def splats(self, observation: Observation) -> list[Sculpted | Refusal]:
        """Every object before its skin, largest first.

        Raises:
            InputError: the frame as a whole cannot be used.
        """
        return self._sculpted(observation, self.prepare(observation))

    def mesh_of(self, observation: Observation, item: Sculpted) -> Mesh:
        """The mesh of one of the :meth:`splats` of a frame, in metres, camera frame.

        Raises:
            InputError: the field or the splat is empty.
        """
        return metric_mesh(item, self.settings, self.mesher)

    def _sculpted(
        self, observation: Observation, prepared: PreparedFrame, views: OtherViewsOf | None = None
    ) -> list[Sculpted | Refusal]:
        crops = {label: crop for label, crop in prepared.crops.items() if isinstance(crop, Crop)}
        began = time.perf_counter()
        splats = dict(zip(crops, self.infer(list(crops.values())), strict=True))
        share = (time.perf_counter() - began) / max(len(crops), 1)
        evidence = {} if views is None else views(prepared, splats)
        found: list[Sculpted | Refusal] = []
        for label, outcome in prepared.crops.items():
            if isinstance(outcome, Refusal):
                remarks = merged(prepared.observation.remarks, prepared.remarks.get(label, ()))
                found.append(replace(outcome, remarks=remarks))
                continue
            times = {"segment": prepared.segment_seconds, "look_at": prepared.crop_seconds[label], "sculpt": share}
            found.append(
                metric_splat(
                    prepared.observation,
                    label,
                    outcome,
                    splats[label],
                    self.settings,
                    Clock(times),
                    self.seen_rule,
                    prepared.remarks.get(label, ()),
                    plane_trusted=self.settings.trust_support_plane and observation.support_plane is not None,
                    plane_scale=self.plane_scale,
                    evidence=evidence.get(label, NO_EVIDENCE),
                )
            )
        return found

    def prepare(self, observation: Observation) -> PreparedFrame:
        """Prepare a frame: checked inputs, masks, support plane and crops.

        Raises:
            InputError: the frame as a whole cannot be used.
        """
        return prepare_frame(observation, self.settings, self.network.config.image_size)

    def sculpt(self, observation: Observation, label: int | None = None) -> tuple[ObjectView, Gaussians]:
        """The object's view and its splat in the normalised frame (unbatched, on the CPU); the largest by default.

        Raises:
            InputError: the object cannot be cropped (mask empty, too small, or cut by the image border).
        """
        observation = allowed_inputs(observation, self.settings)
        mask = object_mask(observation, self.settings).mask
        if label is None:
            label = labels_by_size(mask)[0]
        if mask is not observation.mask:
            observation = replace(observation, mask=mask)
        crop = object_crop(observation, label, self.settings, self.network.config.image_size)
        return crop.view, self.infer([crop])[0]

    def infer(self, crops: Sequence[Crop]) -> list[Gaussians]:
        """The splats of crops in the normalised frame, on the CPU, refined if the settings give time for it."""
        return refined_splats(infer_splats(self._runner, crops, self.device), crops, self.settings)
