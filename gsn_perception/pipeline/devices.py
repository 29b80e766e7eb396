"""Torch devices by name: auto, cpu, cuda."""

from __future__ import annotations

import torch

from gsn_perception.geometry import InputError


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
