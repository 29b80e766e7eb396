"""A GSN from its weights file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.network import GSN
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.io.checkpoints import save_checkpoint

KIND = "gsn"


def save_gsn(path: Path, network: GSN, info: Mapping[str, Any], state: Mapping[str, Tensor] | None = None) -> None:
    """Write a network's weights (or ``state``, e.g. averaged ones) with its configuration."""
    weights = state if state is not None else network.state_dict()
    save_checkpoint(path, Checkpoint(KIND, asdict(network.config), weights, info))


def load_gsn(path: Path) -> tuple[GSN, Mapping[str, Any]]:
    """The network in eval mode and what its file says of it.

    Raises:
        InputError: the file is damaged or of another architecture.
    """
    checkpoint = load_checkpoint(path, KIND)
    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in checkpoint.config.items()}
        network = GSN(GsnConfig(**values))
        network.load_state_dict(dict(checkpoint.state))
    except (TypeError, KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"checkpoint {path} is of another architecture ({first}); train it again or give another"
        ) from error
    return network.eval(), checkpoint.info
