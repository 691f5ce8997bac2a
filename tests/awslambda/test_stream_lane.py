import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.model import Outcome
from edgegw.awslambda.stream_lane import (
    GiveUp,
    Lane,
    LaneWork,
    Pause,
    SendBatch,
    is_dropped,
    lane_of,
)
from edgegw.awslambda.stream_source import DiscardCondition, StreamRecord, StreamRules
from tests.awslambda.streams import ERROR, THROTTLED, batch, numbers, record, reported, returned

MB = 1024 * 1024


def lane_with(rules: StreamRules, *records: StreamRecord, now: float = 0.0) -> Lane:
    lane = Lane(rules)
    for each in records:
        lane.add(each, now)
    return lane


def sent(work: LaneWork) -> list[int]:
    assert isinstance(work, SendBatch)
    return numbers(work.batch)


def tried(lane: Lane, outcome: Outcome, now: float = 0.0) -> int | None:
    work = lane.next_work(now)
    assert isinstance(work, SendBatch)
    return lane.note_outcome(work, outcome, now)


# When a batch is sent


def test_without_a_window_whatever_is_there_goes_at_once() -> None:
    lane = lane_with(StreamRules(), record(1), record(2))

    assert sent(lane.next_work(0.0)) == [1, 2]


def test_with_a_window_it_waits_for_more_until_the_window_is_over() -> None:
    lane = lane_with(StreamRules(batch_window=5), record(1), now=100.0)

    assert lane.next_work(100.0) == Pause(105.0)
    lane.add(record(2), 103.0)
    assert lane.next_work(104.9) == Pause(105.0)
    assert sent(lane.next_work(105.0)) == [1, 2]


def test_a_quick_clock_shortens_the_window() -> None:
    lane = lane_with(StreamRules(batch_window=60, scale=60), record(1), now=100.0)

    assert lane.next_work(100.0) == Pause(101.0)


def test_a_full_batch_waits_for_no_window() -> None:
    lane = lane_with(StreamRules(batch_size=2, batch_window=300), *map(record, (1, 2, 3)))

    assert sent(lane.next_work(0.0)) == [1, 2]


def test_nor_does_one_that_reaches_six_megabytes() -> None:
    records = [record(number, size=2 * MB) for number in (1, 2, 3, 4)]
    lane = lane_with(StreamRules(batch_window=300), *records)

    assert sent(lane.next_work(0.0)) == [1, 2]


def test_a_record_that_is_too_large_by_itself_goes_alone() -> None:
    lane = lane_with(StreamRules(), record(1, size=7 * MB), record(2))

    assert sent(lane.next_work(0.0)) == [1]


def test_nothing_to_do_until_there_is_more() -> None:
    assert Lane(StreamRules()).next_work(0.0) == Pause()


# In order


def test_nothing_newer_is_tried_while_a_batch_fails() -> None:
    lane = lane_with(StreamRules(batch_size=2), *map(record, (1, 2, 3)))

    assert tried(lane, ERROR) is None
    assert lane.next_work(0.5) == Pause(1.0)
    assert sent(lane.next_work(1.0)) == [1, 2]
    assert tried(lane, returned(), 1.0) == 2
    assert sent(lane.next_work(1.0)) == [3]


def test_halves_come_one_after_the_other_and_the_bad_record_ends_alone() -> None:
    """1 2 3 4 with 3 bad: 1234 ✗, 12 ✓, 34 ✗, 3 ✗ given up, 4 ✓."""
    rules = StreamRules(bisect_batch=True, maximum_retry_attempts=0)
    lane = lane_with(rules, *map(record, (1, 2, 3, 4)))
    story: list[object] = []
    for _ in range(6):
        work = lane.next_work(0.0)
        if isinstance(work, SendBatch):
            is_bad = 3 in numbers(work.batch)
            story.append((numbers(work.batch), not is_bad))
            lane.note_outcome(work, ERROR if is_bad else returned(), 0.0)
        elif isinstance(work, GiveUp):
            story.append(("given up", numbers(work.batch), work.condition))
            assert lane.note_given_up(work) == 3

    assert story == [
        ([1, 2, 3, 4], False),
        ([1, 2], True),
        ([3, 4], False),
        ([3], False),
        ("given up", [3], "RetryAttemptsExhausted"),
        ([4], True),
    ]
    assert lane.is_idle


