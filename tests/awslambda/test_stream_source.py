import pytest

from edgegw.awslambda.model import InvokeRefusal, Outcome, Returned
from edgegw.awslambda.stream_source import (
    ShardBatch,
    StreamRules,
    cut_old,
    judge,
    retry_wait,
    window_state,
)
from tests.awslambda.streams import (
    ERROR,
    REPORT,
    THROTTLED,
    batch,
    numbers,
    record,
    reported,
    returned,
)

PLAIN = StreamRules()
REPORTS = StreamRules(reports_failures=True)
BISECTS = StreamRules(bisect_batch=True, maximum_retry_attempts=0)
BOTH = StreamRules(bisect_batch=True, reports_failures=True, maximum_retry_attempts=0)


@pytest.mark.parametrize(
    ("rules", "outcome", "retried"),
    [
        pytest.param(PLAIN, returned(), [], id="success is the end of it"),
        pytest.param(PLAIN, returned({"any": "thing"}), [], id="whatever it returns"),
        pytest.param(PLAIN, reported("2"), [], id="reports count only where they are asked for"),
        pytest.param(PLAIN, ERROR, [[1, 2, 3, 4]], id="an error fails all"),
        pytest.param(PLAIN, THROTTLED, [[1, 2, 3, 4]], id="a throttle is tried again"),
        pytest.param(
            PLAIN, InvokeRefusal("ServiceException", "x"), [[1, 2, 3, 4]], id="as a refusal"
        ),
        pytest.param(REPORTS, reported(), [], id="an empty list is success"),
        pytest.param(REPORTS, returned(None), [], id="null is success"),
        pytest.param(REPORTS, returned({}), [], id="an empty object is success"),
        pytest.param(REPORTS, returned({"batchItemFailures": None}), [], id="so is a null list"),
        pytest.param(REPORTS, reported("3"), [[3, 4]], id="from the one that failed"),
        pytest.param(REPORTS, reported("4", "2"), [[2, 3, 4]], id="from the lowest one"),
        pytest.param(REPORTS, reported("1"), [[1, 2, 3, 4]], id="the first one is all"),
        pytest.param(REPORTS, reported("4"), [[4]], id="the last one alone"),
        pytest.param(REPORTS, reported(""), [[1, 2, 3, 4]], id="an empty id fails all"),
        pytest.param(REPORTS, reported(None), [[1, 2, 3, 4]], id="a null id fails all"),
        pytest.param(REPORTS, reported("9"), [[1, 2, 3, 4]], id="an unknown id fails all"),
        pytest.param(REPORTS, reported("3", "9"), [[1, 2, 3, 4]], id="beside a known one too"),
        pytest.param(
            REPORTS,
            returned({"batchItemFailures": [{"id": "3"}]}),
            [[1, 2, 3, 4]],
            id="a wrong key fails all",
        ),
        pytest.param(REPORTS, Returned(b"oops", REPORT), [[1, 2, 3, 4]], id="no JSON fails all"),
        pytest.param(REPORTS, ERROR, [[1, 2, 3, 4]], id="an error fails all that report"),
        pytest.param(BISECTS, ERROR, [[1, 2], [3, 4]], id="split in two"),
        pytest.param(BISECTS, THROTTLED, [[1, 2, 3, 4]], id="a throttle splits nothing"),
        pytest.param(BOTH, reported("4"), [[4]], id="split where it failed"),
        pytest.param(BOTH, reported("1"), [[1, 2], [3, 4]], id="in two where that is the first"),
    ],
)
def test_what_is_tried_again(
    rules: StreamRules, outcome: Outcome, retried: list[list[int]]
) -> None:
    verdict = judge(batch(1, 2, 3, 4), outcome, rules)

    assert [numbers(part) for part in verdict.retry] == retried
    assert verdict.discarded is None


@pytest.mark.parametrize(
    ("attempts", "failures", "is_discarded"),
    [(0, 0, True), (1, 0, False), (1, 1, True), (2, 1, False), (10_000, 9_999, False),
     (10_000, 10_000, True), (-1, 999_999, False)],
)  # fmt: skip
def test_so_many_retries_and_no_more(attempts: int, failures: int, is_discarded: bool) -> None:
    rules = StreamRules(maximum_retry_attempts=attempts)

    verdict = judge(batch(1, 2, failures=failures), ERROR, rules)

    assert (verdict.discarded is not None) == is_discarded
    assert bool(verdict.retry) != is_discarded


