"""Engines and precisions by name; ``auto`` takes OpenVINO on the CPU where it is installed, else torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import torch

from gsn_perception.engines.names import ENGINES
from gsn_perception.engines.names import PRECISIONS
from gsn_perception.engines.names import PrecisionName
from gsn_perception.geometry.errors import InputError


@dataclass(frozen=True, slots=True)
class Engine:
    """A library and its arithmetic.

    Attributes:
        name: torch or openvino.
        precision: Of convolutions and large matrix products; inputs, outputs and geometry are always float32.
        required: Whether this library was asked for by name; otherwise torch replaces it where it fails.
    """

    name: Literal["torch", "openvino"] = "torch"
    precision: PrecisionName = "float32"
    required: bool = True

    @property
    def facts(self) -> dict[str, str]:
        """Both names, for logs and diagnostics."""
        return {"engine": self.name, "precision": self.precision}


def pick_engine(name: str, precision: str, device: torch.device) -> Engine:
    """The engine for a device by name.

    Args:
        name: auto, torch or openvino.
        precision: float32 or bfloat16.
        device: Where the network runs; OpenVINO is used on the CPU only.

    Raises:
        InputError: a name is unknown, the package is missing, or the device or the processor can't do it.
    """
    if name not in ENGINES:
        raise InputError(f"engine {name!r} is unknown; choose {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown; choose {' or '.join(PRECISIONS)}")
    if precision == "bfloat16" and not has_bfloat16(device):
        raise InputError(
            f"precision bfloat16 was asked for but {device.type} has no bfloat16 arithmetic here; choose precision float32"
        )
    installed = find_spec("openvino") is not None
    if name == "openvino" and device.type != "cpu":
        raise InputError(f"engine openvino runs on the CPU, not on {device}; choose device cpu or engine torch")
    if name == "openvino" and not installed:
        raise InputError(
            "engine openvino was asked for but the package openvino is not installed; "
            "run `pip install openvino`, or choose engine auto or torch"
        )
    if name == "torch" or device.type != "cpu" or not installed:
        return Engine("torch", precision)  # type: ignore[arg-type]
    return Engine("openvino", precision, required=name == "openvino")  # type: ignore[arg-type]


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
