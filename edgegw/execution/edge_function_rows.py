"""CloudFront Functions with their stages as rows of a table, and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from sqlite3 import Connection
from typing import Any, Final

from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.cloudfront.edge_functions.stages import StagedCode, StagedFunction

FUNCTION_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS edge_function (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
"""

logger = logging.getLogger(__name__)


def kept_functions(connection: Connection) -> dict[str, StagedFunction]:
    """The functions by name; one that cannot be read is left out, and stays where it is."""
    rows = connection.execute("SELECT name, record FROM edge_function ORDER BY name")
    return dict(_readable(rows.fetchall()))


def kept_function(connection: Connection, name: str) -> StagedFunction | None:
    """The function `name`."""
    rows = connection.execute("SELECT name, record FROM edge_function WHERE name = ?", (name,))
    return dict(_readable(rows.fetchall())).get(name)


def keep_function(connection: Connection, function: StagedFunction) -> None:
    """Puts a function in the place of the one with its name."""
    row = (function.name, json.dumps(asdict(function)))
    connection.execute("INSERT OR REPLACE INTO edge_function VALUES (?, ?)", row)


def drop_function(connection: Connection, name: str) -> None:
    """Forgets the function `name`."""
    connection.execute("DELETE FROM edge_function WHERE name = ?", (name,))


def _readable(rows: list[tuple[str, str]]) -> Iterator[tuple[str, StagedFunction]]:
    for name, record in rows:
        try:
            yield name, _decoded(json.loads(record))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("the function %s cannot be read, it is left out: %r", name, error)


def _decoded(record: dict[str, Any]) -> StagedFunction:
    live = record["live"]
    return StagedFunction(
        float(record["created"]),
        _decoded_stage(record["development"]),
        None if live is None else _decoded_stage(live),
    )


def _decoded_stage(record: dict[str, Any]) -> StagedCode:
    return StagedCode(
        function=EdgeFunction(**record["function"]),
        stage=record["stage"],
        modified=float(record["modified"]),
        revision=int(record["revision"]),
    )
