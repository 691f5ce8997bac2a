"""Queues on disk: what `messaging` decides, done in SQL within one transaction.

Every function is (part of) a work of a `StateFile`. Messages are numbered in the order of their
being sent, and a number is never used again: it is what a FIFO queue keeps order by, what a
receipt handle names, and what sequence numbers are made of.

`lane` is the message group where order is kept by it, NULL in a standard queue. So each kind has
an index of its own: by the time at which messages are visible, or in order, with all that has to
be known of a message without reading it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from edgegw.execution.queue_rows import (
    MESSAGE_COLUMNS,
    attributes_text,
    received_message,
)
from edgegw.messaging.digests import md5_of_attributes, md5_of_body
from edgegw.messaging.message_attributes import TRACE_HEADER
from edgegw.messaging.queue import (
    MessageAttribute,
    QueueCounts,
    QueueSettings,
    ReceivedMessage,
    SendMessage,
    SentMessage,
)
from edgegw.messaging.receiving import (
    MAX_LOOKED_AT,
    ReceivePlan,
    StoredMessage,
    plan_receive,
)
from edgegw.messaging.sending import deduplication_id, deduplication_scope
from edgegw.values import value

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL, lane TEXT,
    visible_at REAL NOT NULL, receives INTEGER NOT NULL, sent REAL NOT NULL,
    received REAL NOT NULL, first_received REAL,
    message_id TEXT NOT NULL, group_id TEXT, deduplication_id TEXT, trace_header TEXT,
    source TEXT, attributes TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_time ON messages (queue, visible_at) WHERE lane IS NULL;
CREATE INDEX IF NOT EXISTS messages_in_order
    ON messages (queue, number, lane, visible_at, receives, sent, received)
    WHERE lane IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent);
CREATE TABLE IF NOT EXISTS deduplications (
    queue TEXT NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL,
    message_id TEXT NOT NULL, number INTEGER NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (queue, scope, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deduplications_by_time ON deduplications (until);
CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY, attributes TEXT NOT NULL, tags TEXT NOT NULL,
    created REAL NOT NULL, modified REAL NOT NULL
);
"""
_STORED: Final = "number, lane, visible_at, receives, sent, received"
_BY_TIME: Final = (
    f"SELECT {_STORED} FROM messages WHERE queue = ? AND lane IS NULL AND visible_at <= ? "  # noqa: S608
    "ORDER BY visible_at, number"
)
_IN_ORDER: Final = (
    f"SELECT {_STORED} FROM messages INDEXED BY messages_in_order "  # noqa: S608
    "WHERE queue = ? AND lane IS NOT NULL ORDER BY number"
)
_INSERT: Final = (
    "INSERT INTO messages (queue, lane, visible_at, receives, sent, received, message_id, group_id,"
    " deduplication_id, trace_header, attributes, body) VALUES (?, ?, ?, 0, ?, 0, ?, ?, ?, ?, ?, ?)"
)
_MOVED: Final = (
    "group_id, deduplication_id, trace_header, attributes, body, received, first_received"
)


@value
class Arrival:
    """A message that is to be kept: its new id, and from when on it can be received."""

    message: SendMessage
    message_id: str
    visible_at: float


@value
class Instant:
    """The present, and what its seconds mean: instants before which things are too old.

    `forgotten_at` is when a deduplication id that is used now is forgotten.
    """

    now: float
    oldest: float
    forgotten_at: float


# Sending


def put(
    connection: sqlite3.Connection, queue: QueueSettings, arrivals: Sequence[Arrival], at: Instant
) -> list[SentMessage]:
    """Keeps messages in this order; one that a FIFO queue knows already is answered as then."""
    return [_put_one(connection, queue, arrival, at) for arrival in arrivals]


def _put_one(
    connection: sqlite3.Connection, queue: QueueSettings, arrival: Arrival, at: Instant
) -> SentMessage:
    message = arrival.message
    if not queue.is_fifo:
        _insert(connection, queue, arrival, None, at.now)
        return sent_message(message, arrival.message_id)
    identity = deduplication_id(message, queue)
    key = (queue.name, deduplication_scope(message, queue), identity)
    same = connection.execute(
        "SELECT message_id, number FROM deduplications "
        "WHERE queue = ? AND scope = ? AND id = ? AND until > ?",
        (*key, at.now),
    ).fetchone()
    if same is not None:
        return sent_message(message, same[0], same[1])
    number = _insert(connection, queue, arrival, identity, at.now)
    connection.execute(
        "INSERT OR REPLACE INTO deduplications VALUES (?, ?, ?, ?, ?, ?)",
        (*key, arrival.message_id, number, at.forgotten_at),
    )
    return sent_message(message, arrival.message_id, number)


