"""For all tests: a ROS domain of this run's own, on this machine only; no screen; the same examples in every run."""

import fcntl
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

_LAST = 100  # up to here the ports of a domain stay below those that Linux hands out to others


def _claim_domain(first: int) -> int:
    """``first`` or the next domain that no other run of the tests has; ours until this process ends."""
    for domain in ((first - 1 + i) % _LAST + 1 for i in range(_LAST)):
        path = Path(tempfile.gettempdir()) / f"gsn_perception_test_domain_{domain}"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:  # another user's
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # taken
            os.close(lock)
            continue
        return domain
    return first


# before anything imports rclpy
os.environ["ROS_DOMAIN_ID"] = str(_claim_domain(int(os.environ.get("ROS_DOMAIN_ID") or os.getpid() % _LAST)))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("MPLBACKEND", "Agg")

if find_spec("hypothesis") is not None:
    from hypothesis import settings

    settings.register_profile("same", derandomize=True, deadline=None, database=None)
    settings.load_profile("same")
