"""Checked CloudFront Functions and key value stores → the values that run."""

from __future__ import annotations

from pathlib import Path

from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.config import schema
from edgegw.config.model import KeyValueSource


def edge_functions(config: schema.Config, base: Path) -> dict[str, EdgeFunction]:
    """The functions by name, with their code."""
    return {
        name: EdgeFunction(
            name,
            given.runtime,
            (base / given.code).read_text(encoding="utf-8"),
            given.key_value_store or "",
            given.comment,
            str(base / given.code),
        )
        for name, given in config.edge_functions.items()
    }


def key_value_sources(config: schema.Config, base: Path) -> dict[str, KeyValueSource]:
    """Where the key value stores begin, by name."""
    return {
        name: KeyValueSource(
            "" if given.source is None else str(base / given.source), given.comment
        )
        for name, given in config.key_value_stores.items()
    }
