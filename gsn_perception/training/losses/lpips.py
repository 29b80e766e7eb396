"""LPIPS perceptual distance (Zhang et al., CVPR 2018) with weights from files; none are shipped.

The files contain torchvision's VGG-16 or AlexNet (``features.<i>.weight``) and the linear layers of the lpips project
(``lin<k>.model.1.weight``), in one file or several; the state dict of a whole ``lpips.LPIPS`` is accepted too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch import nn
from torch.nn.functional import conv2d
from torch.nn.functional import max_pool2d

from gsn_perception.geometry.errors import InputError

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# torchvision's index of every convolution, each followed by a ReLU; P: max pooling
_VGG: tuple[int | str, ...] = (0, 2, "P", 5, 7, "P", 10, 12, 14, "P", 17, 19, 21, "P", 24, 26, 28)
_ALEX: tuple[int | str, ...] = (0, "P", 3, "P", 6, 8, 10)
_TAPS = {"vgg": (2, 7, 14, 21, 28), "alex": (0, 3, 6, 8, 10)}
_FIRST: dict[tuple[int, ...], str] = {(64, 3, 3, 3): "vgg", (64, 3, 11, 11): "alex"}


class Lpips(nn.Module):
    """The LPIPS distance with fixed weights.

    Args:
        paths: One or more .safetensors or .pth state dicts.

    Raises:
        InputError: a file can't be read, or the weights are incomplete.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        state = {k: v for path in paths for k, v in _named(_read(path)).items()}
        first = state.get("features.0.weight")
        kind = None if first is None else _FIRST.get(tuple(first.shape))
        if kind is None:
            raise InputError(
                "the LPIPS weights hold neither VGG-16 nor AlexNet; give torchvision's state dict as a file"
            )
        self.kind = kind
        self.layers = _VGG if kind == "vgg" else _ALEX
        for layer in self.layers:
            if isinstance(layer, int):
                for part in ("weight", "bias"):
                    self._keep(state, f"features.{layer}.{part}")
        for k in range(len(_TAPS[kind])):
            self._keep(state, f"lin{k}.weight")
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1))

    def _keep(self, state: dict[str, Tensor], name: str) -> None:
        if name not in state:
            raise InputError(f"the LPIPS weights lack {name}; give the backbone's and the linear layers' state dicts")
        self.register_buffer(name.replace(".", "_"), state[name].float())

    def _conv(self, x: Tensor, layer: int) -> Tensor:
        stride, padding = ((4, 2) if layer == 0 else (1, 2 if layer == 3 else 1)) if self.kind == "alex" else (1, 1)
        weight, bias = self.get_buffer(f"features_{layer}_weight"), self.get_buffer(f"features_{layer}_bias")
        return torch.relu(conv2d(x, weight, bias, stride, padding))

    def _features(self, x: Tensor) -> list[Tensor]:
        """Feature maps of unit length per pixel, of images [B,3,H,W] in [0, 1]."""
        x = (2 * x - 1 - self.get_buffer("shift")) / self.get_buffer("scale")
        taps = []
        for layer in self.layers:
            if isinstance(layer, str):
                x = max_pool2d(x, 2, 2) if self.kind == "vgg" else max_pool2d(x, 3, 2)
                continue
            x = self._conv(x, layer)
            if layer in _TAPS[self.kind]:
                taps.append(x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10))
        return taps

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances [...] of images [...,H,W,3] in [0, 1]; at least 32 pixels a side."""
        lead = a.shape[:-3]
        pair = [self._features(x.reshape(-1, *x.shape[-3:]).movedim(-1, 1)) for x in (a, b)]
        total = torch.zeros(pair[0][0].shape[0], device=a.device)
        for k, (x, y) in enumerate(zip(*pair, strict=True)):
            total = total + conv2d((x - y).square(), self.get_buffer(f"lin{k}_weight")).mean((1, 2, 3))
        return total.reshape(lead)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; give LPIPS weights as .safetensors or .pth") from None
    except (OSError, RuntimeError, SafetensorError, EOFError, UnpicklingError) as error:
        raise InputError(f"{path} is no state dict; give LPIPS weights as .safetensors or .pth") from error


def _named(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys of torchvision or of the lpips project renamed to ``features.<i>.weight`` and ``lin<k>.weight``."""
    out = {}
    for key, value in state.items():
        key = re.sub(r"^net\.slice\d+\.(\d+)\.", r"features.\1.", key)
        key = re.sub(r"^lin(\d+)\.model\.\d+\.", r"lin\1.", key)
        out[key] = value
    return out
