"""Which device and which weights are meant by a name."""

from __future__ import annotations

from pathlib import Path

import torch

from gsn_perception.geometry import InputError
from gsn_perception.io.checkpoints import shipped


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


def checkpoint_path(checkpoint: str | Path | None) -> Path:
    """A file, or shipped weights by name; None or an empty name: the shipped GSN."""
    if checkpoint is None or checkpoint == "":
        return shipped("gsn")
    path = Path(checkpoint)
    return path if path.suffix or path.parent != Path() else shipped(str(checkpoint))
