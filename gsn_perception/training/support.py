"""Helpers of the training loop: precision, wrapper for Fabric, optional LPIPS loss, TensorBoard log."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.network import GSN
from gsn_perception.training.config import TrainConfig
from gsn_perception.training.losses.lpips import Lpips


class TensorOutputs(nn.Module):
    """A GSN that returns plain tensors, which Fabric's wrappers for devices and precisions need."""

    def __init__(self, gsn: GSN) -> None:
        super().__init__()
        self.gsn = gsn

    def forward(self, image: Tensor, theta: Tensor) -> tuple[Tensor, ...]:
        """Means, scales, quats, colors and opacities of every stage, in this order."""
        stages = self.gsn.stages(image, theta)
        return tuple(t for g in stages for t in (g.means, g.scales, g.quats, g.colors, g.opacities))


def pick_precision() -> str:
    """bf16-mixed if the hardware supports it; a CPU that emulates it is slower than with float32."""
    if torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return "bf16-mixed"
    return "32-true"


def make_lpips(config: TrainConfig, device: torch.device) -> Lpips | None:
    """The LPIPS network if the loss uses it, else None.

    Raises:
        InputError: its weights are missing.
    """
    if not config.loss.lpips:
        return None
    if not config.lpips:
        raise InputError("the loss asks for LPIPS but has no weights of it; give --lpips with its files")
    return Lpips(config.lpips).to(device)


def read_state(path: Path) -> dict[str, Tensor]:
    """A state dict from a safetensors file or a file of ``torch.save`` (only tensors are unpickled).

    Raises:
        InputError: the file can't be read, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} can't be read ({reason}); give a file of tensors by name") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds no tensors by name; give a file that holds only a state dict")
    return state


class ScalarLog:
    """Writes TensorBoard scalars; a context manager. Without a folder (other ranks) it writes nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.writer: SummaryWriter | None = None

    def __enter__(self) -> ScalarLog:
        if self.folder is not None:
            self.writer = SummaryWriter(str(self.folder))
        return self

    def __call__(self, values: dict[str, float], step: int) -> None:
        """Write the values of a step."""
        for name, value in values.items():
            if self.writer is not None:
                self.writer.add_scalar(name, value, step)

    def __exit__(self, *error: object) -> None:
        if self.writer is not None:
            self.writer.close()