@pytest.mark.parametrize("outcome", [THROTTLED, InvokeRefusal("ResourceNotFoundException", "x")])
def test_what_never_reached_the_function_is_no_attempt(outcome: Outcome) -> None:
    tried = batch(1, 2)
    for _ in range(50):
        (tried,) = judge(tried, outcome, StreamRules(maximum_retry_attempts=0)).retry

    assert (tried.failures, tried.invocations, tried.misses) == (0, 0, 50)


def test_a_batch_too_large_for_an_invocation_uses_up_its_attempts() -> None:
    refused = InvokeRefusal("RequestTooLargeException", "too large")

    verdict = judge(batch(1), refused, StreamRules(maximum_retry_attempts=0))

    assert numbers(verdict.discarded) == [1]


def test_a_split_counts_no_attempt_and_a_single_record_does() -> None:
    halves = judge(batch(1, 2), ERROR, BISECTS).retry
    assert [part.failures for part in halves] == [0, 0]

    verdict = judge(halves[0], ERROR, BISECTS)
    assert numbers(verdict.discarded) == [1]
    assert verdict.discarded is not None
    assert verdict.discarded.invocations == 2


def test_a_partly_failed_batch_counts_an_attempt_unless_that_splits_it() -> None:
    plain = StreamRules(reports_failures=True, maximum_retry_attempts=0)

    assert numbers(judge(batch(1, 2, 3), reported("2"), plain).discarded) == [2, 3]
    assert judge(batch(1, 2, 3), reported("2"), BOTH).discarded is None


@pytest.mark.parametrize(
    ("misses", "wait"), [(0, 0), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (5000, 60)]
)
def test_waits_grow_to_a_minute(misses: int, wait: float) -> None:
    assert retry_wait(misses) == wait


def test_halves_are_tried_at_once() -> None:
    assert judge(batch(1, 2), ERROR, BISECTS).wait == 0
    assert judge(batch(1, 2), ERROR, PLAIN).wait == 1


# Ages


@pytest.mark.parametrize(
    ("rules", "old"),
    [
        pytest.param(StreamRules(), [], id="records without end"),
        pytest.param(StreamRules(maximum_record_age=60), [1, 2], id="the oldest part of it"),
        pytest.param(StreamRules(maximum_record_age=61, scale=2), [1, 2, 3], id="a quick clock"),
        pytest.param(StreamRules(retention=60), [1, 2], id="what the stream itself has dropped"),
        pytest.param(StreamRules(maximum_record_age=300), [], id="nothing is so old"),
        pytest.param(StreamRules(maximum_record_age=20, retention=86_400), [1, 2, 3], id="both"),
    ],
)
def test_the_part_that_is_too_old(rules: StreamRules, old: list[int]) -> None:
    aged = ShardBatch(
        tuple(record(n, at) for n, at in ((1, 0.0), (2, 39.0), (3, 60.0))), failures=1
    )

    given_up, rest = cut_old(aged, rules, 100.0)

    assert numbers(given_up) == old
    assert numbers(rest) == [number for number in (1, 2, 3) if number not in old]
    assert rest.failures == 1


def test_exactly_so_old_is_not_too_old() -> None:
    assert not StreamRules(maximum_record_age=60).is_too_old(record(1, 40.0), 100.0)
    assert StreamRules(maximum_record_age=60).is_too_old(record(1, 39.9), 100.0)


# State of windows


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b'{"state": {"n": 1}}', {"n": 1}),
        (b'{"state": {}}', {}),
        (b'{"state": null}', None),
        (b'{"state": 5}', None),
        (b'{"batchItemFailures": []}', None),
        (b"null", None),
        (b"", None),
        (b"[]", None),
        (b"no JSON", None),
    ],
)
def test_the_state_of_an_answer(answer: bytes, state: object) -> None:
    assert window_state(answer) == state


def test_an_answer_without_state_fails_the_batch_of_a_window() -> None:
    windows = StreamRules(tumbling_window=60)

    assert [numbers(part) for part in judge(batch(1), returned({}), windows).retry] == [[1]]
    assert judge(batch(1), returned({"state": {}}), windows).retry == ()
