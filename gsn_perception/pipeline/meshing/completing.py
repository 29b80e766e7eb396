"""The pipeline up to the splat, for the training and the evaluation of learned surface fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gsn_perception.geometry import Gaussians
from gsn_perception.geometry import InputError
from gsn_perception.geometry import Observation
from gsn_perception.geometry import Refusal
from gsn_perception.gsn.crop import Crop
from gsn_perception.surface.solid.completion import Completion
from gsn_perception.surface.solid.completion import opaque_centres

if TYPE_CHECKING:
    from gsn_perception.pipeline.reconstructor import Reconstructor


class SplatCompleter:
    """Completes the largest object of a frame with a GSN; picklable, loads the weights at first use.

    Args:
        checkpoint: Weights, or None for the shipped ones.
        device: auto, cpu or cuda.
    """

    def __init__(self, checkpoint: str | Path | None = None, device: str = "auto") -> None:
        self._arguments = (checkpoint, device)
        self._reconstructor: Reconstructor | None = None

    def __getstate__(self) -> tuple[str | Path | None, str]:
        return self._arguments

    def __setstate__(self, arguments: tuple[str | Path | None, str]) -> None:
        self._arguments, self._reconstructor = arguments, None

    @property
    def reconstructor(self) -> Reconstructor:
        """The pipeline with its weights.

        Raises:
            InputError: the weights are missing or damaged.
        """
        if self._reconstructor is None:
            from gsn_perception.pipeline.reconstructor import Reconstructor
            from gsn_perception.pipeline.settings import ReconstructorSettings

            checkpoint, device = self._arguments
            settings = ReconstructorSettings(allow_cut=True, unit_scale=True, min_mask_pixels=20)
            self._reconstructor = Reconstructor.from_pretrained(checkpoint, device, settings)
        return self._reconstructor

    def infer(self, crops: Sequence[Crop]) -> list[Gaussians]:
        """The splats of crops in the normalised frames, on the CPU."""
        return self.reconstructor.infer(crops)

    def __call__(self, observation: Observation) -> Completion:
        """The view, the estimated scale and the guessed points of the largest object.

        Raises:
            InputError: the object was refused.
        """
        pipeline = self.reconstructor
        (item, *_) = pipeline.splats(observation)
        if isinstance(item, Refusal):
            raise InputError(item.reason)
        return Completion(item.crop.view, item.scale.value, opaque_centres(item.splat))
