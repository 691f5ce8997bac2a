"""What a key value store offers to the functions that read it, and one in memory.

Source: CloudFront Developer Guide, "Helper methods for key value stores" and "File format for
key-value pairs".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

from edgegw.values import value

MAX_STORE_KEY: Final = 512
"""Bytes of a key.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""
MAX_STORE_VALUE: Final = 1024
"""Bytes of a value.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""
MAX_STORE_SIZE: Final = 5 * 1024 * 1024
"""Bytes of a store, and of an import file.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""


MAX_BATCH_KEYS: Final = 50
"""Keys that one UpdateKeys puts and deletes.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""
MAX_BATCH_SIZE: Final = 3 * 1024 * 1024
"""Bytes of what one UpdateKeys puts and deletes.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""
MAX_KEY_VALUE_STORES: Final = 50
"""Stores of an account.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""
MAX_STORE_FUNCTIONS: Final = 10
"""Functions that read one store.

Source: CloudFront Developer Guide, "Quotas", quotas on key value stores.
"""


@value
class StoreMeta:
    """What `meta()` of a store says; times in ISO 8601."""

    created: str
    last_updated: str
    key_count: int

    def to_dict(self) -> dict[str, Any]:
        """As functions get it."""
        return {
            "creationDateTime": self.created,
            "lastUpdatedDateTime": self.last_updated,
            "keyCount": self.key_count,
        }


class StoresBehindError(Exception):
    """What others wrote has to be read first, which takes longer than an event loop waits."""


class KeyValues(Protocol):
    """A store, as it is now. Functions ask from any thread, and wait for the answer."""

    def get(self, key: str) -> str | None:
        """The value of `key`, or None."""
        ...

    def exists(self, key: str) -> bool: ...

    def count(self) -> int: ...

    def meta(self) -> StoreMeta: ...


class MemoryKeyValues:
    """A store in memory."""

    def __init__(self, pairs: Mapping[str, str], created: str = "1970-01-01T00:00:00.000Z") -> None:
        self._pairs = dict(pairs)
        self._created = created

    def get(self, key: str) -> str | None:
        return self._pairs.get(key)

    def exists(self, key: str) -> bool:
        return key in self._pairs

    def count(self) -> int:
        return len(self._pairs)

    def meta(self) -> StoreMeta:
        return StoreMeta(self._created, self._created, len(self._pairs))


def pairs_of(text: str) -> dict[str, str]:
    """The pairs of an import file: `{"data": [{"key": "…", "value": "…"}]}`.

    Raises ValueError with a sentence that says what is wrong.
    """
    if len(text.encode()) > MAX_STORE_SIZE:
        raise ValueError(f"the file has more than {MAX_STORE_SIZE} bytes")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is no JSON: {error}") from None
    data = cast("dict[str, Any]", given).get("data") if isinstance(given, dict) else None
    if not isinstance(data, list):
        text = 'an import file is {"data": [{"key": "…", "value": "…"}]}'
        raise ValueError(text)  # noqa: TRY004 - a file has no types
    pairs: dict[str, str] = {}
    for at, entry in enumerate(cast("list[object]", data)):
        key, held = _pair(entry, at)
        if key in pairs:
            raise ValueError(f"the key {key!r} stands there twice")
        pairs[key] = held
    return pairs


def _pair(entry: object, at: int) -> tuple[str, str]:
    fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
    key, held = fields.get("key"), fields.get("value")
    if not isinstance(key, str) or not isinstance(held, str):
        text = f"data[{at}] has no key and value that are strings"
        raise ValueError(text)  # noqa: TRY004 - a file has no types
    if any("\ud800" <= character <= "\udfff" for character in key + held):
        raise ValueError(f"data[{at}] holds half of a surrogate pair, which UTF-8 cannot say")
    if not key or len(key.encode()) > MAX_STORE_KEY:
        raise ValueError(f"data[{at}]: a key has 1 to {MAX_STORE_KEY} bytes")
    if len(held.encode()) > MAX_STORE_VALUE:
        raise ValueError(f"data[{at}]: a value has at most {MAX_STORE_VALUE} bytes")
    return key, held


def import_file_of(pairs: Mapping[str, str]) -> str:
    """The import file of `pairs`, in the order of their keys."""
    data = [{"key": key, "value": pairs[key]} for key in sorted(pairs)]
    return json.dumps({"data": data}, ensure_ascii=False, indent=1) + "\n"
