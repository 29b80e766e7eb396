"""The DDS profile that fits /dev/shm, and that images arrive with it where a container gives little or nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gsn_perception.ros.processes import dds_profile

ROOT = Path(__file__).parents[3]
MB = 2**20
SPACE = {"f": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}


def profile(name: str) -> ElementTree.Element:
    return ElementTree.parse(ROOT / "config" / name).getroot()


@pytest.mark.parametrize(
    ("free", "file"),
    [
        (24 * 2**30, "fastdds.xml"),
        (1024 * MB, "fastdds.xml"),
        (272 * MB, "fastdds.xml"),
        (256 * MB, "fastdds_32mb.xml"),
        (136 * MB, "fastdds_32mb.xml"),
        (128 * MB, "fastdds_8mb.xml"),
        (64 * MB, "fastdds_8mb.xml"),
        (34 * MB, "fastdds_8mb.xml"),
        (33 * MB, "fastdds_tcp.xml"),
        (16 * MB, "fastdds_tcp.xml"),
        (0, "fastdds_tcp.xml"),
        (None, "fastdds_tcp.xml"),
    ],
)
def test_four_processes_fit_or_no_segment_is_asked_for(free, file):
    found = dds_profile.choose_profile(free)
    assert found.file == file
    size = profile(file).find(".//f:segment_size", SPACE)
    assert size is None or 4 * int(size.text) * 1.05 < free
    if file == "fastdds.xml":
        assert found.sentence == ""
        return
    assert "--shm-size=1g" in found.sentence
    assert "--ipc=host" in found.sentence
    assert f"config/{file}" in found.sentence
    assert ("can't be written" if free is None else f"only {free // MB} MB free") in found.sentence


@pytest.mark.parametrize(("free", "file"), [(1024 * MB, "fastdds_8mb.xml"), (16 * MB, "fastdds_tcp.xml")])
def test_a_process_of_small_messages_takes_a_small_segment(free, file):
    found = dds_profile.choose_profile(free, need=8)
    assert found.file == file
    assert bool(found.sentence) == (file == "fastdds_tcp.xml")


def test_the_small_segment_replaces_the_full_one_of_a_parent_but_no_profile_of_the_user(tmp_path, monkeypatch):
    mine = tmp_path / "mine.xml"
    mine.write_text((ROOT / "config" / "fastdds.xml").read_text().replace("67108864", "16777216"))
    full, small = (str(ROOT / "config" / name) for name in ("fastdds.xml", "fastdds_8mb.xml"))
    monkeypatch.setattr(dds_profile, "free_shared_memory", lambda: 1024 * MB)
    monkeypatch.delenv("FASTDDS_BUILTIN_TRANSPORTS", raising=False)
    for given, need, used in ((full, 8, small), (full, 64, full), (str(mine), 8, str(mine)), (small, 64, small)):
        for name in dds_profile.DDS_CHOICES[:2]:
            monkeypatch.setenv(name, given)
        dds_profile.use_dds_profile(need)
        assert [os.environ[name] for name in dds_profile.DDS_CHOICES[:2]] == [used] * 2


@pytest.mark.parametrize("size", [8, 32])
def test_the_small_profiles_are_the_large_one_with_another_size(size):
    texts = [(ROOT / "config" / name).read_text() for name in ("fastdds.xml", f"fastdds_{size}mb.xml")]
    bare = [re.sub(r"<!--.*?-->|\s", "", text, flags=re.DOTALL) for text in texts]
    assert bare[0].replace(str(64 * MB), str(size * MB)) == bare[1]


def test_the_profile_without_shared_memory_names_tcp_and_udp_alone():
    root = profile("fastdds_tcp.xml")
    assert [t.text for t in root.iterfind(".//f:type", SPACE)] == ["TCPv4", "UDPv4"]
    named = [e.tag.split("}")[1] for e in root.iterfind(".//f:defaultUnicastLocatorList/f:locator/*", SPACE)]
    assert named == ["tcpv4", "udpv4"]
    leases = [ElementTree.tostring(r.find(".//f:builtin", SPACE)) for r in (root, profile("fastdds.xml"))]
    assert b"".join(leases[0].split()) == b"".join(leases[1].split())


def test_free_memory_is_that_of_the_file_system(tmp_path, monkeypatch):
    found = os.statvfs(tmp_path)
    free = dds_profile.free_shared_memory(tmp_path)
    assert abs(free - found.f_bavail * found.f_frsize) < 256 * MB  # others write to the disk meanwhile
    assert dds_profile.free_shared_memory(tmp_path / "missing") is None
    monkeypatch.setattr(dds_profile.os, "access", lambda *_: False)
    assert dds_profile.free_shared_memory(tmp_path) is None


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, False),
        ({"RMW_IMPLEMENTATION": "", "FASTDDS_BUILTIN_TRANSPORTS": ""}, False),
        ({"RMW_IMPLEMENTATION": "rmw_fastrtps_dynamic_cpp"}, False),
        ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, True),
        ({"FASTRTPS_DEFAULT_PROFILES_FILE": "mine.xml"}, True),
        ({"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"}, True),
    ],
)
def test_what_the_user_chose_stays(environment, chosen):
    assert dds_profile.is_chosen(environment) is chosen


def test_the_choice_loads_nothing_heavy():
    """Launch files import it."""
    script = (
        "import sys, gsn_perception.ros.processes.dds_profile; print(*{'numpy', 'torch', 'rclpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


COUNT = 60
STREAM = f"""
mount -t tmpfs -o "$1" tmpfs /dev/shm || exit 77
"$0" -m gsn_perception.ros.bench.streams.receiver --timeout 120 > "$2" 2>&1 & receiver=$!
"$0" -m gsn_perception.ros.bench.camera --noise --count {COUNT} || exit 1
wait $receiver
"""


@pytest.mark.dds
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() or not shutil.which("unshare"), reason="needs root")
@pytest.mark.parametrize(
    "options", [*(pytest.param(size, marks=pytest.mark.long) for size in ("size=64m", "size=16m")), "size=16m,ro"]
)
def test_images_arrive_in_a_small_or_read_only_dev_shm(options, tmp_path, monkeypatch):
    """As in a container: a mount namespace with a /dev/shm of its own."""
    pytest.importorskip("rclpy")
    for name in dds_profile.DDS_CHOICES:
        monkeypatch.delenv(name, raising=False)
    log = tmp_path / "receiver.txt"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = ["unshare", "--mount", "sh", "-c", STREAM, sys.executable, options, str(log)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=400, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    heard = log.read_text()
    assert done.returncode == 0, done.stderr + heard
    assert heard.count("--shm-size=1g") == 1, heard
    received = int(re.search(r'"received": (\d+)', heard)[1])
    assert received >= 0.9 * COUNT, heard  # a starved reader that keeps one image may lose some; UDP alone loses half
