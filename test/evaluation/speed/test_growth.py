import time
from dataclasses import replace

import numpy as np
import pytest

from gsn_perception.evaluation.speed.growth.growth import curves_of
from gsn_perception.evaluation.speed.growth.growth import draw_growth
from gsn_perception.evaluation.speed.growth.growth import growth_table
from gsn_perception.evaluation.speed.growth.growth import measured
from gsn_perception.evaluation.speed.growth.panels import Panel
from gsn_perception.evaluation.speed.growth.power_law import Curve
from gsn_perception.evaluation.speed.growth.power_law import exponent
from gsn_perception.geometry import InputError

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0)


def cubic(constant=0.0):
    return [constant + 0.01 * size**3 for size in SIZES]


def test_a_power_law_gives_its_exponent():
    found = exponent(SIZES, cubic())
    assert [found.value, found.lower, found.upper, found.last] == pytest.approx([3.0] * 4)


def test_a_constant_part_flattens_the_fit_more_than_its_end():
    found = exponent(SIZES, cubic(constant=1.0))
    assert found.lower < found.value < found.last < 3.0


def test_the_interval_covers_the_true_exponent_19_times_in_20():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        noisy = np.asarray(cubic()) * rng.lognormal(0.0, 0.2, len(SIZES))
        found = exponent(SIZES, noisy)
        inside += found.lower <= 3.0 <= found.upper
    assert 0.92 < inside / 1000 < 0.98


def test_two_sizes_have_no_interval():
    found = exponent((1.0, 2.0), (1.0, 4.0))
    assert found.value == pytest.approx(2.0)
    assert np.isnan(found.lower)
    curve = Curve("work", (1.0, 2.0), (1.0, 4.0), (1.0, 4.0))
    assert "| 2.00, 2.00 |" in growth_table({"items": [curve]})


def test_every_round_takes_each_size_once_after_a_run_that_does_not_count():
    order = []

    def work(size):
        order.append(size)
        time.sleep(0.01 * size)

    panel = Panel("items", {"work": [(size, lambda size=size: work(size)) for size in (1.0, 3.0)]})
    (curve,) = curves_of(panel, 2)
    assert order == [1.0, 3.0] * 3
    assert curve.wall[0] >= 0.01
    assert curve.wall[1] >= 0.03
    assert curve.cpu[1] < curve.wall[1]  # sleep uses no CPU


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_the_picture_has_the_format_of_its_suffix(tmp_path, suffix, start):
    curve = Curve("work", SIZES, tuple(cubic()), tuple(cubic()))
    found = {"items": [curve, replace(curve, name="other")], "pixels": [curve]}
    draw_growth(tmp_path / f"growth.{suffix}", found, "a machine")
    assert (tmp_path / f"growth.{suffix}").read_bytes().startswith(start)


def test_nothing_to_measure_is_one_sentence():
    with pytest.raises(InputError, match="name at least one part"):
        measured({}, 1, print)