def _insert(
    connection: sqlite3.Connection,
    queue: QueueSettings,
    arrival: Arrival,
    identity: str | None,
    now: float,
) -> int:
    message = arrival.message
    row = (
        queue.name,
        message.group_id if queue.is_fifo else None,
        arrival.visible_at,
        now,
        arrival.message_id,
        message.group_id,
        identity,
        message.trace_header,
        attributes_text(message.attributes),
        message.body,
    )
    number = connection.execute(_INSERT, row).lastrowid
    assert number is not None
    return number


def sent_message(message: SendMessage, message_id: str, number: int | None = None) -> SentMessage:
    """What the sender learns; `number` only in a FIFO queue."""
    system = message.trace_header and {
        TRACE_HEADER: MessageAttribute("String", message.trace_header)
    }
    return SentMessage(
        message_id,
        md5_of_body(message.body),
        md5_of_attributes(message.attributes),
        md5_of_attributes(system or {}),
        None if number is None else sequence_number(number),
    )


def sequence_number(number: int) -> str:
    """A sequence number as AWS's look, larger for later messages."""
    return str(18_849_496_460_467_696_128 + 256 * number)


# Receiving


@value
class Taking:
    """How messages are to be taken: how many, hidden until when, by which ARN of the queue."""

    limit: int
    hidden_until: float
    arn: str


@value
class Taken:
    """What was taken, whether messages went to the dead letter queue, and when to look again."""

    messages: list[ReceivedMessage]
    has_dead: bool
    look_again: float | None


def take(
    connection: sqlite3.Connection,
    queue: QueueSettings,
    dead_letter_queue: QueueSettings | None,
    taking: Taking,
    at: Instant,
) -> Taken:
    """Gives out messages; those that were given out too often go to the dead letter queue."""
    waiting = _waiting(connection, queue, at.now)
    plan = plan_receive(waiting, queue, at.now, taking.limit, at.oldest)
    _delete(connection, plan.expired)
    if dead_letter_queue is not None:
        for number in plan.dead:
            _bury(connection, number, dead_letter_queue, taking.arn, at.now)
    messages = [_give(connection, number, queue, taking, at.now) for number in plan.given]
    look_again = None if messages else _look_again(connection, queue, plan, at.now)
    return Taken(messages, bool(plan.dead), look_again)


def _waiting(
    connection: sqlite3.Connection, queue: QueueSettings, now: float
) -> Iterator[StoredMessage]:
    """The messages of a queue in the order in which they are to be given, read as they are used."""
    if queue.is_fifo:
        rows: Iterable[tuple[object, ...]] = connection.execute(_IN_ORDER, (queue.name,))
        return (StoredMessage(*row) for row in islice(rows, MAX_LOOKED_AT))  # type: ignore[arg-type]
    rows = connection.execute(_BY_TIME, (queue.name, now))
    return (StoredMessage(*row) for row in rows)  # type: ignore[arg-type]


def _look_again(
    connection: sqlite3.Connection, queue: QueueSettings, plan: ReceivePlan, now: float
) -> float | None:
    if queue.is_fifo:
        return min(plan.hidden_until, default=None)
    sql = "SELECT min(visible_at) FROM messages WHERE queue = ? AND lane IS NULL AND visible_at > ?"
    return connection.execute(sql, (queue.name, now)).fetchone()[0]


def _give(
    connection: sqlite3.Connection, number: int, queue: QueueSettings, taking: Taking, now: float
) -> ReceivedMessage:
    connection.execute(
        "UPDATE messages SET receives = receives + 1, visible_at = ?, received = ?,"
        " first_received = coalesce(first_received, ?) WHERE number = ?",
        (taking.hidden_until, now, now, number),
    )
    sql = f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE number = ?"  # noqa: S608
    row = connection.execute(sql, (number,)).fetchone()
    sequence = sequence_number(number) if queue.is_fifo else None
    return received_message(row, queue.name, sequence)


