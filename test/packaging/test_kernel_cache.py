"""Compiled kernels of a package whose folder can't be written are copied to a folder of the user."""

import os
import subprocess
import sys

import pytest

from gsn_perception import kernel_cache
from gsn_perception.kernel_cache import VARIABLE
from gsn_perception.kernel_cache import cache_folder_of
from gsn_perception.kernel_cache import choose_kernel_cache

SOURCE = "import numba\n\n@numba.njit(cache=True)\ndef twice(x):\n    return 2 * x\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a compiled kernel, made read-only for this test (root writes anywhere)."""
    folder = tmp_path / "package"
    (folder / "room").mkdir(parents=True)
    (folder / "room" / "kernels.py").write_text(SOURCE)
    called(folder, {})
    writable = kernel_cache._writable
    monkeypatch.setattr(kernel_cache, "_writable", lambda path: path != folder and writable(path))
    return folder


def called(package, environment):
    """What numba does with its cache when the kernel is called in a process of its own."""
    command = [sys.executable, "-c", "import kernels; assert kernels.twice(2) == 4"]
    chosen = {k: v for k, v in os.environ.items() if k != VARIABLE}
    chosen |= {"PYTHONPATH": str(package / "room"), "NUMBA_DEBUG_CACHE": "1", **environment}
    return subprocess.run(command, env=chosen, capture_output=True, text=True, check=True, timeout=300).stdout


def test_kernels_of_a_read_only_package_are_loaded_not_compiled(package, tmp_path):
    folder = choose_kernel_cache(package, {"XDG_CACHE_HOME": str(tmp_path / "home")})
    assert folder == tmp_path / "home" / "gsn_perception"
    assert list(cache_folder_of(package / "room", folder).glob("*.nbi"))
    told = called(package, {VARIABLE: str(folder)})
    assert "data loaded from" in told
    assert "data saved to" not in told


def test_without_a_home_the_folder_is_a_temporary_one(package, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = choose_kernel_cache(package, {"XDG_CACHE_HOME": str(tmp_path / "file")})
    assert folder == tmp_path / f"gsn_perception-{os.getuid()}"
    assert folder.stat().st_mode & 0o077 == 0  # nobody else puts machine code there


def test_newer_kernels_of_the_package_replace_copies(package, tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path / "home")}
    folder = choose_kernel_cache(package, environment)
    copy = next(cache_folder_of(package / "room", folder).glob("*.nbc"))
    original = package / "room" / "__pycache__" / copy.name
    copy.write_bytes(b"old")
    os.utime(copy, ns=(0, 0))
    choose_kernel_cache(package, environment)
    assert copy.read_bytes() == original.read_bytes()


def test_a_choice_of_the_user_and_a_writable_package_are_left_alone(package, tmp_path):
    assert choose_kernel_cache(package, {VARIABLE: "/somewhere"}) is None
    assert choose_kernel_cache(tmp_path, {}) is None
