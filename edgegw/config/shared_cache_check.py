"""The store of a cache that several gateways share: its URL, and the package that it needs."""

from __future__ import annotations

import importlib.util
from typing import Final
from urllib.parse import SplitResult, urlsplit

from edgegw.config.document import Document
from edgegw.config.schema import Cache

_PATH: Final = ("gateway", "cache", "store")
_SCHEMES: Final = ("redis", "rediss", "unix")


def check_shared_cache(document: Document, cache: Cache) -> None:
    """Adds what is wrong with `gateway.cache.store` to the findings of `document`."""
    if cache.store is None:
        return
    fault = store_fault(cache.store)
    if fault is not None:
        document.error(_PATH, "config.cache-store", fault)
    elif importlib.util.find_spec("redis") is None:
        text = "a shared cache needs the package redis: pip install 'edgegw[redis]'"
        document.error(_PATH, "config.cache-store", text)


def store_fault(url: str) -> str | None:
    """What is wrong with the URL of a Redis; None for nothing. The URL is not repeated.

    It may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"no URL of a Redis: {error}"
    if parts.scheme not in _SCHEMES:
        return _FORM
    if parts.scheme == "unix":
        return None if parts.path else "a unix:// URL names the socket: unix:///run/redis.sock"
    if not parts.hostname or port == 0 or parts.fragment:
        return _FORM
    return _database_fault(parts)


def _database_fault(parts: SplitResult) -> str | None:
    database = parts.path.removeprefix("/")
    if database and not (database.isascii() and database.isdigit()):
        return "the path of a redis:// URL is the number of a database: redis://localhost:6379/1"
    return None


_FORM: Final = (
    "the store of the cache is a URL such as redis://localhost:6379/0, rediss://… or unix://…"
)
