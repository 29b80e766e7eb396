"""A PEIF network from its weights file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from gsn_perception.geometry import InputError
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.io.checkpoints import save_checkpoint
from gsn_perception.surface.peif.config import PeifConfig
from gsn_perception.surface.peif.network import PeifNetwork

KIND = "peif"


def save_peif(
    path: Path, network: PeifNetwork, info: Mapping[str, Any], state: Mapping[str, Tensor] | None = None
) -> None:
    """Write a network's weights (or ``state``, e.g. averaged ones) with its configuration."""
    weights = state if state is not None else network.state_dict()
    save_checkpoint(path, Checkpoint(KIND, asdict(network.config), weights, info))


def load_peif(path: Path) -> tuple[PeifNetwork, Mapping[str, Any]]:
    """The network in eval mode and what its file says of it, with the file's ``sha256``.

    Raises:
        InputError: the file is missing, damaged, of another kind or of another architecture.
    """
    checkpoint = load_checkpoint(path, KIND)
    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in checkpoint.config.items()}
        network = PeifNetwork(PeifConfig(**values))
        network.load_state_dict(dict(checkpoint.state))
    except (TypeError, KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(
            f"checkpoint {path} is of another architecture ({first}); train it again or give another"
        ) from error
    return network.eval(), {**checkpoint.info, "sha256": checkpoint.sha256}
