"""Names of a folder that are imported when they are first used, so that a process loads only the libraries it needs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any


def late_names(folder: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` (PEP 562) that imports a name at its first use and keeps it.

    Args:
        folder: ``__name__`` of the module that offers the names.
        places: Name to the module that defines it.
    """

    def __getattr__(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(places[name]), name)
        setattr(sys.modules[folder], name, value)
        return value

    return __getattr__