def test_what_stands_before_the_lowest_report_is_done() -> None:
    lane = lane_with(StreamRules(reports_failures=True), *map(record, (1, 2, 3, 4)))

    assert tried(lane, reported("4", "3")) == 2
    assert sent(lane.next_work(1.0)) == [3, 4]


def test_records_beyond_their_age_are_given_up_even_if_they_were_never_tried() -> None:
    lane = lane_with(StreamRules(maximum_record_age=60), record(1, 0.0), record(2, 50.0))

    work = lane.next_work(100.0)

    assert isinstance(work, GiveUp)
    assert (numbers(work.batch), work.condition) == ([1], "RecordAgeExceeded")
    assert work.batch.invocations == 0
    assert lane.note_given_up(work) == 1
    assert sent(lane.next_work(100.0)) == [2]


def test_a_wait_ends_when_the_records_become_too_old() -> None:
    lane = lane_with(StreamRules(maximum_record_age=60), record(1, 0.0))
    for _ in range(8):
        work = lane.next_work(59.0)
        if isinstance(work, SendBatch):
            lane.note_outcome(work, THROTTLED, 59.0)
        lane._not_before = 59.0
    lane._not_before = 500.0

    assert lane.next_work(59.0) == Pause(60.001)
    assert isinstance(lane.next_work(60.1), GiveUp)


def test_records_given_up_for_their_attempts_are_not_done_before_they_are_delivered() -> None:
    lane = lane_with(StreamRules(maximum_retry_attempts=0), record(1))

    assert tried(lane, ERROR) is None
    assert not lane.is_idle
    work = lane.next_work(0.0)
    assert isinstance(work, GiveUp)
    assert work == lane.next_work(0.0)  # until somebody notes it
    assert lane.note_given_up(work) == 1
    assert lane.is_idle


@given(st.lists(st.text(max_size=8), max_size=50), st.integers(1, 10))
def test_a_key_has_one_lane(keys: list[str], factor: int) -> None:
    assert all(lane_of(key, factor) == lane_of(key, factor) for key in keys)
    assert all(0 <= lane_of(key, factor) < factor for key in keys)


def test_ten_lanes_share_the_keys() -> None:
    assert {lane_of(f"user-{n}", 10) for n in range(200)} == set(range(10))


@pytest.mark.parametrize(
    ("condition", "rules", "counts"),
    [
        ("RetryAttemptsExhausted", StreamRules(), True),
        ("RecordAgeExceeded", StreamRules(maximum_record_age=60, retention=86_400), True),
        ("RecordAgeExceeded", StreamRules(retention=86_400), False),
    ],
)
def test_what_the_stream_alone_lets_expire_is_not_dropped(
    condition: DiscardCondition, rules: StreamRules, counts: bool
) -> None:
    assert is_dropped(GiveUp(batch(1), condition), rules) is counts


# Tumbling windows

WINDOWS = StreamRules(tumbling_window=60)


def state(**members: object) -> Outcome:
    return returned({"state": members})


def window_of(work: LaneWork) -> tuple[object, ...]:
    """Records, bounds, state, final, early."""
    assert isinstance(work, SendBatch)
    assert work.window is not None
    bounds = (work.window.start, work.window.end)
    return numbers(work.batch), bounds, dict(work.window.state), work.is_final, work.is_early


def test_the_state_goes_from_batch_to_batch_and_is_given_at_the_end() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0))

    assert window_of(lane.next_work(131.0)) == ([1], (120.0, 180.0), {}, False, False)
    tried(lane, state(n=1), 131.0)
    lane.add(record(2, 170.0), 171.0)
    assert window_of(lane.next_work(171.0)) == ([2], (120.0, 180.0), {"n": 1}, False, False)
    tried(lane, state(n=2), 171.0)

    assert lane.next_work(172.0) == Pause(180.0)
    lane.caught_up_at = 180.1
    assert window_of(lane.next_work(180.2)) == ([], (120.0, 180.0), {"n": 2}, True, False)
    tried(lane, returned(None), 180.2)  # nobody needs a state any more
    assert lane.is_idle


