"""The session of a user who signed in, and the cookies that hold it.

`NAME-0`, `NAME-1` … hold one sealed value, cut where a cookie is full. Its first character says in
how many, as a shorter session leaves cookies of a longer one behind in the browser.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from edgegw.alb.authentication.keys import SignInKeys
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.sealing import seal, unseal
from edgegw.alb.authentication.state import NONCE_COOKIE
from edgegw.http.date import http_date
from edgegw.http.message import Header, Headers
from edgegw.values import value

MAX_SHARDS: Final = 4
"""Cookies that a session is spread over.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer", cookies.
"""
MAX_SHARD: Final = 4096
"""Bytes of one of them, with its name and attributes.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer", cookies.
"""
COOKIE_LIFETIME: Final = 7 * 24 * 3600
"""Seconds after which browsers forget a session cookie, whatever the session's time-out is.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
session timeout.
"""
_ATTRIBUTES: Final = 110
"""Bytes that are kept free for Expires, Path, Secure, HttpOnly and SameSite."""


@value
class UserSession:
    """Who signed in: `claims` as the JSON text of the user info, times in seconds since 1970.

    `access_until` None where the identity provider did not say. The session ends at `until`.
    """

    subject: str
    claims: str
    access_token: str
    refresh_token: str | None
    access_until: float | None
    until: float

    def wants_refresh(self, now: float) -> bool:
        """Whether its access token is over and can be had anew.

        Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
        session timeout.
        """
        is_over = self.access_until is not None and now >= self.access_until
        return is_over and self.refresh_token is not None

    def encoded(self) -> bytes:
        """As bytes, to be sealed."""
        fields = (
            self.subject,
            self.access_token,
            self.refresh_token,
            self.access_until,
            self.until,
        )
        return f"{json.dumps(fields, separators=(',', ':'))}\n{self.claims}".encode()

    @staticmethod
    def decoded(content: bytes) -> UserSession:
        """What `encoded` was made of."""
        fields, _, claims = content.partition(b"\n")
        subject, *rest = cast("list[Any]", json.loads(fields))
        return UserSession(subject, claims.decode(), *rest)


# Cookies that came


@value
class HeldCookies:
    """What session cookies of one name a request brings: the sealed value, if it is whole.

    `are_there` says that there are some, `rest` what is left of the Cookie header without them
    (None: there was no such header).
    """

    sealed: bytes | None
    are_there: bool
    rest: bytes | None


_NONE: Final = HeldCookies(None, are_there=False, rest=None)


def held_cookies(headers: Headers, action: Authenticate) -> HeldCookies:
    """The session cookies of `action`; of repeated ones the first counts."""
    return headers.derived(action, lambda given: _held_cookies(given, action.session_cookie_name))


def _held_cookies(headers: Headers, cookie_name: str) -> HeldCookies:
    given = headers.get_all(b"cookie")
    if not given:
        return _NONE
    stem = cookie_name.encode() + b"-"
    digit, equals = len(stem), len(stem) + 1
    shards, rest = dict[int, bytes](), list[bytes]()
    for part in b";".join(given).split(b";"):
        pair = part.strip()
        name_end = pair[digit : equals + 1]  # a digit and what parts name and value
        if pair.startswith(stem) and name_end[:1].isdigit() and name_end[1:] in _NAME_ENDS:
            shards.setdefault(int(name_end[:1]), pair[equals + 1 :])
        elif pair and pair.partition(b"=")[0] != NONCE_COOKIE:
            rest.append(pair)
    return HeldCookies(_joined(shards), are_there=bool(shards), rest=b"; ".join(rest))


_NAME_ENDS: Final = (b"=", b"")


def _joined(shards: dict[int, bytes]) -> bytes | None:
    """The sealed value; None where a part of it is missing."""
    first = shards.get(0, b"")
    if not first[:1].isdigit() or not 1 <= int(first[:1]) <= MAX_SHARDS:
        return None
    parts = [shards.get(number) for number in range(int(first[:1]))]
    if any(part is None for part in parts):
        return None
    return b"".join(cast("list[bytes]", parts))[1:]


# The session in them

_PURPOSE: Final = "session"


def opened(keys: SignInKeys, action: Authenticate, arn: str, sealed: bytes) -> UserSession | None:
    """The session in `sealed`, of the load balancer `arn`; None for anything else."""
    content = unseal(keys, f"{_PURPOSE} {arn}", sealed, action.mark)
    return None if content is None else UserSession.decoded(content)


def session_lines(
    keys: SignInKeys,
    action: Authenticate,
    arn: str,
    session: UserSession,
    *,
    now: float,
    entropy: str,
    is_cross_origin: bool = False,
) -> tuple[Header, ...] | None:
    """The Set-Cookie lines that hold `session`; None where it does not fit."""
    sealed = sealed_session(keys, action, arn, session, entropy)
    return cookie_lines(action, sealed, now=now, is_cross_origin=is_cross_origin)


def sealed_session(
    keys: SignInKeys, action: Authenticate, arn: str, session: UserSession, entropy: str
) -> bytes:
    """`session` as `opened` takes it."""
    return seal(keys, f"{_PURPOSE} {arn}", session.encoded(), action.mark, entropy)


def cookie_lines(
    action: Authenticate, sealed: bytes, *, now: float, is_cross_origin: bool
) -> tuple[Header, ...] | None:
    """The Set-Cookie lines of a sealed session; None where it does not fit."""
    name = action.session_cookie_name.encode()
    room = MAX_SHARD - len(name) - len(b"-0=") - _ATTRIBUTES
    parts = [sealed[at : at + room] for at in range(0, len(sealed), room)]
    if len(parts) > MAX_SHARDS:
        return None
    parts[0] = b"%d%b" % (len(parts), parts[0])
    rest = b"; Expires=" + http_date(now + COOKIE_LIFETIME) + b"; Path=/"
    # Chromium and others send a cookie with pages of other sites only where it says so.
    rest += b"; SameSite=None; Secure; HttpOnly" if is_cross_origin else b"; Secure; HttpOnly"
    return tuple(
        (b"Set-Cookie", b"%b-%d=%b%b" % (name, number, part, rest))
        for number, part in enumerate(parts)
    )
