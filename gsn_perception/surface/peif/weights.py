"""Weights files of PEIF networks: save and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_network
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
    """The network in eval mode and the metadata of its file, with the file's ``sha256``.

    Raises:
        InputError: the file is missing, damaged, of another kind or of another architecture.
    """
    return load_network(path, KIND, lambda config: PeifNetwork(PeifConfig(**config)))