def test_a_batch_ends_with_its_window() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0), record(2, 179.9), record(3, 180.0))

    assert window_of(lane.next_work(190.0))[0] == [1, 2]
    tried(lane, state(n=2), 190.0)
    assert window_of(lane.next_work(190.0)) == ([], (120.0, 180.0), {"n": 2}, True, False)
    tried(lane, state(), 190.0)
    assert window_of(lane.next_work(190.0)) == ([3], (180.0, 240.0), {}, False, False)


def test_a_later_record_ends_the_batching_window_of_the_one_before() -> None:
    rules = StreamRules(tumbling_window=60, batch_window=300)
    lane = lane_with(rules, record(1, 130.0), now=131.0)
    lane.next_work(131.0)
    lane.window = lane._window_of(record(1, 130.0))
    lane.add(record(2, 181.0), 181.0)

    assert window_of(lane.next_work(181.0))[0] == [1]


def test_a_window_is_not_over_while_records_of_it_may_be_unread() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0))
    tried(lane, state(n=1), 131.0)
    lane.caught_up_at = 179.9

    assert lane.next_work(200.0) == Pause()  # until a read that began after its end
    lane.add(record(2, 179.95), 200.0)
    assert window_of(lane.next_work(200.0))[0] == [2]


def test_a_final_invocation_that_fails_holds_up_what_comes_after() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0), record(2, 185.0))
    tried(lane, state(n=1), 190.0)
    tried(lane, ERROR, 190.0)

    assert lane.next_work(190.5) == Pause(191.0)
    assert window_of(lane.next_work(191.0)) == ([], (120.0, 180.0), {"n": 1}, True, False)


def test_a_final_invocation_may_be_given_up() -> None:
    rules = StreamRules(tumbling_window=60, maximum_retry_attempts=0)
    lane = lane_with(rules, record(1, 130.0), record(2, 185.0))
    tried(lane, state(n=1), 190.0)
    tried(lane, ERROR, 190.0)

    work = lane.next_work(190.0)
    assert isinstance(work, GiveUp)
    assert lane.note_given_up(work) is None
    assert window_of(lane.next_work(190.0)) == ([2], (180.0, 240.0), {}, False, False)


def test_a_state_beyond_a_megabyte_ends_its_window_early() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0))
    tried(lane, state(text="x" * MB), 131.0)
    lane.add(record(2, 140.0), 141.0)

    _, bounds, _, is_final, is_early = window_of(lane.next_work(141.0))
    assert (bounds, is_final, is_early) == ((120.0, 180.0), True, True)
    tried(lane, state(), 141.0)
    assert window_of(lane.next_work(141.0)) == ([2], (120.0, 180.0), {}, False, False)


@pytest.mark.parametrize("size", [MB, MB + 1])
def test_a_megabyte_is_not_beyond_a_megabyte(size: int) -> None:
    lane = lane_with(WINDOWS, record(1, 130.0))
    tried(lane, state(t="x" * (size - len('{"t":""}'))), 131.0)

    assert isinstance(lane.next_work(131.0), SendBatch) == (size > MB)


def test_a_failed_batch_leaves_the_state_as_it_was() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0))
    tried(lane, ERROR, 131.0)

    assert window_of(lane.next_work(132.0)) == ([1], (120.0, 180.0), {}, False, False)


def test_with_a_shard_that_was_closed_its_window_ends() -> None:
    lane = lane_with(WINDOWS, record(1, 130.0))
    tried(lane, state(n=1), 131.0)
    lane.is_closing = True

    assert window_of(lane.next_work(132.0)) == ([], (120.0, 180.0), {"n": 1}, True, False)
