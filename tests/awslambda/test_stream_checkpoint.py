import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.stream_checkpoint import (
    ShardCheckpoint,
    ShardProgress,
    decode_checkpoint,
    encode_checkpoint,
)
from edgegw.awslambda.stream_lane import TumblingWindow, lane_of
from tests.awslambda.streams import record


def two_lanes() -> tuple[str, str]:
    """Two keys that go through different lanes of two."""
    keys = [f"key-{number}" for number in range(20)]
    first = next(key for key in keys if lane_of(key, 2) == 0)
    return first, next(key for key in keys if lane_of(key, 2) == 1)


def test_the_checkpoint_is_where_everything_before_is_done() -> None:
    left, right = two_lanes()
    progress = ShardProgress(ShardCheckpoint(), 2)
    for number, key in ((1, left), (2, right), (3, left), (4, right)):
        progress.take(record(number, key=key), is_wanted=True)

    progress.note_done(1, 4)
    assert progress.checkpoint() == ShardCheckpoint(after=None, factor=2, lanes={1: 4})
    progress.note_done(0, 1)
    assert progress.checkpoint() == ShardCheckpoint(after="2", factor=2, lanes={1: 4})
    progress.note_done(0, 3)
    assert progress.checkpoint() == ShardCheckpoint(after="4", factor=2)


def test_what_a_lane_had_done_is_left_out_after_a_restart() -> None:
    left, right = two_lanes()
    progress = ShardProgress(ShardCheckpoint(after="2", factor=2, lanes={1: 4}), 2)

    taken = [
        progress.take(record(number, key=key), is_wanted=True)
        for number, key in ((3, left), (4, right), (5, right))
    ]

    assert taken == [0, None, 1]


def test_with_another_number_of_lanes_it_reads_on_from_the_checkpoint() -> None:
    progress = ShardProgress(ShardCheckpoint(after="2", factor=2, lanes={1: 4}), 1)

    assert progress.take(record(4, key=two_lanes()[1]), is_wanted=True) == 0


def test_records_that_filters_leave_out_are_done() -> None:
    progress = ShardProgress(ShardCheckpoint(), 1)

    assert progress.take(record(1), is_wanted=False) is None
    assert progress.after == "1"
    progress.take(record(2), is_wanted=True)
    progress.take(record(3), is_wanted=False)
    assert progress.after == "1"
    progress.note_done(0, 2)
    assert progress.after == "3"


@pytest.mark.parametrize(
    "checkpoint",
    [
        ShardCheckpoint(),
        ShardCheckpoint(after="4959" * 14, factor=10, lanes={0: 5, 9: 10**55}),
        ShardCheckpoint(
            windows={0: TumblingWindow(60.0, 120.0, {"n": [1, "ü", None]}, 22)}, is_finished=True
        ),
    ],
)
def test_what_is_written_is_read_again(checkpoint: ShardCheckpoint) -> None:
    decoded = decode_checkpoint(encode_checkpoint(checkpoint))

    assert (decoded.after, decoded.factor, decoded.lanes) == (
        checkpoint.after, checkpoint.factor, checkpoint.lanes,
    )  # fmt: skip
    assert decoded.is_finished == checkpoint.is_finished
    assert [(w.start, w.end, w.state) for w in decoded.windows.values()] == [
        (w.start, w.end, w.state) for w in checkpoint.windows.values()
    ]


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30),
    st.integers(1, 4),
    st.data(),
)
def test_whenever_it_stops_nothing_is_lost(
    keys: list[str], factor: int, data: st.DataObject
) -> None:
    """Lanes do their records in any interleaving; what a restart leaves out was done."""
    progress = ShardProgress(ShardCheckpoint(), factor)
    records = [record(number, key=key) for number, key in enumerate(keys, 1)]
    queues: dict[int, list[int]] = {}
    for each in records:
        lane = progress.take(each, is_wanted=True)
        assert lane is not None
        queues.setdefault(lane, []).append(each.number)
    done = set[int]()
    for _ in range(data.draw(st.integers(0, len(records)))):
        lane = data.draw(st.sampled_from([lane for lane, left in queues.items() if left]))
        done.add(queues[lane][0])
        progress.note_done(lane, queues[lane].pop(0))

    kept = decode_checkpoint(encode_checkpoint(progress.checkpoint()))
    again = ShardProgress(kept, factor)
    start = 0 if kept.after is None else int(kept.after)
    read = [each for each in records if each.number > start]
    repeated = {each.number for each in read if again.take(each, is_wanted=True) is not None}

    assert repeated == {each.number for each in records} - done
