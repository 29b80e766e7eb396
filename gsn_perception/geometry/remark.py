"""Remarks (warnings) about an input or a result: a short code for programs and one sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """A doubt that did not stop the reconstruction and that the user should know.

    Attributes:
        code: Short snake_case name, stable across versions, e.g. ``mask_pieces``.
        text: One sentence: what was found, what was done about it, and what to change.
    """

    code: str
    text: str

    def __str__(self) -> str:
        """``code: text``."""
        return f"{self.code}: {self.text}"


def merged(*groups: Iterable[Remark]) -> tuple[Remark, ...]:
    """All remarks in order, each once."""
    return tuple(dict.fromkeys(remark for group in groups for remark in group))


def note(remarks: list[Remark] | None, code: str, text: str) -> None:
    """Append a remark, unless ``remarks`` is None."""
    if remarks is not None:
        remarks.append(Remark(code, text))
