"""Hostile messages through the code of the callbacks: refused with a sentence, or taken; nothing else."""

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("hypothesis")
import hypothesis
from drawn import DrawnGenerator
from hypothesis import strategies as st

from gsn_perception.geometry import InputError
from gsn_perception.ros.bench.fuzzing import fuzz as fuzzing
from gsn_perception.ros.bench.fuzzing.fuzz import HANG
from gsn_perception.ros.bench.fuzzing.fuzz import Fuzzer
from gsn_perception.ros.bench.fuzzing.fuzz import fuzz
from gsn_perception.ros.bench.fuzzing.hostile_frames import frame_messages

BATCH = 1000  # more examples at once and hypothesis' own memory comes near the bound


def check(found, least_distinct: int) -> None:
    assert found.crashes == []
    assert found.slowest < HANG
    assert found.peak < fuzzing.BOUND
    assert len(found.refusals) >= least_distinct, "the messages are not hostile enough"
    assert found.accepted > found.cases / 20, "hardly anything gets through: only the first check is tried"
    assert all(len(sentence) > 15 for sentence in found.refusals)


def drawn(cases: int, seed: int, phases=tuple(hypothesis.Phase)):
    """Cases that hypothesis chooses; one that crashes is made as small as it can be, unless ``phases`` leave it."""
    with Fuzzer() as fuzzer:

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(st.data())
        def attack(data) -> None:
            fuzzer.forget()  # a crash must come again when the case is made smaller
            crash = fuzzer.case(DrawnGenerator(data.draw))
            assert not crash

        attack()
        return fuzzer.found()


def test_hostile_messages():
    check(fuzz(700, seed=1), least_distinct=30)


def test_hostile_messages_of_hypothesis():
    check(drawn(400, seed=1), least_distinct=15)


@pytest.mark.long
@pytest.mark.parametrize("batch", range(20))
def test_twenty_thousand_hostile_messages(batch):
    found = drawn(BATCH, seed=batch)
    assert found.cases >= BATCH
    check(found, least_distinct=20)


def test_the_same_seed_makes_the_same_messages():
    one, two = (frame_messages(np.random.default_rng((3, 4))) for _ in range(2))
    assert list(one) == list(two)
    assert str(one) == str(two)


def test_what_is_no_refusal_counts_as_a_crash(monkeypatch):
    def broken(made):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(fuzzing, "_take_objects", broken)
    found = fuzz(30, seed=0)
    assert 0 < len(found.crashes) < 20
    assert all("ZeroDivisionError: oops" in crash for crash in found.crashes)
    with pytest.raises(AssertionError, match="oops"):
        drawn(
            80, seed=0, phases=(hypothesis.Phase.generate,)
        )  # what hypothesis draws depends on the modules that are loaded


def test_an_allocation_beyond_the_bound_is_a_crash(monkeypatch):
    def greedy(made):
        np.empty(2 * fuzzing.BOUND, np.uint8)
        raise InputError("not reached once the limit holds")

    monkeypatch.setattr(fuzzing, "_take_objects", greedy)
    found = fuzz(80, seed=0)
    crashed = [int(c.split(":")[0].removeprefix("case ")) for c in found.crashes]
    assert crashed
    assert min(crashed) >= 50, "the limit holds after the first cases"
