"""Saves and loads GSN weights; warm start from weights of another size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsn_perception.geometry.errors import InputError
from gsn_perception.gsn.config import GsnConfig
from gsn_perception.gsn.network import GSN
from gsn_perception.io.checkpoints import Checkpoint
from gsn_perception.io.checkpoints import load_checkpoint
from gsn_perception.io.checkpoints import load_network
from gsn_perception.io.checkpoints import save_checkpoint

KIND = "gsn"
_READS_MAPS = ("encoder.", "neck.0.", "refiner.laterals.")


def save_gsn(path: Path, network: GSN, info: Mapping[str, Any], state: Mapping[str, Tensor] | None = None) -> None:
    """Write a network's weights (or ``state``, e.g. averaged ones) with its configuration."""
    weights = state if state is not None else network.state_dict()
    save_checkpoint(path, Checkpoint(KIND, asdict(network.config), weights, info))


def load_gsn(path: Path) -> tuple[GSN, Mapping[str, Any]]:
    """The network in eval mode and its provenance (``info``), with the file's ``sha256``.

    Raises:
        InputError: the file is damaged or of another architecture.
    """
    return load_network(path, KIND, lambda config: GSN(GsnConfig(**config)))


@torch.no_grad()
def load_matching_weights(network: GSN, path: Path) -> list[str]:
    """Copy the weights of another GSN (wider, narrower or with fewer inputs) into tensors of the same name.

    If the sizes differ, the common block is copied, so that a widened network starts close to the old one (Net2Net,
    Chen et al. 2016, without noise). Heads of another number of Gaussians are not copied, nor layers that read the maps of
    another kind of encoder.

    Returns:
        Names of the tensors that keep their initial values.

    Raises:
        InputError: the file is damaged, or no tensor matches.
    """
    checkpoint = load_checkpoint(path, KIND)
    state = dict(checkpoint.state)
    if checkpoint.config.get("encoder") != network.config.encoder:
        state = {name: value for name, value in state.items() if not name.startswith(_READS_MAPS)}
    fresh: list[str] = []
    for name, own in network.state_dict().items():
        given = state.get(name)
        if given is None or given.ndim != own.ndim or (name.endswith("2.weight") and len(given) != len(own)):
            fresh.append(name)
            continue
        block = tuple(slice(0, min(a, b)) for a, b in zip(own.shape, given.shape, strict=True))
        own[block] = given[block]
    if len(fresh) == len(network.state_dict()):
        raise InputError(f"nothing in {path} fits this network; choose other weights or another --config")
    return fresh
