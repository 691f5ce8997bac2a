"""Who may call the local API, what they call, and how it is answered: guard, routes, JSON.

The API changes what runs here, so it must not answer to a page in the user's browser, which can
reach every port of loopback, nor to a program of another user. Three locks, each enough by itself
against the first:

- the token, that only a file of the user's own tells; a page cannot read it, and to send any
  `Authorization` it would have to ask beforehand (CORS), which is refused as well;
- the `Host` must be this socket's: a name of the attacker's that resolves to 127.0.0.1 (DNS
  rebinding) makes the page and the API one origin for the browser, but comes as that name;
- no `Origin` and no `Sec-Fetch-Site`: programs send neither, browsers one of them.

What a form could send (its three content types) is not taken either: bodies are JSON.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote

from edgegw.errors import UsageError
from edgegw.gateway.announcement import PROCESS_HEADER
from edgegw.http.callers import comes_from_page, is_addressed_to
from edgegw.http.message import Body, Header, Headers, Request, Response
from edgegw.values import value

_Kind = TypeVar("_Kind")
_JSON: Final = b"application/json"


@value
class Call:
    """What is asked: the parts of the path that a route names, the query, the JSON of the body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, object]

    def member(self, key: str, kind: type[_Kind], default: object = None) -> _Kind:
        """The value of `key` in the body, of this type. Raises UsageError."""
        value = self.body.get(key, default)
        if not isinstance(value, kind):
            raise UsageError(f"{key!r} is missing or has the wrong type")
        return value


Operation: TypeAlias = Callable[[Call], Response | Awaitable[Response]]
"""Does what is asked. Raises EdgegwError or ServiceError where it was asked wrongly."""


class Route:
    """A method and a path with what they do; `{name}` in the path stands for one segment."""

    def __init__(self, method: str, path: str, operation: Operation) -> None:
        self.method = method
        self.operation = operation
        self._pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def match(self, path: str) -> dict[str, str] | None:
        """The named segments of `path`, decoded; None when it is another path."""
        match = self._pattern.fullmatch(path)
        if match is None:
            return None
        return {name: unquote(segment) for name, segment in match.groupdict().items()}


class Router:
    """The table of routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)

    def route(self, request: Request) -> tuple[Operation, dict[str, str]] | Response:
        """What does `request`, with the segments that it names; else 404, or 405 with Allow."""
        path = request.target.path.decode("latin-1")
        matches = [(route, route.match(path)) for route in self._routes]
        allowed: list[str] = []
        for route, segments in matches:
            if segments is None:
                continue
            if route.method == request.method:
                return route.operation, segments
            allowed.append(route.method)
        text = f"no {request.method} {path} here"
        if not allowed:
            return refusal(404, text)
        return refusal(405, text, (b"Allow", ", ".join(allowed).encode()))


def query_of(request: Request) -> dict[str, str]:
    """The parameters of the query; of repeated ones the last."""
    return dict(parse_qsl((request.target.query or b"").decode("latin-1"), keep_blank_values=True))


def guard(request: Request, hosts: Collection[bytes], token: str) -> Response | None:
    """Why `request` is not let in; None when it is. `hosts` are in lower case."""
    headers = request.headers
    if not is_addressed_to(request, hosts):
        return refusal(403, "the Host is not this API's")
    if comes_from_page(headers):
        return refusal(403, "pages in a browser have no business here")
    credentials = headers.get_all(b"authorization")
    expected = f"Bearer {token}".encode()
    if len(credentials) != 1 or not hmac.compare_digest(credentials[0], expected):
        text = "the token that the gateway told in its state folder is needed"
        return refusal(401, text, (b"WWW-Authenticate", b"Bearer"))
    if not request.body.is_empty and not _is_json(headers):
        return refusal(415, "the content type must be application/json")
    return None


def _is_json(headers: Headers) -> bool:
    types = [value.partition(b";")[0].strip().lower() for value in headers.get_all(b"content-type")]
    return types == [_JSON]


# Answers

_SAFE: Final = ((b"Cache-Control", b"no-store"), (b"X-Content-Type-Options", b"nosniff"))


def json_answer(value: object, status: int = 200, *lines: Header) -> Response:
    """`value` as JSON, with more header lines."""
    body = Body.of(json.dumps(value).encode())
    return _answer(status, _JSON, body, lines)


def text_answer(text: str, content_type: str) -> Response:
    """`text` as it is."""
    return _answer(200, content_type.encode(), Body.of(text.encode()), ())


def stream_answer(body: Body, content_type: bytes) -> Response:
    """A body that goes on."""
    return _answer(200, content_type, body, ())


def refusal(status: int, text: str, *lines: Header) -> Response:
    """`{"error": text}`."""
    return json_answer({"error": text}, status, *lines)


def _answer(status: int, content_type: bytes, body: Body, lines: Sequence[Header]) -> Response:
    process = (PROCESS_HEADER.encode(), str(os.getpid()).encode())
    headers = [(b"Content-Type", content_type), *_SAFE, process, *lines]
    if body.length is not None:
        headers.append((b"Content-Length", str(body.length).encode()))
    return Response(status, HTTPStatus(status).phrase.encode(), Headers(headers), body)
