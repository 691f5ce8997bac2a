"""A response's Cache-Control, read once.

Directives compare without case; of a repeated one the first counts. An argument that is no number
where one is asked for is as good as none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from edgegw.http.message import Headers
from edgegw.values import value

MAX_AGE_CEILING: Final = 100 * 365 * 86400
"""Seconds that a max-age or s-maxage can say at most: 100 years.

Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)".
"""


@value
class CacheControl:
    """Directives by name in lower case; an argument is bytes without quotes, None where absent."""

    directives: Mapping[bytes, bytes | None]

    @property
    def is_present(self) -> bool:
        return bool(self.directives)

    def seconds(self, name: bytes) -> int | None:
        """The number of `name`, at most a hundred years; None without a usable one."""
        argument = self.directives.get(name)
        if argument is None or not argument.isdigit():
            return None
        if len(argument) > 10:  # more than the ceiling, however long the number is
            argument = argument.lstrip(b"0")[:11] or b"0"
        return min(int(argument), MAX_AGE_CEILING)

    def forbids(self) -> bytes | None:
        """The directive that keeps the whole response out of the cache, if any.

        `no-cache="Set-Cookie"` speaks of a header only.
        """
        for name in (b"no-store", b"no-cache", b"private"):
            if name in self.directives and not self._is_about_fields(name):
                return name
        return None

    def kept_out(self) -> frozenset[bytes]:
        """Names (lower case) of headers that `no-cache="…"` and `private="…"` keep from storing."""
        return frozenset(
            field.strip().lower()
            for name in (b"no-cache", b"private")
            for field in (self.directives.get(name) or b"").split(b",")
            if field.strip()
        )

    def _is_about_fields(self, name: bytes) -> bool:
        return name != b"no-store" and bool((self.directives[name] or b"").strip())


_NOTHING: Final = CacheControl({})

_DIRECTIVE: Final = re.compile(
    rb'[\s,]*([^\s=,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*)))?[^,]*'
)


def cache_control(headers: Headers) -> CacheControl:
    """The Cache-Control of a response, several lines as one; remembered by its headers."""
    return headers.derived(_parse, _parse)


def _parse(headers: Headers) -> CacheControl:
    lines = headers.get_all(b"cache-control")
    if not lines:
        return _NOTHING
    directives: dict[bytes, bytes | None] = {}
    for name, quoted, bare in _DIRECTIVE.findall(b", ".join(lines)):
        directives.setdefault(name.lower(), quoted or bare or None)
    return CacheControl(directives)
