"""Who is given what: visibility, dead letters, and groups that never overtake."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.messaging.queue import QueueSettings, Redrive
from edgegw.messaging.queue_errors import QueueError
from edgegw.messaging.receipts import Receipt, read_handle, receipt_handle
from edgegw.messaging.receiving import (
    MAX_VISIBILITY,
    ReceivePlan,
    StoredMessage,
    check_visibility,
    may_change_visibility,
    may_delete,
    plan_receive,
)

NOW = 1000.0
STANDARD = QueueSettings(name="q")
FIFO = QueueSettings(name="q.fifo")


def message(number: int, group: str | None = None, state: str = "visible") -> StoredMessage:
    """`state` is visible, flying (in flight), delayed, dead (received twice) or old."""
    hidden = state in {"flying", "delayed"}
    return StoredMessage(
        number,
        group,
        NOW + 30 if hidden else NOW,
        2 if state == "dead" else 1 if state == "flying" else 0,
        100.0 if state == "old" else 900.0,
    )


def plan(messages: list[StoredMessage], queue: QueueSettings, limit: int = 10) -> ReceivePlan:
    return plan_receive(messages, queue, NOW, limit, 100.0)


@pytest.mark.parametrize(
    ("case", "rows", "given", "dead"),
    [
        ("a group in order", ["a visible", "a visible", "a visible"], [1, 2, 3], []),
        ("a message in flight holds its group up", ["a flying", "a visible"], [], []),
        ("and no other group", ["a flying", "a visible", "b visible"], [3], []),
        ("what stands before it is given", ["a visible", "a flying", "a visible"], [1], []),
        ("a delayed one too", ["a delayed", "a visible", "b visible"], [3], []),
        ("a dead letter holds nobody up", ["a dead", "a visible"], [2], [1]),
        ("nor several", ["a dead", "a dead", "a visible"], [3], [1, 2]),
        ("a dead one behind one in flight waits", ["a flying", "a dead", "a visible"], [], []),
        ("an old one holds nobody up", ["a old", "a visible"], [2], []),
        ("groups interleaved", ["a visible", "b flying", "a visible", "b visible"], [1, 3], []),
    ],
)
def test_a_fifo_queue_gives_beginnings_of_its_groups(
    case: str, rows: list[str], given: list[int], dead: list[int]
) -> None:
    queue = QueueSettings(name="q.fifo", redrive=Redrive("d.fifo", 2))
    messages = [message(at + 1, *row.split()) for at, row in enumerate(rows)]
    answer = plan(messages, queue)
    assert (answer.given, answer.dead) == (given, dead)


def test_a_standard_queue_gives_whatever_is_visible() -> None:
    rows = ["flying", "visible", "dead", "visible", "old"]
    messages = [message(at + 1, None, state) for at, state in enumerate(rows)]
    answer = plan(messages, QueueSettings(name="q", redrive=Redrive("d", 2)))
    assert (answer.given, answer.dead, answer.expired) == ([2, 4], [3], [5])
    assert plan(messages, STANDARD).given == [2, 3, 4]  # without a dead letter queue, for ever
    assert answer.hidden_until == [NOW + 30]


def test_no_more_is_given_than_wanted_and_nothing_looked_at_beyond() -> None:
    looked_at: list[int] = []

    def rows():
        for number in range(1, 100):
            looked_at.append(number)
            yield message(number, f"g{number}")

    assert plan_receive(rows(), FIFO, NOW, 3, 0.0).given == [1, 2, 3]
    assert looked_at == [1, 2, 3]


STATES = st.sampled_from(["visible", "flying", "delayed", "dead", "old"])
ROWS = st.lists(st.tuples(st.sampled_from("abc"), STATES), max_size=40)


@given(rows=ROWS, limit=st.integers(1, 12), redriven=st.booleans())
def test_what_is_given_of_a_group_is_a_beginning_of_what_remains(
    rows: list[tuple[str, str]], limit: int, redriven: bool
) -> None:
    queue = QueueSettings(name="q.fifo", redrive=Redrive("d.fifo", 2) if redriven else None)
    messages = [message(at + 1, group, state) for at, (group, state) in enumerate(rows)]
    answer = plan(messages, queue, limit)
    assert answer.given == sorted(answer.given)
    assert len(answer.given) <= limit
    gone = {*answer.dead, *answer.expired}
    for group in "abc":
        own = [each.number for each in messages if each.group == group and each.number not in gone]
        of_group = [number for number in answer.given if number in own]
        assert own[: len(of_group)] == of_group
    if len(answer.given) < limit:  # whoever could be given was given
        for group in "abc":
            rest = [
                each
                for each in messages
                if each.group == group and each.number not in {*gone, *answer.given}
            ]
            assert not rest or rest[0].visible_at > NOW


# Receipts


@given(
    name=st.text("abc-_", min_size=1), number=st.integers(1, 2**62), receives=st.integers(0, 999)
)
def test_a_handle_reads_as_it_was_written(name: str, number: int, receives: int) -> None:
    receipt = Receipt(number, receives)
    assert read_handle(name, receipt_handle(name, receipt)) == receipt


@given(handle=st.text())
def test_whatever_else_is_no_handle(handle: str) -> None:
    with pytest.raises(QueueError, match="is not a valid receipt handle") as caught:
        read_handle("q", handle)
    assert (caught.value.code, caught.value.status) == ("ReceiptHandleIsInvalid", 404)


def test_a_handle_is_of_one_queue() -> None:
    with pytest.raises(QueueError):
        read_handle("other", receipt_handle("q", Receipt(1, 1)))


FLYING = StoredMessage(1, "a", NOW + 30, 2, 900.0, NOW)
BACK = StoredMessage(1, "a", NOW, 2, 900.0, NOW - 30)
EXPIRED = "Value h for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."


@pytest.mark.parametrize(
    ("queue", "stored", "receives", "answer"),
    [
        (STANDARD, FLYING, 2, True),
        (STANDARD, FLYING, 1, False),  # an older handle: no error, and no effect
        (STANDARD, BACK, 2, True),  # too late, and nobody had it since
        (STANDARD, None, 2, False),
        (FIFO, FLYING, 2, True),
        (FIFO, FLYING, 1, EXPIRED),
        (FIFO, BACK, 2, EXPIRED),
        (FIFO, None, 2, False),
    ],
)
def test_what_a_handle_deletes(
    queue: QueueSettings, stored: StoredMessage | None, receives: int, answer: object
) -> None:
    def asked() -> bool:
        return may_delete(stored, Receipt(1, receives), "h", queue, NOW)

    if isinstance(answer, str):
        with pytest.raises(QueueError) as caught:
            asked()
        assert caught.value.text == answer
    else:
        assert asked() is answer


@pytest.mark.parametrize(
    ("queue", "stored", "receives", "answer"),
    [
        (STANDARD, FLYING, 2, True),
        (STANDARD, FLYING, 1, True),
        (STANDARD, BACK, 2, False),
        (STANDARD, None, 2, None),
        (FIFO, FLYING, 2, True),
        (FIFO, FLYING, 1, None),
        (FIFO, BACK, 2, None),
    ],
)
def test_what_a_handle_hides_anew(
    queue: QueueSettings, stored: StoredMessage | None, receives: int, answer: bool | None
) -> None:
    def asked() -> bool:
        return may_change_visibility(stored, Receipt(1, receives), "h", queue, NOW)

    if answer is None:
        with pytest.raises(QueueError, match="is not available for visibility timeout change"):
            asked()
    else:
        assert asked() is answer


@pytest.mark.parametrize(
    ("seconds", "already", "is_fine"),
    [
        (0, 0, True),
        (43_200, 0.9, True),
        (43_200, 1, False),
        (43_201, 0, False),
        (-1, 0, False),
        (1, 43_199.5, True),
    ],
)
def test_nobody_keeps_a_message_for_more_than_twelve_hours(
    seconds: float, already: float, is_fine: bool
) -> None:
    assert MAX_VISIBILITY == 12 * 3600
    if is_fine:
        check_visibility(seconds, already)
    else:
        with pytest.raises(QueueError, match="VisibilityTimeout"):
            check_visibility(seconds, already)
