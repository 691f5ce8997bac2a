"""What is on disk of asynchronous invocations, as statements on `events.sqlite`.

    events      wait, or run at this moment: whether one runs is known in memory only, so that an
                event whose gateway was killed waits again as it stands here
    last_tries  what the last try of a waiting event brought
    payloads    the bodies of events and failures, apart from them: putting an event off rewrites a
                small row, and looking for what is due reads no payload
    deliveries  what is to be sent to destinations and dead-letter queues; the trace headers that
                go along stand in `delivery_traces`
    failures    events that were given up, for `edgegw queue`; the oldest ones go

Every function here is one step that happens wholly or not at all, in the transaction of its caller:
an event leaves `events` in the same step in which its messages enter `deliveries`. A destination
that is a function gets its event within that step too, so that it comes exactly once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from edgegw.awslambda.async_invocation import AsyncEvent, Ended, LastTry, error_message
from edgegw.awslambda.destinations import DestinationMessage, MessageAttributes
from edgegw.awslambda.model import FunctionRef
from edgegw.values import value

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    turn INTEGER NOT NULL,
    accepted REAL NOT NULL,
    due REAL NOT NULL,
    invokes INTEGER NOT NULL,
    throttles INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS due_events ON events (function, due);
CREATE TABLE IF NOT EXISTS payloads (id INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS last_tries (
    id INTEGER PRIMARY KEY, code INTEGER NOT NULL, error TEXT NOT NULL, version TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    function TEXT NOT NULL,
    target TEXT NOT NULL,
    body BLOB NOT NULL,
    attributes TEXT NOT NULL,
    is_dead_letter INTEGER NOT NULL,
    created REAL NOT NULL,
    due REAL,
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS delivery_traces (id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS due_deliveries ON deliveries (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS failures (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    accepted REAL NOT NULL,
    ended REAL NOT NULL,
    condition TEXT NOT NULL,
    invokes INTEGER NOT NULL,
    error TEXT NOT NULL
);
"""
"""Idempotent. A delivery without `due` was given up, and waits for somebody to redrive it."""

