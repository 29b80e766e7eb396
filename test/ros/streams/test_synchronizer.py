"""Joining streams by stamp, with integers for messages."""

from gsn_perception.ros.streams.synchronizer import StampSynchronizer

MS = 1_000_000


def joins(sync, *arrivals):
    """(stream, stamp in ms) in order of arrival -> [(stamp, {stream: stamp})]."""
    out = []
    for stream, stamp in arrivals:
        joined = sync.add(stream, stamp * MS, stamp)
        if joined is not None:
            out.append((joined.stamp // MS, joined.messages))
    return out


def test_one_required_stream_passes_through():
    assert joins(StampSynchronizer(["image"]), ("image", 1), ("image", 2)) == [(1, {"image": 1}), (2, {"image": 2})]


def test_slop_is_the_largest_difference():
    def sync():
        return StampSynchronizer(["a", "b"], slop=5 * MS)

    assert joins(sync(), ("a", 10), ("b", 15)) == [(10, {"a": 10, "b": 15})]
    assert joins(sync(), ("a", 10), ("b", 16)) == []


def test_the_nearest_message_is_taken():
    sync = StampSynchronizer(["image", "depth"], slop=10 * MS)
    assert joins(sync, ("depth", 92), ("depth", 99), ("depth", 108), ("image", 100)) == [
        (100, {"image": 100, "depth": 99})
    ]


def test_newest_wins_and_older_pivots_are_dropped():
    dropped = []
    sync = StampSynchronizer(["image", "depth"], on_drop=dropped.append)
    assert joins(sync, ("image", 1), ("image", 2), ("image", 3), ("depth", 3)) == [(3, {"image": 3, "depth": 3})]
    assert dropped == [1 * MS, 2 * MS]
    assert joins(sync, ("depth", 2), ("image", 4), ("depth", 4)) == [(4, {"image": 4, "depth": 4})]


def test_queues_are_bounded():
    dropped = []
    sync = StampSynchronizer(["image", "depth"], queue=3, on_drop=dropped.append)
    joins(sync, *[("image", t) for t in range(10)], *[("depth", t) for t in range(100, 110)])
    assert dropped == [t * MS for t in range(7)]
    assert joins(sync, ("image", 109)) == [(109, {"image": 109, "depth": 109})]


def test_a_looping_bag_goes_on_delivering():
    sync = StampSynchronizer(["image", "depth", "mask"], slop=2 * MS)
    bag = [(stream, t) for t in range(0, 500, 100) for stream in ("depth", "mask", "image")]
    assert [stamp for stamp, _ in joins(sync, *bag, *bag, *bag)] == [0, 100, 200, 300, 400] * 3


def test_equal_stamps_make_a_second_join():
    sync = StampSynchronizer(["points", "mesh"])
    assert len(joins(sync, ("points", 5), ("mesh", 5), ("mesh", 5), ("points", 5))) == 2


def test_waiting_for_and_reset():
    sync = StampSynchronizer(["image", "info"])
    sync.add("image", 1, None)
    assert sync.waiting_for() == ["info"]
    sync.reset()
    assert sync.waiting_for() == ["image", "info"]


def test_messages_need_not_be_comparable():
    sync = StampSynchronizer(["a", "b"])
    for _ in range(3):
        sync.add("a", 5, object())
    assert sync.add("b", 5, object()) is not None
