"""Weights files of scale networks: save and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from gsn_perception.gsn.plane_scale.network import ScaleNetConfig
from gsn_perception.gsn.plane_scale.network import ScaleNetwork
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_network
from gsn_perception.io.checkpoints import save_checkpoint

KIND = "scale"


def save_scale_network(
    path: Path, network: ScaleNetwork, info: Mapping[str, Any], state: Mapping[str, Tensor] | None = None
) -> None:
    """Write a network's weights (or ``state``, e.g. averaged ones) with its configuration."""
    weights = state if state is not None else network.state_dict()
    save_checkpoint(path, Checkpoint(KIND, asdict(network.config), weights, info))


def load_scale_network(path: Path) -> tuple[ScaleNetwork, Mapping[str, Any]]:
    """The network in eval mode and the metadata of its file, with the file's ``sha256``.

    Raises:
        InputError: the file is missing, damaged, of another kind or of another architecture.
    """
    return load_network(path, KIND, lambda config: ScaleNetwork(ScaleNetConfig(**config)))