MOST_FAILURES: Final = 10_000
"""Events given up that are remembered; the oldest go, a few at a time."""
_SWEEP: Final = 256
"""Ids between two looks at how many failures there are."""
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Payloads that are read ahead at once, in bytes."""

_EVENT: Final = "id, request_id, function, qualifier, trace_id, turn, accepted, invokes, throttles"


class StoredEvent(NamedTuple):
    """An event that waits, and its number here."""

    id: int
    event: AsyncEvent


@value
class StoredDelivery:
    """A message for a target, tried so often already; `error` is why it did not arrive."""

    id: int
    request_id: str
    function: str
    message: DestinationMessage
    created: float
    tries: int
    error: str = ""


@value
class FunctionEvent:
    """An event for a function that is the destination of another event."""

    event: AsyncEvent
    due: float


# Events


def insert_event(db: sqlite3.Connection, event: AsyncEvent, due: float) -> int:
    """Keeps an accepted event; its number."""
    row = (
        event.request_id,
        event.function.name,
        event.function.qualifier,
        event.trace_id,
        event.turn,
        event.accepted,
        due,
        event.invokes,
        event.throttles,
    )
    cursor = db.execute(
        "INSERT INTO events (request_id, function, qualifier, trace_id, turn, accepted, due,"
        " invokes, throttles) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    number = cursor.lastrowid
    assert number is not None
    db.execute("INSERT INTO payloads VALUES (?, ?)", (number, event.payload))
    return number


def functions_waiting(db: sqlite3.Connection) -> list[str]:
    """The functions that have events, found by a step in the index for each."""
    names: list[str] = []
    query = "SELECT min(function) FROM events WHERE function > ?"
    name = db.execute("SELECT min(function) FROM events").fetchone()[0]
    while name is not None:
        names.append(name)
        name = db.execute(query, (name,)).fetchone()[0]
    return names


def due_events(
    db: sqlite3.Connection, function: str, now: float, most: int, held: Collection[int]
) -> list[StoredEvent]:
    """At most so many events of a function that are due, oldest first, without those `held`."""
    query = "SELECT id FROM events WHERE function = ? AND due <= ? ORDER BY due LIMIT ?"
    rows = db.execute(query, (function, now, most + len(held)))
    numbers = [number for (number,) in rows if number not in held][:most]
    events: list[StoredEvent] = []
    size = 0
    for number in numbers:
        if size > _MOST_BYTES:
            break
        event = read_event(db, number)
        size += len(event.payload)
        events.append(StoredEvent(number, event))
    return events


def read_event(db: sqlite3.Connection, number: int) -> AsyncEvent:
    """The event of this number, which must be there."""
    row = db.execute(f"SELECT {_EVENT} FROM events WHERE id = ?", (number,)).fetchone()  # noqa: S608
    tried = db.execute(
        "SELECT code, error, version, payload FROM last_tries WHERE id = ?", (number,)
    ).fetchone()
    return _event(row, _payload(db, number), None if tried is None else LastTry(*tried))


def _event(row: Sequence[Any], payload: bytes, last: LastTry | None) -> AsyncEvent:
    _, request_id, function, qualifier, trace_id, turn, accepted, invokes, throttles = row
    return AsyncEvent(
        request_id=request_id,
        function=FunctionRef(function, qualifier=qualifier),
        payload=payload,
        trace_id=trace_id,
        accepted=accepted,
        invokes=invokes,
        throttles=throttles,
        turn=turn,
        last=last,
    )


def _payload(db: sqlite3.Connection, number: int) -> bytes:
    return db.execute("SELECT payload FROM payloads WHERE id = ?", (number,)).fetchone()[0]


def next_due(db: sqlite3.Connection, function: str, held: Collection[int]) -> float | None:
    """When the next event of a function is due, without those `held`; None where there is none."""
    query = "SELECT id, due FROM events WHERE function = ? ORDER BY due LIMIT ?"
    rows = db.execute(query, (function, len(held) + 1))
    return next((due for number, due in rows if number not in held), None)


def put_off(db: sqlite3.Connection, number: int, event: AsyncEvent, due: float) -> None:
    """The event waits until `due`, with what its last try brought."""
    cursor = db.execute(
        "UPDATE events SET due = ?, invokes = ?, throttles = ? WHERE id = ?",
        (due, event.invokes, event.throttles, number),
    )
    last = event.last
    if last is not None and cursor.rowcount:
        row = (number, last.code, last.error, last.version, last.payload)
        db.execute("INSERT OR REPLACE INTO last_tries VALUES (?, ?, ?, ?, ?)", row)


def settle(
    db: sqlite3.Connection,
    number: int,
    ended: Ended,
    messages: Iterable[DestinationMessage | FunctionEvent],
    now: float,
) -> None:
    """The event has ended: it leaves, and what its end sends is kept in the same step.

    One that has left already, because it ran twice, sends nothing more.
    """
    event = ended.event
    if db.execute("DELETE FROM events WHERE id = ?", (number,)).rowcount == 0:
        return
    db.execute("DELETE FROM last_tries WHERE id = ?", (number,))
    if ended.condition == "Success":
        db.execute("DELETE FROM payloads WHERE id = ?", (number,))
    else:
        _keep_failure(db, number, ended, now)
    for message in messages:
        if isinstance(message, FunctionEvent):
            insert_event(db, message.event, message.due)
        else:
            insert_delivery(db, event, message, now)


def _keep_failure(db: sqlite3.Connection, number: int, ended: Ended, now: float) -> None:
    event = ended.event
    row = (
        number,
        event.request_id,
        event.function.name,
        event.function.qualifier,
        event.accepted,
        now,
        ended.condition,
        event.invokes,
        "" if event.last is None else error_message(event.last),
    )
    db.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    if number % _SWEEP == 0:
        query = "SELECT id FROM failures ORDER BY id DESC LIMIT 1 OFFSET ?"
        oldest = db.execute(query, (MOST_FAILURES,)).fetchone()
        if oldest is not None:
            db.execute(
                "DELETE FROM payloads WHERE id IN (SELECT id FROM failures WHERE id <= ?)", oldest
            )
            db.execute("DELETE FROM failures WHERE id <= ?", oldest)


# Deliveries


def insert_delivery(
    db: sqlite3.Connection, event: AsyncEvent, message: DestinationMessage, now: float
) -> None:
    """Keeps a message that is to be sent, due at once."""
    attributes = json.dumps(message.attributes)
    cursor = db.execute(
        "INSERT INTO deliveries (request_id, function, target, body, attributes, is_dead_letter,"
        " created, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.request_id,
            event.function.name,
            message.target,
            message.body,
            attributes,
            message.is_dead_letter,
            now,
            now,
        ),
    )
    trace = (cursor.lastrowid, message.trace_id)
    db.execute("INSERT OR REPLACE INTO delivery_traces VALUES (?, ?)", trace)


def due_deliveries(
    db: sqlite3.Connection, now: float, most: int, held: Collection[int]
) -> list[StoredDelivery]:
    """At most so many messages that are due, oldest first, without those `held`."""
    query = "SELECT id FROM deliveries WHERE due <= ? ORDER BY due, id LIMIT ?"
    numbers = [
        number for (number,) in db.execute(query, (now, most + len(held))) if number not in held
    ]
    rows = (
        db.execute(
            "SELECT id, request_id, function, target, body, attributes, is_dead_letter, created,"
            " tries, error, trace_id FROM deliveries LEFT JOIN delivery_traces USING (id)"
            " WHERE id = ?",
            (number,),
        ).fetchone()
        for number in sorted(numbers[:most])
    )
    return [_delivery(row) for row in rows]


def _delivery(row: Sequence[Any]) -> StoredDelivery:
    number, request_id, function, target, body, attributes, is_dead_letter, *rest = row
    created, tries, error, trace = rest
    message = DestinationMessage(
        target, body, _attributes(attributes), bool(is_dead_letter), trace or ""
    )
    return StoredDelivery(number, request_id, function, message, created, tries, error)


def _attributes(text: str) -> MessageAttributes:
    return {name: (kind, content) for name, (kind, content) in json.loads(text).items()}


def next_delivery(db: sqlite3.Connection, held: Collection[int]) -> float | None:
    """When the next message is due, without those `held`; None where there is none."""
    query = "SELECT id, due FROM deliveries WHERE due IS NOT NULL ORDER BY due LIMIT ?"
    rows = db.execute(query, (len(held) + 1,))
    return next((due for number, due in rows if number not in held), None)


def last_delivery(db: sqlite3.Connection) -> int:
    """The number of the newest message that was ever kept."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'deliveries'").fetchone()
    return 0 if row is None else row[0]


def delivered(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """These messages have arrived."""
    rows = [(number,) for number in numbers]
    db.executemany("DELETE FROM deliveries WHERE id = ?", rows)
    db.executemany("DELETE FROM delivery_traces WHERE id = ?", rows)


def put_off_delivery(db: sqlite3.Connection, number: int, due: float | None, error: str) -> None:
    """A message did not arrive: it is tried again at `due`, never without."""
    db.execute(
        "UPDATE deliveries SET due = ?, tries = tries + 1, error = ? WHERE id = ?",
        (due, error, number),
    )
