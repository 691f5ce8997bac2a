"""The store of a cache that several gateways share: its URL, and the package that it needs."""

from __future__ import annotations

import importlib.util
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from edgegw.config.document import Document
from edgegw.config.gateway.keys import Cache

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
        if not parts.path:
            return "a unix:// URL names the socket: unix:///run/redis.sock"
    elif not parts.hostname or port == 0 or parts.fragment:
        return _FORM
    else:
        fault = _database_fault(parts)
        if fault is not None:
            return fault
    return _option_fault(parts.query)


def _database_fault(parts: SplitResult) -> str | None:
    database = parts.path.removeprefix("/")
    if database and not (database.isascii() and database.isdigit()):
        return "the path of a redis:// URL is the number of a database: redis://localhost:6379/1"
    return None


def _option_fault(query: str) -> str | None:
    for name, text in parse_qsl(query, keep_blank_values=True):
        pattern = _OPTIONS.get(name)
        if pattern is None:
            return f"{name!r} is no option of such a URL (known: {', '.join(_OPTIONS)})"
        if not re.fullmatch(pattern, text):
            return f"the option {name!r} has a value that it cannot have"
    return None


_SECONDS: Final = r"[0-9]{1,6}(\.[0-9]{1,6})?"
_OPTIONS: Final = {
    "db": r"[0-9]{1,6}",
    "username": r".+",
    "password": r".+",
    "socket_timeout": _SECONDS,
    "socket_connect_timeout": _SECONDS,
    "ssl_cert_reqs": r"none|optional|required",
    "ssl_check_hostname": r"True|False",
    "ssl_ca_certs": r".+",
    "ssl_certfile": r".+",
    "ssl_keyfile": r".+",
}
"""Options of the client in the query of a URL, with what they may be."""
_FORM: Final = (
    "the store of the cache is a URL such as redis://localhost:6379/0, rediss://… or unix://…"
)
