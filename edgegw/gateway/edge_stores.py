"""The key value stores of a configuration, for the functions that read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgegw.cloudfront.edge_functions.key_values import KeyValues, MemoryKeyValues, pairs_of
from edgegw.config.model import Config


def stores_of(config: Config) -> Mapping[str, KeyValues]:
    """The stores by name, each with what its import file holds."""
    return {
        name: MemoryKeyValues(
            pairs_of(Path(source.path).read_text(encoding="utf-8")) if source.path else {}
        )
        for name, source in config.key_value_stores.items()
    }
