"""Source trees to compare: the working tree of this package, and commits checked out into a cache folder."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import gsn_perception
from gsn_perception.geometry import InputError

_PACKAGE = "gsn_perception"
_UNUSED_DAYS = 14
_COMPLETE = ".complete"


@dataclass(frozen=True, slots=True)
class Tree:
    """One version of the source.

    Attributes:
        name: For tables and errors, e.g. ``558e650`` or ``558e650 with changes``.
        path: Folder that holds the package's folder.
        cache: Folder of its compiled kernels.
    """

    name: str
    path: Path
    cache: Path

    def environment(self) -> dict[str, str]:
        """Environment of a process that imports the package from this tree; otherwise the environment of this process."""
        kept = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(self.path), *kept]),
            "PYTHONSAFEPATH": "1",  # else the current folder, which may hold another tree, comes first
            "NUMBA_CACHE_DIR": str(self.cache),
        }


def default_cache() -> Path:
    """The folder for checkouts and compiled kernels, in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _PACKAGE / "compare"


def repository() -> Path:
    """The root of the git repository that this package was imported from.

    Raises:
        InputError: git is missing, or the package is not in a repository.
    """
    here = Path(gsn_perception.__file__).resolve().parents[1]
    root = Path(_git(here, "rev-parse", "--show-toplevel").decode().strip())
    if root != here:
        raise InputError(f"{here} is not the root of a git repository; run this command from a clone of the project")
    return root


def working_tree(root: Path, cache: Path) -> Tree:
    """The files of the repository as they are now.

    Compiled kernels are kept by the state of all sources, because a kernel inlines functions of other files.
    """
    state = hashlib.sha256(str(root).encode())
    for source in sorted((root / _PACKAGE).rglob("*.py")):
        state.update(f"{source}{source.stat().st_mtime_ns}".encode())
    place = cache / f"kernels-{state.hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    place.touch()
    name = _git(root, "rev-parse", "--short=7", "HEAD").decode().strip()
    changed = _git(root, "status", "--porcelain", "--", _PACKAGE).strip()
    return Tree(f"{name} with changes" if changed else name, root, place)


def checked_out(root: Path, revision: str, cache: Path) -> Tree:
    """A commit's files, extracted into the cache folder; a later call with the same commit uses them again.

    Args:
        root: The repository.
        revision: Any name of a commit that git knows.
        cache: Folder for checkouts. Checkouts that were not used for two weeks are removed.

    Raises:
        InputError: git does not know the revision, the commit does not hold the package, or the folder cannot be
            written.
    """
    if revision.startswith("-"):
        raise InputError(f"{revision} is not a revision; give a commit, branch or tag")
    unknown = f"git knows no revision {revision!r} in {root}; give a commit, branch or tag"
    commit = _git(root, "rev-parse", "--verify", f"{revision}^{{commit}}", failed=unknown).decode().strip()
    place = cache / f"commit-{commit}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _remove_unused(cache)
        if not (place / _COMPLETE).is_file():
            _extract(root, commit, place)
        (place / _COMPLETE).touch()
        place.touch()
    except OSError as error:
        raise InputError(f"commit {commit[:7]} cannot be checked out into {cache}: {error}") from error
    if not (place / _PACKAGE / "__init__.py").is_file():
        raise InputError(f"commit {commit[:7]} has no package {_PACKAGE}; give a later revision")
    return Tree(commit[:7], place, place / ".kernels")


def _extract(root: Path, commit: str, place: Path) -> None:
    content = _git(root, "archive", "--format=tar", commit)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=place.parent))
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(partial, filter="data")
        (partial / _COMPLETE).touch()
        shutil.rmtree(place, ignore_errors=True)
        partial.replace(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _remove_unused(cache: Path) -> None:
    oldest = time.time() - 86400 * _UNUSED_DAYS
    for pattern in ("commit-*", "kernels-*", "partial-*"):
        for folder in cache.glob(pattern):
            if folder.is_dir() and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _git(folder: Path, *words: str, failed: str = "") -> bytes:
    """Output of a git command; ``failed`` replaces the sentence of its error."""
    try:
        return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True).stdout
    except FileNotFoundError:
        raise InputError(
            "git is not installed; install it, the commit to compare with comes from the history"
        ) from None
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split()) or f"exit code {error.returncode}"
        raise InputError(failed or f"git {words[0]} failed in {folder}: {said}") from None
