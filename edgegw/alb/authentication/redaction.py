"""Which texts of a request and its answers no record may show: tokens, sessions, codes.

A record that is kept, exported or shown has `[hidden]` in their place; what the load balancer and
its target exchange has them as they are, and so has the access log, which AWS writes whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from edgegw.alb.authentication.identity_headers import IDENTITY_HEADERS
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.provider_calls import CALLBACK_PATH
from edgegw.alb.authentication.state import NONCE_COOKIE
from edgegw.alb.jwt.model import JwtValidation
from edgegw.http.message import Headers, Request

HIDDEN: Final = "[hidden]"
_SHORTEST: Final = 8
"""Characters below which a text is no secret, and may stand anywhere."""
_PARAMETER: Final = re.compile(rb"[&?](?:code|state)=([^&\s]+)")
_IN_QUERY: Final = re.compile(
    rb"(?:^|&)(code|state|access_token|id_token|id_token_hint|refresh_token|client_secret)=([^&]+)"
)
"""Parameters of OAuth 2.0 and OpenID Connect that are secrets, or were until they were used."""
_COMING_BACK: Final = frozenset((b"code", b"state"))


def secrets_in(
    requests: Iterable[Request],
    answers: Iterable[Headers],
    actions: Iterable[Authenticate | JwtValidation],
) -> tuple[str, ...]:
    """The secrets of `requests` and `answers`, the longest first, as listeners with `actions` see.

    They may be pieces of one another: the longest is hidden first.
    """
    given = tuple(actions)
    names = {action.session_cookie_name for action in given if isinstance(action, Authenticate)}
    texts: set[bytes] = set()
    for request in requests:
        texts.update(query_secrets(request))
        if given:
            texts.update(_of_request(request, names))
    for headers in answers:
        texts.update(_of_answer(headers, names))
    plain = {text.decode("latin-1") for text in texts if len(text) >= _SHORTEST}
    return tuple(sorted(plain, key=len, reverse=True))


def query_secrets(request: Request) -> list[bytes]:
    """What the query of a request gives away, at whichever front door and path.

    `code` and `state` count together: alone they are anything, but where clients come back.
    """
    query = request.target.query
    if not query or b"=" not in query:
        return []
    given = _IN_QUERY.findall(query)
    is_back = request.target.path == CALLBACK_PATH
    is_back = is_back or {name for name, _ in given} >= _COMING_BACK
    texts = (text for name, text in given if is_back or name not in _COMING_BACK)
    return [text for text in texts if len(text) >= _SHORTEST]


def shown_target(request: Request) -> bytes:
    """The target of a request as a line for people shows it."""
    raw, secrets = request.target.raw, query_secrets(request)
    for secret in sorted(secrets, key=len, reverse=True):
        raw = raw.replace(secret, HIDDEN.encode())
    return raw


def _of_request(request: Request, names: set[str]) -> Iterator[bytes]:
    headers = request.headers
    for name in IDENTITY_HEADERS:
        if name != b"x-amzn-oidc-identity":
            yield from headers.get_all(name)
    for line in headers.get_all(b"cookie"):
        yield from _cookies(line.split(b";"), names)
    yield from (line.partition(b" ")[2].strip() for line in headers.get_all(b"authorization"))


def _of_answer(headers: Headers, names: set[str]) -> Iterator[bytes]:
    yield from _cookies((line.partition(b";")[0] for line in headers.get_all(b"set-cookie")), names)
    for line in headers.get_all(b"location"):
        if CALLBACK_PATH in line or b"%2Foauth2%2Fidpresponse" in line:
            yield from _PARAMETER.findall(line)


def _cookies(pairs: Iterable[bytes], names: set[str]) -> Iterator[bytes]:
    for pair in pairs:
        name, _, text = pair.strip().partition(b"=")
        stem = name[:-2].decode("latin-1") if name[-2:-1] == b"-" else ""
        if name == NONCE_COOKIE or stem in names:
            yield text


def hidden(record: Any, secrets: tuple[str, ...]) -> Any:
    """`record` (plain values, fit for JSON) without `secrets`."""
    if not secrets:
        return record
    if isinstance(record, str):
        for secret in secrets:
            record = record.replace(secret, HIDDEN)
        return record
    if isinstance(record, dict):
        members = cast("dict[str, Any]", record).items()
        return {name: hidden(member, secrets) for name, member in members}
    if isinstance(record, (list, tuple)):
        return [hidden(entry, secrets) for entry in cast("list[Any]", record)]
    return record
