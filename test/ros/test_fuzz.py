"""Hostile messages through the code of the callbacks: refused with a sentence, or taken; nothing else."""

import numpy as np
import pytest

pytest.importorskip("rclpy")

from gsn_perception.geometry import InputError
from gsn_perception.ros.bench import fuzz as fuzzing
from gsn_perception.ros.bench.fuzz import HANG
from gsn_perception.ros.bench.fuzz import fuzz
from gsn_perception.ros.bench.hostile import frame_messages


def check(found, least_distinct: int) -> None:
    assert found.crashes == []
    assert found.slowest < HANG
    assert found.grown < fuzzing.BOUND
    assert len(found.refusals) >= least_distinct, "the messages are not hostile enough"
    assert found.accepted > found.cases / 20, "hardly anything gets through: only the first check is tried"
    assert all(len(sentence) > 15 for sentence in found.refusals)


def test_a_thousand_hostile_messages():
    check(fuzz(1000, seed=1), least_distinct=30)


@pytest.mark.long
def test_twenty_thousand_hostile_messages():
    check(fuzz(20_000, seed=0), least_distinct=45)


def test_the_same_seed_makes_the_same_messages():
    one, two = (frame_messages(np.random.default_rng((3, 4))) for _ in range(2))
    assert list(one) == list(two)
    assert str(one) == str(two)


def test_what_is_no_refusal_counts_as_a_crash(monkeypatch):
    def broken(rng):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(fuzzing, "_grasp_case", broken)
    found = fuzz(10, seed=0)
    assert [c.split(":")[0] for c in found.crashes] == ["case 4", "case 9"]
    assert "oops" in found.crashes[0]


def test_an_allocation_beyond_the_bound_is_a_crash(monkeypatch):
    def greedy(rng):
        np.empty(2 * fuzzing.BOUND, np.uint8)
        raise InputError("not reached once the limit holds")

    monkeypatch.setattr(fuzzing, "_grasp_case", greedy)
    found = fuzz(60, seed=0)
    assert {c.split(":")[0] for c in found.crashes} == {"case 54", "case 59"}
