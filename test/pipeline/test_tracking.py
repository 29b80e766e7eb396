"""Numbers stay with objects, whatever labels do."""

import numpy as np
import pytest

from gsn_perception.pipeline.tracking import Tracker
from gsn_perception.pipeline.tracking import box_of

SECOND = 1_000_000_000


def box(x, y=0.0, *, size=(0.05, 0.05, 0.08)):
    low = np.array([x, y, 0.0])
    return np.stack([low, low + size])


def test_numbers_stay_while_labels_permute_and_boxes_jitter():
    chance = np.random.default_rng(0)
    grid = [box(0.055 * i, 0.055 * j) for i in range(4) for j in range(3)]  # 5 mm between neighbours
    tracker = Tracker()
    names: dict[int, set[int]] = {place: set() for place in range(len(grid))}
    for frame in range(30):
        labels = chance.permutation(len(grid)) + 1
        places = [place for place in range(len(grid)) if chance.random() > 0.2]  # some are refused in every frame
        boxes = {int(labels[place]): grid[place] + chance.normal(0, 0.003, (2, 3)) for place in places}
        numbers = tracker.update(frame * SECOND // 2, "base", boxes)
        assert len(set(numbers.values())) == len(places)
        for place in places:
            names[place].add(numbers[int(labels[place])])
    assert all(len(found) == 1 for found in names.values())
    assert len(set.union(*names.values())) == len(grid)


def test_the_first_number_is_the_label_and_none_is_given_twice():
    tracker = Tracker()
    assert tracker.update(0, "base", {3: box(0), 7: box(0.2)}) == {3: 3, 7: 7}
    assert tracker.update(1, "base", {3: box(0.2), 7: box(0.0)}) == {3: 7, 7: 3}
    assert tracker.update(2, "base", {3: box(0.6)}) == {3: 8}, "3 and 7 are other objects"
    late = tracker.update(60 * SECOND, "base", {3: box(0)})
    assert late == {3: 9}, "forgotten after ten seconds, and not taken for another one's name"


def test_a_push_keeps_the_number_and_a_leap_does_not():
    tracker = Tracker()
    tracker.update(0, "base", {1: box(0)})
    assert tracker.update(SECOND, "base", {1: box(0.03)}) == {1: 1}
    assert tracker.update(2 * SECOND, "base", {1: box(0.3)}) == {1: 2}


def test_flat_things_keep_their_number_in_spite_of_noise():
    tracker = Tracker()
    flat = (0.2, 0.15, 0.002)
    tracker.update(0, "base", {1: box(0, size=flat)})
    assert tracker.update(1, "base", {5: box(0, size=flat) + np.array([0, 0, 0.006])}) == {5: 1}


def test_another_frame_forgets_and_a_looped_bag_does_not():
    tracker = Tracker()
    tracker.update(100 * SECOND, "base", {1: box(0)})
    assert tracker.update(2 * SECOND, "base", {4: box(0)}) == {4: 1}
    assert tracker.update(3 * SECOND, "other", {4: box(0)}) == {4: 4}


def test_what_is_carried_keeps_its_number_where_it_is():
    tracker = Tracker()
    tracker.update(0, "base", {1: box(0), 2: box(0.2)})
    lifted = box(0) + np.array([0, 0, 0.3])
    seen = {1: lifted, 2: box(0.2), 3: box(0)}  # another thing was put in its old place
    assert tracker.update(SECOND, "base", seen, carried={1: lifted}) == {1: 1, 2: 2, 3: 3}
    assert tracker.update(60 * SECOND, "base", {2: box(0.2)}, carried={1: box(0.5)})[2] != 2, "2 was long forgotten"
    assert tracker.update(61 * SECOND, "base", {8: box(0.5)}) == {8: 1}, "put down and seen there"


def test_what_is_carried_nobody_knows_where_has_its_number_only_until_it_left():
    tracker = Tracker()
    tracker.update(0, "base", {1: box(0)})
    assert tracker.update(1, "base", {1: box(0)}, carried={1: None}) == {1: 1}, "closed on, not lifted yet"
    assert tracker.update(2, "base", {}, carried={1: None}) == {}
    assert tracker.update(3, "base", {1: box(0)}, carried={1: None}) == {1: 2}, "something else stands there now"


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_seen_and_nothing_known(count):
    tracker = Tracker()
    boxes = {i + 1: box(i) for i in range(count)}
    assert tracker.update(0, "base", boxes) == {label: label for label in boxes}
    assert tracker.update(1, "base", {}) == {}


def test_box_of_points():
    np.testing.assert_array_equal(box_of(np.array([[0, 5, 2], [3, 1, 4]])), [[0, 1, 2], [3, 5, 4]])


def test_numbers_go_on_beyond_those_that_labels_may_be_and_do_not_fill_the_memory():
    tracker = Tracker()
    given = [tracker.update(0, f"frame {i}", {65534: box(0)})[65534] for i in range(5)]
    assert given == [65534, 65535, 65536, 65537, 65538]
    assert tracker.update(0, "other", {2: box(0)}) == {2: 2}
    assert tracker.update(0, "another", {2: box(0)}) == {2: 65539}
    assert tracker._used == {2, 65534, 65535}
