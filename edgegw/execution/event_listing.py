"""What `edgegw queue` shows of `events.sqlite`, and how what failed goes back into the queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Any, Final

from edgegw.values import value

MOST_SHOWN: Final = 200
"""Rows of each kind that are shown; how many there are is counted."""


@value(kw_only=True)
class EventCounts:
    """How many events and messages there are of each kind."""

    waiting: int
    failed: int
    undelivered: int
    delivering: int


def count_events(db: sqlite3.Connection) -> EventCounts:
    """How many there are, those that run included in `waiting`."""

    def count(query: str) -> int:
        return db.execute(query).fetchone()[0]

    return EventCounts(
        waiting=count("SELECT count(*) FROM events"),
        failed=count("SELECT count(*) FROM failures"),
        undelivered=count("SELECT count(*) FROM deliveries WHERE due IS NULL"),
        delivering=count("SELECT count(*) FROM deliveries WHERE due IS NOT NULL"),
    )


def list_events(
    db: sqlite3.Connection, function: str, running: Collection[int], most: int = MOST_SHOWN
) -> list[dict[str, Any]]:
    """The first events that wait or run, of one function or (empty) of all: oldest due first."""
    columns = "id, request_id, function, qualifier, accepted, due, invokes, throttles, error"
    where = "WHERE function = ?" if function else ""
    order = "ORDER BY due" if function else "ORDER BY id"
    tables = "events LEFT JOIN last_tries USING (id)"
    query = f"SELECT {columns} FROM {tables} {where} {order} LIMIT ?"  # noqa: S608 - fixed words
    given = (function, most) if function else (most,)
    return [_waiting(row, running) for row in db.execute(query, given)]


def _waiting(row: tuple[Any, ...], running: Collection[int]) -> dict[str, Any]:
    number, request_id, name, qualifier, accepted, due, invokes, throttles, error = row
    return {
        "state": "running" if number in running else "waiting",
        "request_id": request_id,
        "function": _name(name, qualifier),
        "accepted": accepted,
        "due": due,
        "invokes": invokes,
        "throttles": throttles,
        "error": error or "",
    }


def list_failures(
    db: sqlite3.Connection, function: str, most: int = MOST_SHOWN
) -> list[dict[str, Any]]:
    """The newest events that were given up."""
    where = "WHERE function = ?" if function else ""
    columns = "request_id, function, qualifier, accepted, ended, condition, invokes, error"
    query = f"SELECT {columns} FROM failures {where} ORDER BY id DESC LIMIT ?"  # noqa: S608
    given = (function, most) if function else (most,)
    return [
        {
            "state": "failed",
            "request_id": request_id,
            "function": _name(name, qualifier),
            "accepted": accepted,
            "ended": ended,
            "condition": condition,
            "invokes": invokes,
            "error": error,
        }
        for request_id, name, qualifier, accepted, ended, condition, invokes, error in db.execute(
            query, given
        )
    ]


def list_deliveries(
    db: sqlite3.Connection, function: str, most: int = MOST_SHOWN
) -> list[dict[str, Any]]:
    """Messages that have not arrived yet, and those that were given up."""
    where = "WHERE function = ?" if function else ""
    query = (
        f"SELECT request_id, function, target, created, due, tries, error FROM deliveries {where}"  # noqa: S608
        " ORDER BY id LIMIT ?"
    )
    given = (function, most) if function else (most,)
    return [
        {
            "state": "undelivered" if due is None else "delivering",
            "request_id": request_id,
            "function": name,
            "target": target,
            "created": created,
            "due": due,
            "tries": tries,
            "error": error,
        }
        for request_id, name, target, created, due, tries, error in db.execute(query, given)
    ]


def _name(name: str, qualifier: str) -> str:
    return f"{name}:{qualifier}" if qualifier else name


def redrive(db: sqlite3.Connection, function: str, request_id: str, now: float) -> tuple[int, int]:
    """Has what failed tried anew, as if it had just been accepted: how many events, messages.

    Of one function and one event where these are given, else of all. Payload and request id are
    those of the first time.
    """
    chosen = "(? = '' OR function = ?) AND (? = '' OR request_id = ?)"
    given = (function, function, request_id, request_id)
    rows = db.execute(
        f"SELECT id, request_id, function, qualifier FROM failures WHERE {chosen}",  # noqa: S608
        given,
    ).fetchall()
    for number, event_id, name, qualifier in rows:
        db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, '', 0, ?, ?, 0, 0)",
            (number, event_id, name, qualifier, now, now),
        )
        db.execute("DELETE FROM last_tries WHERE id = ?", (number,))
        db.execute("DELETE FROM failures WHERE id = ?", (number,))
    messages = db.execute(
        f"UPDATE deliveries SET due = ?, created = ?, tries = 0 WHERE due IS NULL AND {chosen}",  # noqa: S608
        (now, now, *given),
    )
    return len(rows), messages.rowcount
