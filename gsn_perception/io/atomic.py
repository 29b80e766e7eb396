"""Atomic output: a file or folder appears complete, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path

from gsn_perception.geometry.errors import InputError


@contextmanager
def output_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that becomes ``path`` when the block ends without an exception.

    Files of an existing folder stay, unless the block wrote one of the same name. If the block raises, its output is
    removed.

    Args:
        path: The output folder; parents are created.

    Yields:
        The folder to write into.

    Raises:
        InputError: ``path`` is a file, or cannot be written.
    """
    target = Path(path).expanduser()
    made = _make_parents(target)
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        _remove_empty(made)
        raise _not_writable(target, error) from None
    try:
        yield temporary
        _move_in(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_empty(made)
        raise
    shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """A temporary file name beside ``path`` that replaces ``path`` when the block ends without an exception.

    Args:
        path: The output file; its folder is created.

    Yields:
        The name to write to, with the same suffix, because some writers choose the format by suffix.

    Raises:
        InputError: the folder cannot be written or ``path`` is a folder.
    """
    target = Path(path).expanduser()
    if target.is_dir():
        raise InputError(f"{target} is a folder; give the name of a file")
    made = _make_parents(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        os.chmod(name, 0o666 & ~_umask())
    except OSError as error:
        _remove_empty(made)
        raise _not_writable(target, error) from None
    try:
        yield Path(name)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        _remove_empty(made)
        raise


def _make_parents(target: Path) -> list[Path]:
    """Create the parents of ``target``; returns those that were missing, innermost first."""
    missing = [p for p in target.parents if not p.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise _not_writable(target, error) from None
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _move_in(temporary: Path, target: Path) -> None:
    """Move the content of ``temporary`` to ``target``; each file by one rename."""
    try:
        if not target.exists():
            temporary.chmod(0o777 & ~_umask())
            temporary.rename(target)
            return
        if not target.is_dir():
            raise NotADirectoryError(20, "it is a file")
        for source in sorted(p for p in temporary.rglob("*") if p.is_file()):
            place = target / source.relative_to(temporary)
            place.parent.mkdir(parents=True, exist_ok=True)
            source.replace(place)
    except OSError as error:
        raise _not_writable(target, error) from None


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    value = os.umask(0o077)
    os.umask(value)
    return value


def _not_writable(target: Path, error: OSError) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return InputError(f"cannot write {target} ({reason}); choose a place that can be written")
