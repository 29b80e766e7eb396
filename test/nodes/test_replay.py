"""Bags through DDS, and the executables as processes: exit codes, signals, sentences."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rosbags")
from conftest import BallPipeline
from conftest import matched
from conftest import observation
from real_processes import START
from waiting import LIMIT
from waiting import until

from gsn_perception.geometry import InputError
from gsn_perception.nodes import bag_play
from gsn_perception.nodes import bringup
from gsn_perception.nodes.reconstruction_node import ReconstructionNode
from gsn_perception.ros import interface
from gsn_perception.ros.messages.camera import images
from gsn_perception.ros.messages.headers import stamp_to_ns
from gsn_perception.ros.recordings import reading
from gsn_perception.ros.recordings.playing import BagPlayer
from gsn_perception.ros.recordings.playing import PlayOptions

pytestmark = pytest.mark.dds
STEP = 150_000_000
COUNT = 5


@pytest.fixture
def bag(tmp_path) -> Path:
    reading.record(tmp_path / "bag", [observation(1_000_000_000 + i * STEP) for i in range(COUNT)])
    return tmp_path / "bag"


def play(graph, bag: Path, options: PlayOptions, stopped=lambda: False, **hooks) -> tuple[list[str], int]:
    player = BagPlayer(graph.node, bag, options, stopped, **hooks)
    lonely = player.wait()
    matched({})
    return lonely, player.play()


@pytest.mark.parametrize("loops", [1, 2])
def test_every_frame_of_a_bag_gives_one_output_also_when_it_loops(graph, bag, loops):
    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    graph.subscribe(interface.MESH)
    graph.subscribe(interface.POINTS)
    assert node.start()
    frames = []

    def answered(item):  # on a loaded machine frames would overtake each other
        if item.topic == "/camera_info":
            until(lambda: len(graph.received["mesh"]) == len(graph.received["points"]) == len(frames))
            frames.append(item.time)

    lonely, count = play(graph, bag, PlayOptions(loops=loops, wait=LIMIT, delay=0, rate=5), before=answered)
    assert lonely == []
    assert count == 4 * COUNT * loops
    wanted = [1_000_000_000 + i * STEP for i in range(COUNT)] * loops
    until(lambda: all(len(graph.received[name]) == len(wanted) for name in ("points", "mesh")))
    assert [stamp_to_ns(m.header.stamp) for m in graph.received["points"]] == wanted
    assert [stamp_to_ns(m.markers[0].header.stamp) for m in graph.received["mesh"]] == wanted
    assert node.diagnostics.drops == {}


def test_waiting_names_the_topics_without_subscriber(graph, bag):
    graph.subscribe(interface.IMAGE)
    player = BagPlayer(graph.node, bag, PlayOptions(wait=0.3, delay=0), lambda: False)
    assert sorted(player.wait()) == ["/camera_info", "/depth", "/mask"]
    chosen = BagPlayer(graph.node, bag, PlayOptions(wait=0.3, wait_for=("image",), delay=0), lambda: False)
    assert chosen.wait() == []
    absent = BagPlayer(graph.node, bag, PlayOptions(wait_for=("/camera/image",)), lambda: False)
    with pytest.raises(InputError, match=r"holds no /camera/image; choose .* /image"):
        absent.wait()


def test_clock_and_restamp(graph, bag):
    from rosgraph_msgs.msg import Clock

    ticks = []
    graph.node.create_subscription(Clock, "/clock", ticks.append, 50)
    graph.subscribe(interface.IMAGE)
    before = time.time_ns()
    play(graph, bag, PlayOptions(clock=True, restamp=True, rate=10, wait=LIMIT, delay=0, wait_for=("image",)))
    until(lambda: len(graph.received["image"]) == COUNT)
    assert all(stamp_to_ns(m.header.stamp) >= before for m in graph.received["image"])
    until(lambda: len(ticks) >= COUNT)
    assert {stamp_to_ns(t.clock) for t in ticks} <= {1_000_000_000 + i * STEP for i in range(COUNT)}


def test_what_is_not_installed_is_left_out_and_the_recorded_clock_makes_way(graph, tmp_path, monkeypatch):
    """tf2_msgs comes with a ROS installation only; a bag that holds /tf is still played."""
    from rosgraph_msgs.msg import Clock

    real = reading.message_class

    def only_some(type_name):
        if type_name.startswith("tf2_msgs"):
            raise InputError("message type tf2_msgs/msg/TFMessage is not installed")
        return real(type_name)

    monkeypatch.setattr(reading, "message_class", only_some)
    reading.record(tmp_path / "all", [observation(1_000_000_000 + i * STEP) for i in range(2)], clock=True, poses=True)
    ticks = []
    graph.node.create_subscription(Clock, "/clock", ticks.append, 50)
    for topic in interface.RECONSTRUCTION_INPUTS:
        graph.subscribe(topic)
    lonely, count = play(graph, tmp_path / "all", PlayOptions(wait=LIMIT, delay=0, rate=5, clock=True))
    assert (lonely, count) == ([], 8)
    until(lambda: len(graph.received["image"]) == 2)
    until(lambda: len(ticks) == 8)  # one for each message: the player's own, not the recorded ones on top


def test_an_endless_loop_stops_when_told(graph, bag):
    stop, played = threading.Event(), []

    def told(item) -> None:
        played.append(item)
        if len(played) == 4 * COUNT + 1:  # in the second loop, from outside, at any moment
            threading.Timer(0.05, stop.set).start()

    assert play(graph, bag, PlayOptions(loops=0, rate=20, delay=0), stop.is_set, before=told)[1] > 4 * COUNT


def test_bad_bags_and_options_are_sentences(graph, bag, tmp_path, capsys):
    with pytest.raises(InputError, match="rate"):
        BagPlayer(graph.node, bag, PlayOptions(rate=0), lambda: False)
    assert bag_play.main([str(tmp_path / "nothing")]) == 2
    assert "there is no bag" in capsys.readouterr().err


def process(module: str, *arguments: str, domain: int) -> subprocess.Popen:
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"gsn_perception.nodes.{module}", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_bag_play_as_a_process_delivers_until_it_is_told_to_end(graph, domain, bag):
    graph.subscribe(interface.IMAGE, "/left/image")
    remapped = ("--loop", "--wait", str(LIMIT), "--wait-for", "/left/image", "--ros-args", "-r", "image:=/left/image")
    player = process("bag_play", str(bag), *remapped, domain=domain)
    try:
        until(lambda: len(graph.received["/left/image"]) > COUNT, timeout=START)
        player.send_signal(signal.SIGTERM)
        output, _ = player.communicate(timeout=LIMIT)
    finally:
        player.kill()
    assert player.returncode == 0, output
    assert "Traceback" not in output
    np.testing.assert_array_equal(images.to_rgb(graph.received["/left/image"][0]), observation(1_000_000_000).image)


def test_bag_play_says_when_nobody_listens(bag, capsys, monkeypatch, domain):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    assert bag_play.main([str(bag), "--wait", "0.2"]) == 3
    assert "nobody subscribed to" in capsys.readouterr().err


def test_bad_ros_arguments_are_a_sentence(bag, capsys):
    assert bag_play.main([str(bag), "--ros-args", "--params-file", "/no/such.yaml"]) == 2
    assert "check what follows --ros-args" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [("checkpoint:=/no/such.safetensors", "such.safetensors"), ("max_objects:=0", "max_objects")],
)
def test_bringup_refuses_bad_parameters_with_a_sentence_and_a_code(argument, sentence, capfd, monkeypatch, domain):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(domain))
    assert bringup.main(["--no-grasps", "--ros-args", "-p", argument]) == 2
    output = capfd.readouterr().err
    assert sentence in output
    assert "Traceback" not in output


def test_a_node_ends_cleanly_on_a_signal(graph, domain):
    one = process("grasp_node", "--ros-args", "-p", "autostart:=true", "-p", "num_candidates:=16", domain=domain)
    try:
        until(lambda: graph.node.count_subscribers("/points") == 1, timeout=START)
        one.send_signal(signal.SIGINT)
        output, _ = one.communicate(timeout=LIMIT)
    finally:
        one.kill()
    assert one.returncode == 0, output
    assert "deactivate done" in output
    assert "cleanup done" in output
    assert "Traceback" not in output


def test_help_is_light():
    code = (
        "import sys\n"
        "from gsn_perception.nodes import bag_play, bringup\n"
        "for module in (bag_play, bringup):\n"
        "    try:\n        module.main(['--help'])\n    except SystemExit as end:\n        assert end.code == 0\n"
        "heavy = {'torch', 'scipy', 'open3d', 'numba', 'rclpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)


@pytest.mark.long
def test_a_minute_of_looping_neither_leaks_nor_loses_outputs(graph, bag):
    """As fast as outputs come: memory stays, every frame is answered."""
    import gc

    import psutil

    node = graph.add(ReconstructionNode, load=lambda settings: BallPipeline())
    graph.subscribe(interface.POINTS)
    graph.subscribe(interface.MESH)
    assert node.start()
    end = time.monotonic() + 60
    sizes, sent, answers = [], [0], [0]

    def answered(item):
        if item.topic != "/camera_info":
            return
        until(lambda: min(len(graph.received["points"]), len(graph.received["mesh"])) == sent[0] - answers[0])
        sent[0] += 1
        if sent[0] % 50 == 0:
            answers[0] = sent[0] - 1
            graph.forget()
            node._processor.pipeline.seen.clear()
            gc.collect()
            sizes.append(psutil.Process().memory_info().rss / 2**20)

    play(graph, bag, PlayOptions(loops=0, wait=LIMIT, rate=100), lambda: time.monotonic() > end, before=answered)
    assert sent[0] > 100
    assert sizes[-1] - sizes[len(sizes) // 3] < 30, sizes
    assert node.diagnostics.drops == {}
