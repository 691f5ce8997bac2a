"""How long a client of HTTP/1 may keep its connection waiting, and for what."""

from __future__ import annotations

import pytest

from edgegw.http.limits import Limits
from edgegw.wire.http1_patience import Patience

LIMITS = Limits(keep_alive=60.0, head=10.0, idle=5.0)
"""The connection begins at second 0."""


@pytest.mark.parametrize(("now", "expected"), [(59.9, 60.0), (60.0, "request")])
def test_a_connection_at_rest_waits_for_its_next_request(now: float, expected: object) -> None:
    assert Patience(LIMITS, 0.0).overdue(now, is_answering=False) == expected


def test_the_wait_for_the_next_request_begins_with_the_end_of_an_answer() -> None:
    patience = Patience(LIMITS, 0.0)
    patience.rests_since = 30.0
    assert patience.overdue(60.0, is_answering=False) == 90.0


@pytest.mark.parametrize(
    ("heard", "now", "expected"),
    [
        pytest.param(1.0, 5.9, 6.0, id="silence not over"),
        pytest.param(1.0, 6.0, "head", id="silent for the idle time-out"),
        pytest.param(9.0, 10.9, 11.0, id="drop by drop, and still in time"),
        pytest.param(11.0, 11.0, "head", id="drop by drop for too long"),
    ],
)
def test_a_head_may_neither_stop_nor_take_for_ever(
    heard: float, now: float, expected: object
) -> None:
    patience = Patience(LIMITS, 0.0)
    patience.head_since, patience.heard = 1.0, heard
    assert patience.overdue(now, is_answering=False) == expected


def test_a_head_behind_a_request_that_is_answered_has_time() -> None:
    patience = Patience(LIMITS, 0.0)
    patience.head_since = 0.0
    assert patience.overdue(100.0, is_answering=True) == 160.0


@pytest.mark.parametrize("is_answering", [True, False])
def test_who_takes_nothing_of_an_answer_is_left(is_answering: bool) -> None:
    patience = Patience(LIMITS, 0.0)
    patience.full_since = 20.0
    assert patience.overdue(24.9, is_answering=is_answering) == 25.0
    assert patience.overdue(25.0, is_answering=is_answering) == "reader"


def test_without_an_idle_time_out_a_reader_may_take_any_time() -> None:
    patience = Patience(Limits(keep_alive=60.0), 0.0)
    patience.full_since = 0.0
    assert patience.overdue(1000.0, is_answering=True) == 1060.0
