"""The one place that knows what PEIF's network and the directed marching are called."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from gsn_perception.geometry.errors import InputError

NETWORK, MARCHING = "gsn_perception.surface.peif", "gsn_perception.surface.directed_marching"
"""``NETWORK`` offers ``PeifNetwork(config)`` with ``losses``, ``named_config(name)``, ``save_peif(path, network, info, state)``,
``load_peif(path) -> (network, info)`` and ``PeifField(network, cloud [P,3])``, a displacement field; ``MARCHING`` offers
``directed_marching(field, lower, upper, *, resolution, seeds) -> Mesh``."""


def peif_network() -> Any:
    """The network's package.

    Raises:
        InputError: this build has none.
    """
    return _part(NETWORK, "no PEIF network")


def directed_marching() -> Any:
    """The function that turns a displacement field into an open mesh.

    Raises:
        InputError: this build has none.
    """
    return _part(MARCHING, "no directed marching").directed_marching


def _part(name: str, what: str) -> Any:
    if importlib.util.find_spec(name) is None:
        raise InputError(f"this build has {what}; choose gaussians, onet or convonet")
    return importlib.import_module(name)
