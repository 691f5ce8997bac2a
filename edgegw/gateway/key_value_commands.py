"""What `edgegw kvs` asks of stores: of a running gateway by its local API, or of the state folder.

Stores are named as the configuration or the API names them, or by ARN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from edgegw.cloudfront.key_value_stores.state import PairChange, StoreState
from edgegw.cloudfront.key_value_stores.store_refusals import StoreRefusal
from edgegw.config.spelling import nearest
from edgegw.errors import UsageError
from edgegw.gateway.key_value_stores import KeyValueStores


def listing_of(stores: KeyValueStores, name: str) -> dict[str, Any]:
    """What a store holds, with its ARN and ETag. Raises UsageError."""
    state = store_named(stores, name)
    return {
        **_facts(stores, state),
        "pairs": {key: state.pairs[key] for key in sorted(state.pairs)},
    }


def change_store(stores: KeyValueStores, name: str, asked: Mapping[str, object]) -> dict[str, Any]:
    """Does what `asked` says: `puts` by key, `deletes`, and whether nothing else stays (`whole`).

    A key that is to be deleted must be there. Raises UsageError and StateProblem.
    """
    change = _change(asked)
    state = store_named(stores, name)
    for key in change.deletes:
        if key not in state.pairs:
            near = nearest(key, list(state.pairs))
            raise UsageError(f"the store {state.name} has no key {key!r}{near}")
    try:
        return _facts(stores, stores.write(state.name, change))
    except StoreRefusal as refusal:
        measure = f" ({refusal.measure})" if refusal.measure else ""
        raise UsageError(f"nothing is changed: {refusal.message}{measure}") from None


def store_named(stores: KeyValueStores, name: str) -> StoreState:
    """The store. Raises UsageError with the nearest name."""
    state = stores.find(name)
    if state is None:
        known = sorted(stores.states())
        there = nearest(name, known) if known else "; there is none"
        raise UsageError(f"there is no key value store {name!r}{there}")
    return state


def _facts(stores: KeyValueStores, state: StoreState) -> dict[str, Any]:
    return {
        "name": state.name,
        "arn": stores.arn(state),
        "etag": state.etag,
        "keys": len(state.pairs),
        "size": state.size,
    }


def _change(asked: Mapping[str, object]) -> PairChange:
    puts, deletes = asked.get("puts", {}), asked.get("deletes", [])
    if not isinstance(puts, dict) or not isinstance(deletes, list):
        raise UsageError("'puts' is an object, 'deletes' a list")
    pairs = cast("dict[str, object]", puts)
    texts = {key: text for key, text in pairs.items() if isinstance(text, str)}
    keys = [key for key in cast("list[object]", deletes) if isinstance(key, str)]
    if len(texts) < len(pairs) or len(keys) < len(cast("Sequence[object]", deletes)):
        raise UsageError("keys and values are strings")
    return PairChange(texts, keys, is_whole=asked.get("whole") is True, must_exist=True)
