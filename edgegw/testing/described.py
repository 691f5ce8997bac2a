"""Requests and responses that builders of events are told of by keyword."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import urlencode

from edgegw.errors import UsageError
from edgegw.http.message import Body, Client, Header, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import RequestTarget

GivenHeaders: TypeAlias = Mapping[str, str | Sequence[str]]
"""Values by name, in any spelling; a list where a header has several lines."""
GivenQuery: TypeAlias = str | Mapping[str, str | Sequence[str]]
"""As it stands in a URL, or values by name, which are encoded."""
GivenBody: TypeAlias = str | bytes

CLIENT_IP: Final = "203.0.113.10"
USER_AGENT: Final = "curl/8.5.0"


def described_request(
    method: str | None,
    uri: str,
    querystring: GivenQuery,
    headers: GivenHeaders | None,
    *,
    usual: GivenHeaders,
    body: GivenBody = b"",
    client_ip: str = CLIENT_IP,
    scheme: str = "https",
) -> Request:
    """The request; `usual` headers stand in front, unless `headers` has them.

    Without a `method` it is GET, with a body POST. Raises UsageError for a `uri` that is no path.
    """
    if not uri.startswith("/"):
        raise UsageError(f"a uri is the path of a page and begins with /, as /page; not {uri!r}")
    content = content_of(body)
    query = querystring if isinstance(querystring, str) else urlencode(querystring, doseq=True)
    target = uri + (f"?{query}" if query else "")
    return Request(
        method or ("POST" if content else "GET"),
        RequestTarget.parse(target.encode()),
        Headers(_lines(usual, headers or {})),
        Body.of(content),
        scheme,
        "1.1",  # names of headers stand in events as they are given
        Client(client_ip, 50000),
    )


def described_response(
    status: int, description: str | None, headers: GivenHeaders | None
) -> Response:
    """The response of an origin, without its body: no event shows one."""
    reason = reason_phrase(status) if description is None else description.encode()
    return Response(status, reason, Headers(_lines({}, headers or {})))


def content_of(body: GivenBody) -> bytes:
    """The bytes of a body."""
    return body.encode() if isinstance(body, str) else body


def text_of(content: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(content).decode()


def _lines(usual: GivenHeaders, given: GivenHeaders) -> list[Header]:
    names = {name.lower() for name in given}
    both = {name: text for name, text in usual.items() if name.lower() not in names}
    return [
        (name.encode(), text.encode())
        for name, texts in (*both.items(), *given.items())
        for text in ([texts] if isinstance(texts, str) else texts)
    ]
