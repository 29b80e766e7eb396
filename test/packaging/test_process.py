"""Settings that a process makes for itself."""

import gc
import os
import subprocess
import sys

import pytest

from gsn_perception.process import collector_paused


def test_the_collector_is_off_inside_and_as_before_afterwards():
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_freed_memory_goes_back_to_the_system():
    """Small blocks below one that is kept: the heap can't shrink by itself."""
    code = (
        "import gc\nfrom gsn_perception.process import limit_arenas, trim_memory\n"
        "rss = lambda: int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "assert limit_arenas()\n"
        "blocks = [bytes(5000) for _ in range(20000)]\nkept = bytes(5000)\n"
        "del blocks\nbefore = rss()\nassert trim_memory()\nassert before - rss() > 50e6, (before, rss())\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "MALLOC_ARENA_MAX"} | {"PYTHONMALLOC": "malloc"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)
