"""Loads published ImageNet weights into an encoder with more input channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch import nn

from gsn_perception.geometry.errors import InputError


def load_published(
    encoder: nn.Module, state: Mapping[str, Tensor], *, first: str, classifiers: tuple[str, ...]
) -> None:
    """Load a published state dict; input channels that it does not have get zero weights.

    Args:
        encoder: Its state-dict names are the published ones.
        state: The published weights.
        first: Name of the weight of the first convolution.
        classifiers: Prefixes of names that are ignored.

    Raises:
        InputError: names or shapes are of another network.
    """
    own = encoder.state_dict()
    given = {k: v for k, v in state.items() if not k.startswith(classifiers)}
    stem = given.get(first)
    if stem is not None and stem.ndim == 4 and stem.shape[1] < own[first].shape[1]:
        more = torch.zeros(len(stem), own[first].shape[1] - stem.shape[1], *stem.shape[2:], dtype=stem.dtype)
        given[first] = torch.cat([stem, more], 1)
    # counters of batches may be missing: files of old torch versions have none, and evaluation does not use them
    wrong = [k for k in own if not k.endswith("num_batches_tracked")]
    wrong = [k for k in wrong if k not in given or given[k].shape != own[k].shape]
    if wrong:
        raise InputError(f"the ImageNet weights are of another network ({wrong[0]} differs); give this encoder's file")
    encoder.load_state_dict({**own, **{k: given[k] for k in own if k in given}})
