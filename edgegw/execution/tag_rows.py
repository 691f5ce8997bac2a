"""Tags of functions and distributions as rows of a table, by ARN."""

from __future__ import annotations

from collections.abc import Mapping
from sqlite3 import Connection
from typing import Final

TAG_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tag (
  arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)
) STRICT, WITHOUT ROWID;
"""


def kept_tags(connection: Connection, arn: str) -> dict[str, str]:
    """The tags of a resource, in the order of their keys."""
    rows = connection.execute("SELECT key, value FROM tag WHERE arn = ? ORDER BY key", (arn,))
    return dict(rows.fetchall())


def keep_tags(connection: Connection, arn: str, tags: Mapping[str, str]) -> None:
    """Adds tags to a resource; a key that it has gets the new value."""
    rows = [(arn, key, text) for key, text in tags.items()]
    connection.executemany("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", rows)


def drop_all_tags(connection: Connection, arn: str) -> None:
    """Takes all tags from a resource, which is gone."""
    connection.execute("DELETE FROM tag WHERE arn = ?", (arn,))
