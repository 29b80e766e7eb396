"""Weights files of the occupancy networks: save, load, and the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_network
from gsn_perception.io.checkpoints import save_checkpoint
from gsn_perception.io.checkpoints import shipped
from gsn_perception.surface.learned.config import ConvonetConfig
from gsn_perception.surface.learned.config import OnetConfig
from gsn_perception.surface.learned.convonet import ConvolutionalOccupancyNetwork
from gsn_perception.surface.learned.onet import OccupancyNetwork

ONET, CONVONET = "onet", "convonet"
OccupancyModel = OccupancyNetwork | ConvolutionalOccupancyNetwork


def save_occupancy(
    path: Path, network: OccupancyModel, info: Mapping[str, Any], state: Mapping[str, Tensor] | None = None
) -> None:
    """Write a network's weights (or ``state``, e.g. averaged ones) with its configuration."""
    kind = ONET if isinstance(network, OccupancyNetwork) else CONVONET
    weights = network.state_dict() if state is None else state
    save_checkpoint(path, Checkpoint(kind, asdict(network.config), weights, info))


def load_onet(path: Path) -> tuple[OccupancyNetwork, Mapping[str, Any]]:
    """An Occupancy Network in eval mode and the metadata of its file, with the file's ``sha256``.

    Raises:
        InputError: the file is missing, damaged, of another kind or architecture.
    """
    return load_network(path, ONET, lambda config: OccupancyNetwork(OnetConfig(**config)))


def load_convonet(path: Path) -> tuple[ConvolutionalOccupancyNetwork, Mapping[str, Any]]:
    """A Convolutional Occupancy Network in eval mode and the metadata of its file, with the file's ``sha256``.

    Raises:
        InputError: the file is missing, damaged, of another kind or architecture.
    """
    return load_network(path, CONVONET, lambda config: ConvolutionalOccupancyNetwork(ConvonetConfig(**config)))


def shipped_weights(method: str) -> Path:
    """The shipped weights of a mesh method.

    Raises:
        InputError: there are none.
    """
    try:
        return shipped(method)
    except InputError:
        raise InputError(
            f"no weights are shipped for mesh method {method!r}; choose gaussians, or train them with "
            f"`gsn train surface --model {method}` and give the file"
        ) from None
