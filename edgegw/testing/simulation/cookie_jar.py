"""The cookies of one viewer, kept as a browser does: by host, path, Secure and expiry.

Source: RFC 6265, sections 5.1 to 5.4. Left out is what a simulated viewer cannot have: SameSite
(nobody comes from another site) and public suffixes.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz
from typing import Final, NamedTuple

_NEVER: Final = float("inf")
_MOST: Final = 50
"""Cookies that one viewer keeps, as many as a browser must for a host."""


class JarCookie(NamedTuple):
    """A cookie as it is kept; `domain` without a leading dot, `expires` in seconds since 1970."""

    name: str
    content: str
    domain: str
    is_host_only: bool
    path: str
    is_secure: bool
    expires: float


class CookieJar:
    """Cookies by name, domain and path, in the order in which they came."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], JarCookie] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def take(self, lines: Iterable[bytes], host: str, path: str, now: float) -> None:
        """Keeps what the Set-Cookie `lines` of an answer say; what is over at once goes."""
        for line in lines:
            cookie = _parsed(line.decode("latin-1"), host, path, now)
            if cookie is None:
                continue
            key = cookie.name, cookie.domain, cookie.path
            if cookie.expires <= now:
                self._cookies.pop(key, None)
                continue
            self._cookies[key] = cookie
            if len(self._cookies) > _MOST:
                del self._cookies[next(iter(self._cookies))]

    def cookies(self, host: str, path: str, now: float, *, is_secure: bool) -> list[JarCookie]:
        """What goes along with a request, longer paths first."""
        if not self._cookies:
            return []
        sent = [
            cookie
            for cookie in self._cookies.values()
            if cookie.expires > now
            and (is_secure or not cookie.is_secure)
            and _is_for_host(cookie, host)
            and _is_below(path, cookie.path)
        ]
        sent.sort(key=lambda cookie: -len(cookie.path))
        return sent

    def has(self, name: str, now: float) -> bool:
        """Whether a cookie `name` is kept, wherever it may go."""
        return any(
            cookie.name == name and cookie.expires > now for cookie in self._cookies.values()
        )

    def has_lost(self, name: str, now: float) -> bool:
        """Whether a cookie `name` was kept, and its time is over."""
        return any(
            cookie.name == name and cookie.expires <= now for cookie in self._cookies.values()
        )


def cookie_header(cookies: Iterable[JarCookie]) -> bytes:
    """The value of the header Cookie."""
    return "; ".join(f"{cookie.name}={cookie.content}" for cookie in cookies).encode("latin-1")


def _parsed(line: str, host: str, path: str, now: float) -> JarCookie | None:
    """The cookie of one Set-Cookie line; None where a browser would not keep it."""
    pair, *attributes = line.split(";")
    name, mark, content = pair.partition("=")
    name, content = name.strip(), content.strip()
    if not mark or not name:
        return None
    domain, is_host_only, kept_path, is_secure = host, True, _default_path(path), False
    expires, max_age = _NEVER, None
    for attribute in attributes:
        key, _, text = attribute.partition("=")
        key, text = key.strip().lower(), text.strip()
        if key == "domain" and text:
            domain, is_host_only = text.lstrip(".").lower(), False
        elif key == "path" and text.startswith("/"):
            kept_path = text
        elif key == "secure":
            is_secure = True
        elif key == "max-age":
            max_age = _seconds(text)
        elif key == "expires":
            expires = _moment(text, expires)
    if max_age is not None:
        expires = now + max_age if max_age > 0 else 0.0
    if not is_host_only and not _is_within(host, domain):
        return None
    return JarCookie(name, content, domain, is_host_only, kept_path, is_secure, expires)


def _moment(text: str, otherwise: float) -> float:
    """Seconds since 1970 of a date in any form that browsers read."""
    parsed = parsedate_tz(text)
    if parsed is None:
        return otherwise
    try:
        return mktime_tz(parsed)
    except (ValueError, OverflowError):
        return otherwise


def _seconds(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() else None


def _default_path(path: str) -> str:
    """Where a cookie without a path goes: the folder of what was asked for."""
    folder = path.rpartition("/")[0]
    return folder if folder.startswith("/") else "/"


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _is_for_host(cookie: JarCookie, host: str) -> bool:
    return host == cookie.domain if cookie.is_host_only else _is_within(host, cookie.domain)


def _is_below(path: str, kept: str) -> bool:
    if not path.startswith(kept):
        return False
    return path == kept or kept.endswith("/") or path[len(kept)] == "/"
