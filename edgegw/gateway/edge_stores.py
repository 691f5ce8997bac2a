"""The key value stores of a configuration for commands that run functions without a gateway.

They are as a gateway with this state folder has them, or will have them; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgegw.cloudfront.edge_functions.key_values import KeyValues, MemoryKeyValues
from edgegw.config.model import Config
from edgegw.execution.key_value_shelf import StoreStates
from edgegw.gateway.key_value_stores import read_source


def stores_of(config: Config) -> Mapping[str, KeyValues]:
    """The stores by name: what was kept of each, unless its import file is another one by now."""
    kept = _kept(Path(config.state))
    stores: dict[str, KeyValues] = {name: state for name, state in kept.items() if state.is_made}
    for name, source in config.key_value_stores.items():
        pairs, digest = read_source(name, source)
        state = kept.get(name)
        is_present = state is not None and digest in ("", state.source)
        stores[name] = state if is_present and state else MemoryKeyValues(pairs or {})
    return stores


def _kept(folder: Path) -> StoreStates:
    from edgegw.execution.key_value_file import STORES_FILE, FileShelf

    if not (folder / STORES_FILE).exists():
        return {}
    shelf = FileShelf(folder)
    try:
        return shelf.look()
    finally:
        shelf.close()
