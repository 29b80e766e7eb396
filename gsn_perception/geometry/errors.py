"""``InputError``, the exception for bad input with one sentence for the user, and a lookup that raises it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Raised for bad input.

    The message is one sentence that says what was wrong and what to do; command lines print it and exit non-zero,
    nodes put it into diagnostics.
    """


def by_name(table: Mapping[str, T], name: str, what: str) -> T:
    """The entry of that name.

    Raises:
        InputError: there is none; the sentence names ``what`` was sought and lists the available names.
    """
    if name not in table:
        raise InputError(f"there is no {what} {name!r}; choose one of {', '.join(table)}")
    return table[name]
