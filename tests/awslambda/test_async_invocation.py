"""When an event that waits is tried again, and when nobody tries any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.async_invocation import (
    AsyncEvent,
    Ended,
    EventInvokeConfig,
    EventSettings,
    LastTry,
    TryAgain,
    after_try,
    back_off,
    before_try,
    check_event_size,
    error_message,
    failed_try_line,
    given_up_line,
)
from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    InvokeRefusal,
    Outcome,
    Report,
    Returned,
    Throttled,
)
from edgegw.awslambda.service_errors import ServiceError

EVENT = AsyncEvent(
    request_id="r-1", function=FunctionRef("f"), payload=b"{}", trace_id="", accepted=1000.0
)
RETURNED = Returned(b'"done"', Report(version="$LATEST"))
FAILED = FunctionError("ValueError", "no", b'{"errorMessage":"no"}', Report(version="7"))
BUSY = Throttled()
BROKEN = InvokeRefusal("ServiceException", "a fault of Lambda's own")


def settings(retries: int | None = None, age: int | None = None, **more: Any) -> EventSettings:
    config = EventInvokeConfig(maximum_retry_attempts=retries, maximum_event_age=age)
    return EventSettings(config=config, **more)


class TestLines:
    """What a log says of a try that failed, and of an event that is given up."""

    def test_a_failed_try_says_when_the_next_one_comes(self) -> None:
        step = after_try(EVENT, FAILED, settings(), 0.0)
        assert isinstance(step, TryAgain)
        line = "f: the event r-1 failed, try 1; again after 60 s: no"
        assert failed_try_line(step) == line

    @pytest.mark.parametrize(
        ("last", "line"),
        [
            pytest.param(LastTry(200, "a\nb"), "1 try (RetriesExhausted): a b", id="one line"),
            pytest.param(LastTry(200, "x" * 999), f": {'x' * 200}", id="not too long"),
            pytest.param(None, "1 try (RetriesExhausted)", id="no reason"),
        ],
    )
    def test_the_end_says_why(self, last: LastTry | None, line: str) -> None:
        function = FunctionRef("f", qualifier="live")
        event = replace(EVENT, function=function, invokes=1, last=last)
        text = given_up_line(Ended(event, "RetriesExhausted"))
        assert text.startswith("f:live: the event r-1 is given up after 1 try")
        assert text.endswith(line)


class TestRetryTimes:
    """Waits after a function error: one minute, two minutes, then nothing more."""

    @pytest.mark.parametrize(
        ("retries", "ran_before", "wait"),
        [
            pytest.param(None, 0, 60, id="first error: a minute"),
            pytest.param(None, 1, 120, id="second error: two minutes"),
            pytest.param(None, 2, None, id="third error: given up"),
            pytest.param(2, 1, 120, id="two retries are the default"),
            pytest.param(1, 0, 60, id="one retry: a minute"),
            pytest.param(1, 1, None, id="one retry: given up at the second error"),
            pytest.param(0, 0, None, id="no retry: given up at once"),
        ],
    )
    def test_wait(self, retries: int | None, ran_before: int, wait: float | None) -> None:
        event = replace(EVENT, invokes=ran_before)
        step = after_try(event, FAILED, settings(retries), age=1.0)
        assert step.event.invokes == ran_before + 1
        if wait is None:
            assert isinstance(step, Ended)
            assert step.condition == "RetriesExhausted"
        else:
            assert isinstance(step, TryAgain)
            assert step.wait == wait

    @pytest.mark.parametrize(
        "outcome",
        [
            FAILED,
            replace(FAILED, error_type="Sandbox.Timedout"),
            replace(FAILED, error_type="Runtime.OutOfMemory"),
        ],
    )
    def test_all_that_the_function_does_wrong_counts(self, outcome: Outcome) -> None:
        step = after_try(EVENT, outcome, settings(0), age=0)
        assert isinstance(step, Ended)
        assert step.event.last == LastTry(200, "no", "7", b'{"errorMessage":"no"}')

    def test_a_result_ends_it(self) -> None:
        step = after_try(EVENT, RETURNED, settings(), age=0)
        assert isinstance(step, Ended)
        assert (step.condition, step.event.invokes) == ("Success", 1)
        assert step.event.last == LastTry(200, "", "$LATEST", b'"done"')


class TestThrottles:
    """What Lambda could not run waits 1 s … 5 min, for as long as the event may live."""

    @pytest.mark.parametrize(
        ("throttles", "wait"),
        [
            (0, 1),
            (1, 2),
            (2, 4),
            (3, 8),
            (4, 16),
            (5, 32),
            (6, 64),
            (7, 128),
            (8, 256),
            (9, 300),
            (10, 300),
            (5000, 300),
        ],
    )
    def test_each_in_a_row_waits_twice_as_long(self, throttles: int, wait: float) -> None:
        assert back_off(throttles) == wait
        step = after_try(replace(EVENT, throttles=throttles), BUSY, settings(), age=1.0)
        assert isinstance(step, TryAgain)
        assert step.wait == wait

    @pytest.mark.parametrize(
        ("outcome", "code", "text"),
        [
            pytest.param(BUSY, 429, "Rate Exceeded.", id="throttled"),
            pytest.param(BROKEN, 500, "a fault of Lambda's own", id="Lambda's fault"),
            pytest.param(
                InvokeRefusal("ResourceNotFoundException", "gone"),
                404,
                "gone",
                id="the function is gone",
            ),
            pytest.param(InvokeRefusal("Unheard", "of"), 500, "of", id="a code without status"),
        ],
    )
    def test_they_use_up_no_retry(self, outcome: Outcome, code: int, text: str) -> None:
        event = replace(EVENT, invokes=2)
        step = after_try(event, outcome, settings(2), age=1.0)
        assert isinstance(step, TryAgain)
        assert (step.event.invokes, step.event.throttles) == (2, 1)
        assert step.event.last == LastTry(code, text)

    def test_a_run_ends_the_row(self) -> None:
        step = after_try(replace(EVENT, throttles=7), FAILED, settings(), age=1.0)
        assert step.event.throttles == 0

    def test_what_an_earlier_run_brought_stays(self) -> None:
        last = LastTry(200, "no", "7", b"{}")
        step = after_try(replace(EVENT, invokes=1, last=last), BUSY, settings(), age=1.0)
        assert step.event.last == last


class TestAges:
    @pytest.mark.parametrize(
        ("age", "maximum", "is_over"),
        [
            pytest.param(0, 60, False, id="fresh"),
            pytest.param(59.9, 60, False, id="just young enough"),
            pytest.param(60, 60, True, id="at the limit"),
            pytest.param(21_599, None, False, id="six hours are the default"),
            pytest.param(21_600, None, True, id="and its end"),
        ],
    )
    def test_before_a_try(self, age: float, maximum: int | None, is_over: bool) -> None:
        ended = before_try(EVENT, settings(age=maximum), age)
        assert (ended is not None) == is_over
        if ended is not None:
            assert ended.condition == "EventAgeExceeded"
            assert ended.event.invokes == 0

    @pytest.mark.parametrize(
        ("outcome", "age", "maximum", "wait"),
        [
            pytest.param(FAILED, 0.5, 60, 59.5, id="a retry would come too late: given up at 60 s"),
            pytest.param(FAILED, 0.5, 61, 60, id="a retry comes just in time"),
            pytest.param(BUSY, 59.5, 60, 0.5, id="a back-off ends with the age"),
            pytest.param(FAILED, 70, 60, 0, id="older already: no wait at all"),
        ],
    )
    def test_no_wait_outlives_the_event(
        self, outcome: Outcome, age: float, maximum: int, wait: float
    ) -> None:
        step = after_try(EVENT, outcome, settings(age=maximum), age)
        assert isinstance(step, TryAgain)
        assert step.wait == wait

    def test_the_last_error_goes_with_it(self) -> None:
        last = LastTry(200, "no", "7", b"{}")
        ended = before_try(replace(EVENT, invokes=1, last=last), settings(age=60), 60)
        assert ended is not None
        assert ended.event.last == last

    def test_one_that_never_ran_was_throttled(self) -> None:
        ended = before_try(EVENT, settings(age=60), 60)
        assert ended is not None
        assert ended.event.last == LastTry(429, "Rate Exceeded.")


class TestWithoutATry:
    def test_no_concurrency_at_all(self) -> None:
        ended = before_try(EVENT, settings(reserved=0), 0)
        assert ended is not None
        assert (ended.condition, ended.event.invokes) == ("ZeroReservedConcurrency", 0)
        assert before_try(EVENT, settings(reserved=1), 0) is None

    @pytest.mark.parametrize(
        ("turn", "allows", "is_over"),
        [(16, False, False), (17, False, True), (17, True, False)],
    )
    def test_a_loop(self, turn: int, allows: bool, is_over: bool) -> None:
        ended = before_try(replace(EVENT, turn=turn), settings(allows_loops=allows), 0)
        assert (ended is not None) == is_over
        if ended is not None and ended.event.last is not None:
            assert ended.event.last.code == 400
            assert "recursive loop" in ended.event.last.error


@pytest.mark.parametrize(
    ("size", "is_refused"), [(0, False), (1_048_576, False), (1_048_577, True)]
)
def test_an_event_has_a_megabyte(size: int, is_refused: bool) -> None:
    if not is_refused:
        check_event_size(size)
        return
    with pytest.raises(ServiceError) as caught:
        check_event_size(size)
    assert caught.value.status == 413
    assert (
        str(caught.value.message)
        == "Request must be smaller than 1048576 bytes for the InvokeFunction operation"
    )


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (LastTry(200, "no"), "no"),
        (LastTry(200, "", "1", b'{"errorMessage": "inner"}'), "inner"),
        (LastTry(200, "", "1", b"no json"), ""),
        (LastTry(200, "", "1", b'{"errorMessage": "%s"}' % (b"x" * 1025)), "x" * 1024),
        (
            LastTry(200, "", "1", b'{"errorMessage": "%s"}' % ("ä" * 600).encode()),
            "ä" * 512,
        ),
    ],
)
def test_of_an_error_message_the_first_kilobyte(last: LastTry, text: str) -> None:
    assert error_message(last) == text


@given(
    outcomes=st.lists(st.sampled_from([FAILED, BUSY, BROKEN]), max_size=400),
    retries=st.integers(0, 2),
    maximum=st.integers(60, 21_600),
)
def test_whatever_goes_wrong_an_event_comes_to_an_end(
    outcomes: list[Outcome], retries: int, maximum: int
) -> None:
    """Never more runs than retries and one, never a try beyond its age."""
    event, age, limits = EVENT, 0.0, settings(retries, maximum)
    for outcome in outcomes:
        if (ended := before_try(event, limits, age)) is not None:
            assert age >= maximum
            assert ended.condition == "EventAgeExceeded"
            return
        step = after_try(event, outcome, limits, age)
        assert step.event.invokes <= retries + 1
        if isinstance(step, Ended):
            assert step.event.invokes == retries + 1
            return
        event, age = step.event, age + step.wait
        assert age <= maximum