def _bury(
    connection: sqlite3.Connection, number: int, to: QueueSettings, source: str, now: float
) -> None:
    """Moves a message to its dead letter queue, behind what is there.

    It keeps its id and its count; its age too, but for FIFO queues, where it begins anew.

    Source: SQS Developer Guide, "Dead-letter queues", message retention.
    """
    sent = now if to.is_fifo else None
    connection.execute(
        "INSERT INTO messages (queue, lane, visible_at, receives, sent, message_id, source,"  # noqa: S608
        f" {_MOVED})"
        f" SELECT ?, ?, ?, receives, coalesce(?, sent), message_id, ?, {_MOVED}"
        " FROM messages WHERE number = ?",
        (to.name, _lane(connection, number, to), now, sent, source, number),
    )
    _delete(connection, [number])


def _lane(connection: sqlite3.Connection, number: int, to: QueueSettings) -> str | None:
    if not to.is_fifo:
        return None
    sql = "SELECT group_id FROM messages WHERE number = ?"
    return connection.execute(sql, (number,)).fetchone()[0] or ""


# What was received


def find(connection: sqlite3.Connection, queue: QueueSettings, number: int) -> StoredMessage | None:
    """The message of this number, if `queue` has it."""
    sql = f"SELECT {_STORED} FROM messages WHERE number = ? AND queue = ?"  # noqa: S608
    row = connection.execute(sql, (number, queue.name)).fetchone()
    return None if row is None else StoredMessage(*row)


def delete(connection: sqlite3.Connection, number: int) -> None:
    """Deletes a message."""
    _delete(connection, [number])


def hide(connection: sqlite3.Connection, number: int, until: float) -> None:
    """Hides a message until then."""
    connection.execute("UPDATE messages SET visible_at = ? WHERE number = ?", (until, number))


def _delete(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    connection.executemany(
        "DELETE FROM messages WHERE number = ?", [(number,) for number in numbers]
    )


# All of a queue


def visible_numbers(
    connection: sqlite3.Connection, queue: QueueSettings, now: float, limit: int = MAX_LOOKED_AT
) -> list[int]:
    """Messages that could be received, in their order, however often they were already."""
    unlimited = replace(queue, redrive=None)
    return plan_receive(_waiting(connection, queue, now), unlimited, now, limit, -1.0).given


def sweep(connection: sqlite3.Connection, queue: QueueSettings, at: Instant) -> None:
    """Deletes what is kept no longer."""
    sql = "DELETE FROM messages WHERE queue = ? AND sent <= ?"
    connection.execute(sql, (queue.name, at.oldest))
    connection.execute("DELETE FROM deduplications WHERE until <= ?", (at.now,))


def count(connection: sqlite3.Connection, queue: QueueSettings, at: Instant) -> QueueCounts:
    """How many messages there are; those that are too old are gone before."""
    sweep(connection, queue, at)
    index = "messages_in_order" if queue.is_fifo else "messages_by_time"
    lane = "NOT NULL" if queue.is_fifo else "NULL"
    rows = f"FROM messages INDEXED BY {index} WHERE queue = ? AND lane IS {lane}"
    key = (queue.name, at.now)
    visible: int = connection.execute(
        f"SELECT count(*) {rows} AND visible_at <= ?", key
    ).fetchone()[0]
    hidden, delayed = connection.execute(
        f"SELECT count(*), count(*) FILTER (WHERE receives = 0) {rows} AND visible_at > ?", key
    ).fetchone()
    return QueueCounts(visible, hidden - delayed, delayed)


def purge(connection: sqlite3.Connection, queue: QueueSettings) -> None:
    """Deletes all messages of a queue; what was sent lately is still known as sent."""
    connection.execute("DELETE FROM messages WHERE queue = ?", (queue.name,))


def forget(connection: sqlite3.Connection, queue: QueueSettings) -> None:
    """Deletes a queue with all that is known of it."""
    purge(connection, queue)
    connection.execute("DELETE FROM deduplications WHERE queue = ?", (queue.name,))
    connection.execute("DELETE FROM queues WHERE name = ?", (queue.name,))
