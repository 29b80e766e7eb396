"""Joining images with depth and mask by stamp, with integers for messages and a clock that is turned by hand."""

import random
from itertools import pairwise

import pytest

from gsn_perception.ros.streams.frame_joining import FrameJoiner

MS = 1_000_000


class Bench:
    """A joiner, what it gave up, and who is alive; times in ms."""

    def __init__(self, streams=("depth", "mask"), slop=20, wait=2000, alive=None, **options):
        self.drops, self.now, self.images, self.alive = [], 0.0, [], set(streams if alive is None else alive)
        self.joiner = FrameJoiner(
            streams,
            slop=slop * MS,
            wait=wait * MS,
            is_alive=lambda stream: stream in self.alive,
            on_drop=self.drop,
            clock=lambda: self.now,
            **options,
        )
        self.sentences = []

    def drop(self, reason):
        self.drops.append(reason)
        lack = self.joiner.missing_stream(0.0) if reason == "unsynchronised" else None
        if lack is not None:
            self.sentences.append(lack.sentence("expected"))

    def __call__(self, *arrivals):
        """(stream, stamp in ms) in order of arrival -> [(stamp, {stream: stamp})]."""
        out = []
        for stream, stamp in arrivals:
            joined = self.joiner.add(stream, round(stamp * MS), stamp)
            if joined is not None:
                out.append((joined.stamp // MS, joined.messages))
        return out

    def lack(self, after=1.0):
        found = self.joiner.missing_stream(after)
        return "" if found is None else found.sentence("advertised on /mask by 1 publisher")


def camera(rate, seconds, *streams):
    """Arrivals of streams in step, as (time in s, order, stream, stamp in ms)."""
    return [(i / rate, order, s, 1000 + 1000 * i / rate) for i in range(int(rate * seconds)) for order, s in streams]


def played(events):
    return [(stream, stamp) for _, _, stream, stamp in sorted(events)]


def test_without_companions_every_image_passes():
    assert Bench(())(("image", 1), ("image", 2)) == [(1, {"image": 1}), (2, {"image": 2})]


def test_streams_that_nobody_publishes_are_not_waited_for():
    bench = Bench(alive=())
    assert bench(("image", 1), ("image", 34)) == [(1, {"image": 1}), (34, {"image": 34})]
    assert bench(("mask", 67), ("image", 67)) == [(67, {"image": 67, "mask": 67})]  # it came all the same
    assert not bench.drops


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_arrival_within_a_frame_gives_every_frame_once(seed):
    rng, arrivals = random.Random(seed), []
    for frame in range(10):
        group = [("image", 100 * frame), ("depth", 100 * frame + 3), ("mask", 100 * frame)]
        rng.shuffle(group)
        arrivals += group
    bench = Bench(slop=5)
    assert bench(*arrivals) == [(100 * f, {"image": 100 * f, "depth": 100 * f + 3, "mask": 100 * f}) for f in range(10)]
    assert not bench.drops


@pytest.mark.parametrize("off", [33, -33, 500, -700])
@pytest.mark.parametrize("stream", ["depth", "mask"])
def test_an_image_is_never_handed_out_without_what_is_alive_but_out_of_step(stream, off):
    """The same 30 frames as with a stream in step, of which every one is joined."""
    for wrong in (0, off):
        events = camera(10, 6, (1, "depth"), (1, "mask"), (2, "image"))
        shifted = [
            (t, o, s, stamp + (wrong - 100 * round(wrong / 100) if s == stream else 0)) for t, o, s, stamp in events
        ]
        bench = Bench()
        made = bench(*played(shifted))
        if wrong % 100 == 0:
            assert len(made) == 60
            assert not bench.drops
        else:
            assert made == []
            assert set(bench.drops) == {"unsynchronised"}
            assert len(bench.drops) >= 60 - 21  # those of the last two seconds may still get theirs


def test_the_sentence_measures_how_far_it_is_and_what_would_do():
    bench = Bench()
    bench(
        *played(
            [(t, o, s, x + 33 * (s == "mask")) for t, o, s, x in camera(10, 4, (0, "depth"), (1, "mask"), (2, "image"))]
        )
    )
    told = bench.sentences[-1]
    assert "nearest mask is 33 ms away, sync_slop is 20 ms" in told
    assert "sync_slop to at least 0.034" in told
    again = Bench(slop=34)
    events = camera(10, 4, (0, "depth"), (1, "mask"), (2, "image"))
    assert len(again(*played([(t, o, s, x + 33 * (s == "mask")) for t, o, s, x in events]))) == 40


def test_no_slop_is_advised_that_would_join_the_wrong_images():
    bench = Bench(slop=5)
    events = camera(30, 4, (1, "mask"), (2, "image"))
    bench.alive = {"mask"}
    bench(*played([(t, o, s, x + 17 * (s == "mask")) for t, o, s, x in events]))
    assert "17 ms away" in bench.sentences[-1] or "16 ms away" in bench.sentences[-1]
    assert "sync_slop to" not in bench.sentences[-1]
    assert "image's stamp" in bench.sentences[-1]


@pytest.mark.parametrize("stamp", [lambda x: 0, lambda x: x + 1.7e12])
def test_stamps_of_another_clock_or_none_are_named(stamp):
    bench = Bench(("mask",))
    events = camera(10, 4, (1, "mask"), (2, "image"))
    assert bench(*played([(t, o, s, 1e6 + (stamp(x) - 1e6 if s == "mask" else x)) for t, o, s, x in events])) == []
    assert "another clock or not at all" in bench.sentences[-1]


def test_a_silent_publisher_is_named_with_how_long_it_is_silent():
    bench = Bench(("mask",))
    for number in range(30):
        assert bench(("image", 100 * number)) == []
        bench.now += 0.1
    assert set(bench.drops) == {"unsynchronised"}
    assert "mask is advertised on /mask by 1 publisher but nothing came for 3.0 s" in bench.lack()
    assert "use_mask to false" in bench.lack()
    bench.alive.clear()  # it went away: frames go on without it, which is said; those that waited are not segmented
    ((stamp, messages),) = bench(("image", 3000))
    assert (stamp, set(messages)) == (3000, {"image"})
    assert bench.lack() == ""


def test_a_publisher_that_comes_up_later_is_waited_for_and_its_end_is_remarked_on():
    bench = Bench(("mask",), alive=())
    assert len(bench(("image", 0))) == 1
    bench.alive = {"mask"}
    assert bench(("image", 100), ("image", 200), ("mask", 200)) == [(200, {"image": 200, "mask": 200})]
    bench.alive = set()
    joined = bench.joiner.add("image", 300 * MS, 300)
    assert [remark.code for remark in bench.joiner.remarks(joined)] == ["mask_gone"]


@pytest.mark.parametrize(
    ("rate", "late", "workers"),
    [(30, 0.2, 1), (30, 0.4, 1), (30, 1.0, 1), (60, 0.5, 1), (15, 1.9, 1), (5, 0.6, 1), (30, 0.6, 3), (30, 1.5, 4)],
)
@pytest.mark.parametrize("depth", [True, False])
def test_late_masks_are_all_joined_and_nothing_else_is_handed_out(rate, late, workers, depth):
    """A segmenter that takes the newest image whenever one of its workers is free."""
    streams = ((0, "depth"), (1, "image")) if depth else ((1, "image"),)
    events, free = camera(rate, 8, *streams), [0.0] * workers
    for number in range(rate * 8):
        t = number / rate
        at = min(range(workers), key=free.__getitem__)
        if t >= free[at] - 1e-9:
            events.append((t + late, 2, "mask", 1000 + 1000 * t))
            free[at] = t + late
    bench = Bench(("depth", "mask") if depth else ("mask",))
    made = bench(*played(events))
    masks = sum(1 for e in events if e[2] == "mask")
    assert len(made) == masks
    assert all(messages["mask"] == pytest.approx(messages["image"], abs=1e-6) for _, messages in made)
    assert set(bench.drops) <= {"no_mask"}, "a segmenter slower than the camera is no fault"


@pytest.mark.parametrize(("slop", "share"), [(20, 0.5), (34, 1.0)])
@pytest.mark.parametrize("late", [0.1, 0.3, 0.9])
def test_depth_at_half_the_rate_serves_the_images_between_where_the_slop_allows_it(slop, share, late):
    """The segmenter takes images with and without depth of their own."""
    events, free, masks = camera(30, 8, (1, "image")), 0.0, 0
    events += [(t, 0, "depth", stamp) for t, _, _, stamp in events[::2]]
    for t, _, _, stamp in list(events):
        if t >= free - 1e-9:
            events.append((t + late, 2, "mask", stamp))
            free, masks = t + late, masks + 1
    bench = Bench(slop=slop)
    made = bench(*played(events))
    assert len(made) == pytest.approx(share * masks, abs=1)
    for stamp, messages in made:
        assert messages["mask"] == messages["image"] == pytest.approx(stamp, abs=1)
        assert abs(messages["depth"] - messages["image"]) <= slop
    assert {round(m["depth"] - m["image"]) for _, m in made} <= ({0} if slop == 20 else {0, 33, -33})


def test_a_depth_image_that_was_used_is_no_other_images_own():
    """With a slop of a whole period each image waits for its own; only what can't come any more is replaced."""
    bench = Bench(slop=34)
    frames = [(s, 1000 + 33 * n) for n in range(9) for s in ("image", "depth", "mask")]
    made = bench(*(frame for frame in frames if frame != ("depth", 1000 + 33 * 4)))
    offsets = {stamp: messages["depth"] - messages["image"] for stamp, messages in made}
    assert offsets.pop(1000 + 33 * 4) == 33
    assert set(offsets.values()) == {0}
    assert len(offsets) == 8


def test_a_publisher_that_falls_silent_is_named_after_a_second_and_one_that_is_late_is_not():
    bench = Bench(("mask",))
    for number in range(40):
        bench(("image", 100 * number))
        if 4 <= number < 20:
            bench(("mask", 100 * (number - 4)))
        if number in (19, 22):
            assert bench.lack() == ""
            assert "comes up to 0.4 s after its image, and that of this one is still to come" in bench.lack(0.0)
        bench.now += 0.1
    assert "nothing came for 2.0 s" in bench.lack()
    assert set(bench.drops) == {"no_mask"}  # every one of them younger than the last join by less than five seconds


def test_depth_and_mask_of_different_images_are_told_apart_from_silence():
    bench = Bench()
    events = [(("image", 100 * n), ("depth" if n % 2 else "mask", 100 * n)) for n in range(60)]
    assert bench(*[arrival for pair in events for arrival in pair]) == []
    assert "though some came for others; publish it for the images that depth and mask share" in bench.sentences[-1]


def test_masks_later_than_max_wait_say_so():
    events = camera(10, 20, (1, "image"))
    events += [(t + 3.0, 2, "mask", 1000 + 1000 * t) for t in range(0, 17)]
    bench = Bench(("mask",))
    assert bench(*played(events)) == []
    assert (
        "mask comes up to 3.0 s after its image, max_wait is 2 s; set max_wait to at least 3.6" in bench.sentences[-1]
    )
    assert len(Bench(("mask",), wait=3600)(*played(events))) == 17


def test_a_stream_slower_than_the_camera_drops_the_images_between_without_a_warning():
    events = camera(30, 4, (2, "image")) + [(t, o, s, x) for t, o, s, x in camera(10, 4, (1, "depth"))]
    bench = Bench(("depth",))
    assert len(bench(*played(events))) == 40
    assert set(bench.drops) == {"no_depth"}


def test_a_mask_goes_to_the_image_it_is_nearest_to_however_wide_the_slop():
    bench = Bench(("mask",), slop=50)
    assert bench(("image", 0), ("image", 33), ("image", 66), ("mask", 33)) == [(33, {"image": 33, "mask": 33})]
    assert bench(("mask", 66)) == [(66, {"image": 66, "mask": 66})]


def test_masks_whose_distance_from_the_image_wavers_are_doubtful():
    def codes(offsets, slop=20):
        bench, found = Bench(("mask",), slop=slop), []
        for number, off in enumerate(offsets):
            for stream, stamp in (("image", 100 * number), ("mask", 100 * number + off)):
                joined = bench.joiner.add(stream, round(stamp * MS), None)
                if joined is not None:
                    found = [remark.code for remark in bench.joiner.remarks(joined)]
        return found

    rng = random.Random(0)
    assert codes([rng.uniform(0, 19) for _ in range(30)]) == ["mask_stamps"]
    assert codes([12] * 30) == []  # its own clock, always as far
    assert codes([rng.uniform(0, 1) for _ in range(30)]) == []  # rounded


class Heavy:
    def __init__(self, size):
        self.data = b"\0" * size


@pytest.mark.parametrize("order", ["depth first", "image first"])
def test_what_waits_is_bounded_in_bytes_and_thinned_evenly(order):
    held, size = 2_000_000, 100_000
    bench = Bench(wait=10_000, held=held, alive=("depth", "mask"))
    for number in range(200):
        for stream in ("depth", "image") if order == "depth first" else ("image", "depth"):
            bench.joiner.add(stream, 33 * number * MS, Heavy(size))
        assert bench.joiner._size() <= held
    stamps = [image.stamp // MS for image in bench.joiner._waiting]
    assert stamps[-1] == 33 * 199
    assert 7 <= len(stamps) <= 10
    gaps = [b - a for a, b in pairwise(stamps)]
    assert max(gaps) < 0.5 * 6600, "a hole"
    assert stamps[0] < 0.5 * 6600, "only the newest are kept"


def test_memory_goes_first_to_what_may_still_come():
    """A segmenter of 0.3 s: nothing older than about 0.5 s is worth its memory, and no mask is lost."""
    events = camera(30, 10, (1, "image"))
    events += [(t / 10 + 0.3, 2, "mask", 1000 + 100 * t) for t in range(0, 90, 3)]
    bench, joined = Bench(("mask",), held=25 * 104_096), 0
    for stream, stamp in played(events):
        message = Heavy(100_000) if stream == "image" else Heavy(0)
        joined += bench.joiner.add(stream, round(stamp * MS), message) is not None
    assert joined == 30


def test_one_image_that_is_asked_for_now_and_then_waits_as_long_as_no_other_comes():
    bench = Bench(("mask",))
    bench(("image", 0))
    for _ in range(5):
        bench.now += 1.0
        bench.joiner.drop_stale()
    assert bench(("mask", 0)) == [(0, {"image": 0, "mask": 0})]


def test_when_all_is_silent_the_images_that_wait_are_given_up_but_the_newest():
    bench = Bench(("mask",))
    bench(*[("image", 100 * n) for n in range(10)])
    bench.now = 1.0
    bench.joiner.drop_stale()
    assert bench.drops == []
    bench.now = 2.5
    bench.joiner.drop_stale()
    assert bench.drops == ["unsynchronised"] * 9


def test_healthy_masks_raise_no_complaint_between_two_of_them():
    bench = Bench(("mask",))
    for number in range(100):
        bench(("image", 100 * number))
        bench.now = number / 10
        if number >= 14 and number % 14 == 0:
            assert len(bench(("mask", 100 * (number - 14)))) == 1
        elif number > 30:
            assert bench.lack() == ""


def test_a_looping_bag_goes_on_delivering():
    bag = [(stream, t) for t in range(0, 500, 100) for stream in ("depth", "mask", "image")]
    assert [stamp for stamp, _ in Bench(slop=2)(*bag, *bag, *bag)] == [0, 100, 200, 300, 400] * 3
    late = [(stream, 10_000 + t) for stream, t in bag]
    assert [stamp for stamp, _ in Bench(slop=2)(*late, *bag)] == [10_000 + 100 * n for n in range(5)] + [
        100 * n for n in range(5)
    ]


def test_one_stamp_out_of_the_future_does_not_end_a_stream():
    bench = Bench(("mask",))
    bench(("mask", 1e12), ("image", 0), ("mask", 0))
    made = bench(*[(stream, 100 * n) for n in range(1, 10) for stream in ("mask", "image")])
    assert [stamp for stamp, _ in made] == [100 * n for n in range(1, 10)]


def test_a_loop_with_a_late_message_of_the_run_before_loses_nothing_but_that():
    arrivals = [("image", 0), ("depth", 0), ("image", 900), ("image", 0), ("depth", 900), ("depth", 0), ("image", 100)]
    made = Bench(("depth",), slop=2)(*arrivals, ("depth", 100))
    assert made == [(0, {"image": 0, "depth": 0})] * 2 + [(100, {"image": 100, "depth": 100})]


def test_a_camera_that_stamps_nothing_is_joined_in_order_of_arrival():
    bench = Bench(("mask",))
    assert len(bench(*[(stream, 0) for _ in range(5) for stream in ("image", "mask")])) == 5
