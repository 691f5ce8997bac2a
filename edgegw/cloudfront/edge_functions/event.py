"""The event of version 1.0, as CloudFront Functions get it, and what it showed.

    {version, context: {…}, viewer: {ip}, request: {…}, response: {…}}

Header lines, cookies and the query each become an object by name. A name that came several times
has the first value, and all of them in `multiValue`. Nothing is decoded. Headers that come again
are encoded once, as for Lambda@Edge.

Source: CloudFront Developer Guide, "CloudFront Functions event structure".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any, Final, TypeAlias

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.forwarding import Forwarding
from edgegw.cloudfront.model import Distribution
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.trigger_event import header_name
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.cloudfront.viewer_headers import viewer_header
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import to_text
from edgegw.values import value

Entries: TypeAlias = Mapping[str, dict[str, Any]]
"""An object of an event: name → `{value, multiValue?}`, for Set-Cookie with `attributes` too."""

NO_ENTRIES: Final[Entries] = {}


@value
class ShownEdgeEvent:
    """What an event showed, kept to judge the answer against it.

    `headers`, `cookies` and `query` are the JSON values themselves, of the response where there is
    one (`query` is of the request).
    """

    trigger: ViewerTrigger
    request: Request
    headers: Entries
    cookies: Entries
    query: Entries = field(default_factory=dict[str, dict[str, Any]])
    response: Response | None = None
    strictness: Strictness = DEFAULT_STRICTNESS


@value
class _ShownEntries:
    """Headers without cookies, and the cookies, as JSON values and as their texts."""

    headers: Entries
    cookies: Entries
    headers_text: str
    cookies_text: str

    @property
    def text(self) -> str:
        """Both as members of an object."""
        return f'"headers":{self.headers_text},"cookies":{self.cookies_text}'


def encode_request(
    distribution: Distribution,
    forwarding: Forwarding,
    facts: DistributionFacts,
    request: Request,
) -> tuple[str, ShownEdgeEvent]:
    """The event of viewer-request as JSON text, and what it showed."""
    shown = request.headers.derived(_of_request, _of_request)
    if forwarding.added_headers:
        shown = _with_own(shown, forwarding, facts, request)
    query, text = _query(request)
    beginning = _beginning(distribution, "viewer-request", facts.request_id, request)
    event = f'{beginning},"request":{_request_text(request, shown, text)}}}'
    sent = ShownEdgeEvent(
        "viewer-request",
        request,
        shown.headers,
        shown.cookies,
        query,
        strictness=distribution.strictness,
    )
    return event, sent


def encode_response(
    distribution: Distribution, facts: DistributionFacts, request: Request, response: Response
) -> tuple[str, ShownEdgeEvent]:
    """The event of viewer-response as JSON text, and what it showed."""
    asked = request.headers.derived(_of_request, _of_request)
    shown = _of_response(response.headers)
    beginning = _beginning(distribution, "viewer-response", facts.request_id, request)
    reason = _quoted(to_text(response.reason))
    _, query = _query(request)
    event = (
        f'{beginning},"request":{_request_text(request, asked, query)},'
        f'"response":{{"statusCode":{response.status},"statusDescription":{reason},{shown.text}}}}}'
    )
    sent = ShownEdgeEvent(
        "viewer-response",
        request,
        shown.headers,
        shown.cookies,
        response=response,
        strictness=distribution.strictness,
    )
    return event, sent


def _json(given: object) -> str:
    return encode_payload(given).decode("utf-8", "replace")


def _beginning(
    distribution: Distribution, trigger: ViewerTrigger, request_id: str, request: Request
) -> str:
    same = _same_for_all(distribution.domain_name, distribution.id, trigger)
    return f'{same}"{request_id}"}},"viewer":{{"ip":"{request.client.address}"}}'


@lru_cache(maxsize=256)
def _same_for_all(domain_name: str, identity: str, trigger: str) -> str:
    context = {
        "distributionDomainName": domain_name,
        "distributionId": identity,
        "eventType": trigger,
    }
    return f'{{"version":"1.0","context":{_json(context)[:-1]},"requestId":'


def _request_text(request: Request, shown: _ShownEntries, query: str) -> str:
    method, uri = request.method, to_text(request.target.path)
    return f'{{"method":"{method}","uri":{_quoted(uri)},"querystring":{query},{shown.text}}}'


def _quoted(text: str) -> str:
    if '"' in text or "\\" in text or not text.isprintable():
        return _json(text)
    return f'"{text}"'


def _joined(first: str, second: str) -> str:
    """The JSON text of two objects that have no name in common, as one."""
    if second == "{}":
        return first
    return second if first == "{}" else f"{first[:-1]},{second[1:]}"


# Headers and cookies


def _of_request(headers: Headers) -> _ShownEntries:
    """The headers of a request without Cookie, and its cookies."""
    fields: dict[str, dict[str, Any]] = {}
    cookies: dict[str, dict[str, Any]] = {}
    for name, content in headers.raw:
        _, lower, is_hidden = header_name(name)
        if lower == "cookie":
            for pair in to_text(content).split(";"):
                _add_cookie(cookies, pair.strip(" "))
        elif not is_hidden:
            text = to_text(content)
            _add(fields, lower, {"value": _bare_host(text) if lower == "host" else text})
    return _ShownEntries(fields, cookies, _json(fields), _json(cookies) if cookies else "{}")


def _of_response(headers: Headers) -> _ShownEntries:
    """The headers of a response without Set-Cookie, and the cookies that it sets."""
    before = headers.base
    if before is not None:
        # Via, and a Date perhaps, are this answer's own; the rest was met before.
        shown, own = before.derived(_of_response, _whole_response), headers.raw[-headers.more :]
        added = _whole_response(Headers(own))
        if added.headers and not added.cookies and added.headers.keys().isdisjoint(shown.headers):
            fields = {**shown.headers, **added.headers}
            text = _joined(shown.headers_text, added.headers_text)
            return _ShownEntries(fields, shown.cookies, text, shown.cookies_text)
    return _whole_response(headers)


def _whole_response(headers: Headers) -> _ShownEntries:
    fields: dict[str, dict[str, Any]] = {}
    cookies: dict[str, dict[str, Any]] = {}
    for name, content in headers.raw:
        _, lower, is_hidden = header_name(name)
        text = to_text(content)
        if lower == "set-cookie":
            pair, mark, attributes = text.partition(";")
            key, _, held = pair.strip(" ").partition("=")
            entry = {"value": held}
            if mark:
                entry["attributes"] = attributes.strip(" ")
            _add(cookies, key, entry)
        elif not is_hidden:
            _add(fields, lower, {"value": text})
    return _ShownEntries(fields, cookies, _json(fields), _json(cookies) if cookies else "{}")


def _add_cookie(cookies: dict[str, dict[str, Any]], pair: str) -> None:
    if pair:
        name, _, held = pair.partition("=")
        _add(cookies, name, {"value": held})


def _add(entries: dict[str, dict[str, Any]], name: str, entry: dict[str, Any]) -> None:
    first = entries.get(name)
    if first is None:
        entries[name] = entry
        return
    if "multiValue" not in first:
        first["multiValue"] = [dict(first)]
    first["multiValue"].append(entry)


def _bare_host(host: str) -> str:
    """Host as functions see it: lower case, without the usual port and a dot at its end.

    Source: observed once, at a name of CloudFront's own.
    """
    return host.lower().removesuffix(":443").removesuffix(".")


def _with_own(
    shown: _ShownEntries, forwarding: Forwarding, facts: DistributionFacts, request: Request
) -> _ShownEntries:
    """`shown` with the CloudFront-* headers that the policies name, which viewer-request sees.

    Source: CloudFront Developer Guide, "Differences between CloudFront Functions and Lambda@Edge",
    geolocation and device data.
    """
    own: dict[str, dict[str, Any]] = {}
    for name in forwarding.added_headers:
        text = viewer_header(name, request, facts.error_target, facts.viewer)
        if text is not None and not name.lower().startswith("cloudfront-error-"):
            own[name.lower()] = {"value": text}
    fields = {**shown.headers, **own}
    return _ShownEntries(fields, shown.cookies, _json(fields), shown.cookies_text)


def _query(request: Request) -> tuple[Entries, str]:
    query = request.target.query
    if not query:
        return NO_ENTRIES, "{}"
    return query_entries(query)


@lru_cache(maxsize=1024)
def query_entries(query: bytes) -> tuple[Entries, str]:
    """The parameters of a query as an event shows them, never to be changed, and their JSON."""
    entries: dict[str, dict[str, Any]] = {}
    for part in to_text(query).split("&"):
        if part:
            name, _, held = part.partition("=")
            _add(entries, name, {"value": held})
    return entries, _json(entries)
