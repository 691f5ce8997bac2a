"""What a function changed of a request or response → where it goes on to, and its headers."""

from __future__ import annotations

from edgegw.cloudfront.edge_functions.entries import cookie_header, query_text, set_cookie_lines
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.rules import QUERY, URI, URL_LENGTH
from edgegw.cloudfront.trigger_event import header_name
from edgegw.cloudfront.trigger_rules import URL_TOO_LONG
from edgegw.cloudfront.validator import Description, Validator
from edgegw.http.grammar import TEXT_NOT_IN_TARGET
from edgegw.http.message import Headers
from edgegw.http.target import RequestTarget, to_text


def changed_target(
    validator: Validator, uri: object, returned: object, sent: ShownEdgeEvent
) -> RequestTarget:
    """The target of the `uri` and the querystring that were `returned`."""
    original = sent.request.target
    path = original.path
    if uri != to_text(path):
        if not isinstance(uri, str) or not uri.startswith("/") or TEXT_NOT_IN_TARGET.search(uri):
            expected = "write a path that starts with / and is percent-encoded"
            validator.note(URI, "uri", uri, expected)
            uri = "/"
        path = uri.encode("utf-8", "replace")
    query, shown = original.query, sent.query.entries
    if returned != shown:
        text = query_text(validator, returned, shown)
        if TEXT_NOT_IN_TARGET.search(text) or "#" in text:
            expected = "encode it with encodeURIComponent"
            validator.note(QUERY, "querystring", text, expected)
        query = text.encode("utf-8", "replace") if text else None
    length = len(path) + len(query or b"")
    if length >= URL_TOO_LONG:
        long = Description(f"{length} characters")
        validator.note(URL_LENGTH, "uri", long, f"stay under {URL_TOO_LONG}")
    if path is original.path and query is original.query and original.authority is None:
        return original
    return RequestTarget(path, query)


def with_cookies(
    validator: Validator, headers: Headers, cookies: object, sent: ShownEdgeEvent
) -> Headers:
    shown = sent.cookies.entries
    if cookies == shown:
        return headers
    line = cookie_header(validator, cookies, shown)
    headers = headers.without(b"cookie")
    return headers.added((b"Cookie", line)) if line else headers


def setting_cookies(
    validator: Validator, headers: Headers, cookies: object, sent: ShownEdgeEvent
) -> Headers:
    shown = sent.cookies.entries
    if cookies == shown:
        return headers
    return headers.without(b"set-cookie").added(*set_cookie_lines(validator, cookies, shown))


def of_same_length(headers: Headers, original: Headers) -> Headers:
    """`headers` with the Content-Length of the body, which is that of the original."""
    if headers is original or _keeps_length(headers, original):
        return headers
    return with_length(headers, original.get(b"content-length"))


def _keeps_length(headers: Headers, original: Headers) -> bool:
    if headers.base is original:
        added = headers.raw[-headers.more :]
        return all(header_name(name)[1] != "content-length" for name, _ in added)
    return headers.get_all(b"content-length") == original.get_all(b"content-length")


def with_length(headers: Headers, length: bytes | None) -> Headers:
    headers = headers.without(b"content-length")
    return headers if length is None else headers.added((b"Content-Length", length))
