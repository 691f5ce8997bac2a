"""The event of version 1.0, as CloudFront Functions get it, and what it showed.

    {version, context: {…}, viewer: {ip}, request: {…}, response: {…}}

Header lines, cookies and the query each become an object by name. A name that came several times
has the first value, and all of them in `multiValue`. Nothing is decoded. Headers that come again
are looked at once, as for Lambda@Edge.

Source: CloudFront Developer Guide, "CloudFront Functions event structure".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from edgegw.awslambda.payload import encode_payload
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.edge_functions.frames import EventFrame
from edgegw.cloudfront.edge_functions.sections import (
    NO_SECTION,
    Section,
    SectionShape,
    add_entry,
    section_of,
    section_with,
    shape_of,
)
from edgegw.cloudfront.forwarding import Forwarding
from edgegw.cloudfront.model import Distribution
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.trigger_event import header_name
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.cloudfront.viewer_headers import viewer_header
from edgegw.http.message import Header, Headers, Request, Response
from edgegw.http.target import to_text
from edgegw.values import value


class _ShownSections(NamedTuple):
    """Headers without cookies, and the cookies."""

    headers: Section
    cookies: Section


_NOTHING: Final = _ShownSections(NO_SECTION, NO_SECTION)


@value
class ShownEdgeEvent:
    """An event, and what the answer is judged against.

    `headers` and `cookies` are those of the response where there is one, and then `asked` has those
    of the request; `query` is the request's. `context` is the beginning of the event's text.
    """

    trigger: ViewerTrigger
    request: Request
    headers: Section
    cookies: Section
    query: Section = NO_SECTION
    response: Response | None = None
    strictness: Strictness = DEFAULT_STRICTNESS
    asked: _ShownSections = _NOTHING
    context: str = ""
    request_id: str = ""

    @property
    def text(self) -> str:
        """The event as JSON."""
        asked = self.asked if self.response else self
        request = self.request
        shown = (
            f'{self.context}"{self.request_id}"}},"viewer":{{"ip":"{request.client.address}"}},'
            f'"request":{{"method":{_quoted(request.method)},'
            f'"uri":{_quoted(to_text(request.target.path))},"querystring":{self.query.text},'
            f'"headers":{asked.headers.text},"cookies":{asked.cookies.text}}}'
        )
        if self.response is None:
            return shown + "}"
        status, reason = self.response.status, _quoted(to_text(self.response.reason))
        return (
            f'{shown},"response":{{"statusCode":{status},"statusDescription":{reason},'
            f'"headers":{self.headers.text},"cookies":{self.cookies.text}}}}}'
        )

    @property
    def frame(self) -> EventFrame | None:
        """What it has in common with other events; None where `values` cannot say the rest."""
        request = self.request
        if b"\n" in request.target.path or "\n" in request.method:
            return None
        response, query = self.response, self.query.shape
        headers, cookies = self.headers.shape, self.cookies.shape
        if response is None:
            return self.context, query, headers, cookies, None
        answer = (response.status, response.reason, headers, cookies)
        return self.context, query, self.asked.headers.shape, self.asked.cookies.shape, answer

    @property
    def values(self) -> tuple[str, str]:
        """What fills its frame, with line feeds between: as `frames` has it."""
        request = self.request
        asked = self if self.response is None else self.asked
        line = (
            f"{request.method}\n{to_text(request.target.path)}"
            f"{self.query.flat}{asked.headers.flat}{asked.cookies.flat}"
        )
        head = f"{self.request_id}\n{request.client.address}"
        if asked is self:
            return f"{head}\n{line}", ""
        return f"{head}{self.headers.flat}{self.cookies.flat}", line

    def edited(self, edits: Mapping[str, Any]) -> dict[str, Any]:
        """What it showed of the request, or the response, with `edits` (`EdgeEdited`) in it."""
        headers = {
            name: entry
            for name, entry in self.headers.entries.items()
            if name not in edits.get("gone", ())
        }
        shown: dict[str, Any] = {}
        if self.response is None:
            shown["method"] = self.request.method
            shown["uri"] = edits.get("uri", to_text(self.request.target.path))
            shown["querystring"] = edits.get("querystring", self.query.entries)
        else:
            shown["statusCode"] = self.response.status
            shown["statusDescription"] = to_text(self.response.reason)
        shown["headers"] = {**headers, **edits.get("headers", {})}
        shown["cookies"] = edits.get("cookies", self.cookies.entries)
        return shown


def encode_request(
    distribution: Distribution,
    forwarding: Forwarding,
    facts: DistributionFacts,
    request: Request,
) -> ShownEdgeEvent:
    """The event of viewer-request."""
    shown = request.headers.derived(_of_request, _of_request)
    headers = shown.headers
    if forwarding.added_headers:
        headers = headers.joined(_own(forwarding, facts, request))
    return ShownEdgeEvent(
        "viewer-request",
        request,
        headers,
        shown.cookies,
        _query(request),
        strictness=distribution.strictness,
        context=_context(distribution.domain_name, distribution.id, "viewer-request"),
        request_id=facts.request_id,
    )


def encode_response(
    distribution: Distribution, facts: DistributionFacts, request: Request, response: Response
) -> ShownEdgeEvent:
    """The event of viewer-response."""
    shown = _of_response(response.headers)
    return ShownEdgeEvent(
        "viewer-response",
        request,
        shown.headers,
        shown.cookies,
        _query(request),
        response,
        distribution.strictness,
        request.headers.derived(_of_request, _of_request),
        _context(distribution.domain_name, distribution.id, "viewer-response"),
        facts.request_id,
    )


@lru_cache(maxsize=256)
def _context(domain_name: str, identity: str, trigger: str) -> str:
    """The text of an event up to its request id, which is the same for all of a trigger."""
    context = {
        "distributionDomainName": domain_name,
        "distributionId": identity,
        "eventType": trigger,
    }
    text = encode_payload(context).decode("utf-8", "replace")
    return f'{{"version":"1.0","context":{text[:-1]},"requestId":'


def _quoted(text: str) -> str:
    return encode_payload(text).decode("utf-8", "replace")


# Headers and cookies


def _of_request(headers: Headers) -> _ShownSections:
    """The headers of a request without Cookie, and its cookies."""
    names: list[str] = []
    values: list[str] = []
    pairs: list[str] = []
    for name, content in headers.raw:
        _, lower, is_hidden = header_name(name)
        if lower == "cookie":
            pairs += [pair.strip(" ") for pair in to_text(content).split(";")]
        elif not is_hidden:
            text = to_text(content)
            names.append(lower)
            values.append(_bare_host(text) if lower == "host" else text)
    halves = [pair.partition("=") for pair in pairs if pair]
    cookies = section_of([half[0] for half in halves], [half[2] for half in halves])
    return _ShownSections(section_of(names, values), cookies)


def _of_response(headers: Headers) -> _ShownSections:
    """The headers of a response without Set-Cookie, and the cookies that it sets."""
    before = headers.base
    if before is None:
        return _whole_response(headers)
    # Via, and a Date perhaps, are this answer's own; the rest was met before.
    shown = before.derived(_of_response, _whole_response)
    lines = headers.raw[-headers.more :]
    own, values = _own_shape(lines), "\n".join([to_text(content) for _, content in lines])
    shape = None if own is None else shown.headers.shape.with_names_of(own)
    if shape is None or values.count("\n") >= len(lines):
        return _whole_response(headers)
    return _ShownSections(Section(shape, f"{shown.headers.flat}\n{values}"), shown.cookies)


def _own_shape(lines: tuple[Header, ...]) -> SectionShape | None:
    """The names of `lines`; None where not all are an answer's own."""
    if len(lines) == 1 and lines[0][0] == b"Via":
        return _VIA
    names = tuple([header_name(name)[1] for name, _ in lines])
    return shape_of(names) if _OWN.issuperset(names) else None


_VIA: Final = shape_of(("via",))
_OWN: Final = frozenset({"via", "date", "server", "content-length"})
"""Headers that an answer gets behind those of its origin."""


def _whole_response(headers: Headers) -> _ShownSections:
    names: list[str] = []
    values: list[str] = []
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
            add_entry(cookies, key, entry)
        elif not is_hidden:
            names.append(lower)
            values.append(text)
    return _ShownSections(
        section_of(names, values), section_with(cookies) if cookies else NO_SECTION
    )


def _bare_host(host: str) -> str:
    """Host as functions see it: lower case, without the usual port and a dot at its end.

    Source: observed once, at a name of CloudFront's own.
    """
    return host.lower().removesuffix(":443").removesuffix(".")


def _own(forwarding: Forwarding, facts: DistributionFacts, request: Request) -> Section:
    """The CloudFront-* headers that the policies name, which viewer-request sees.

    Source: CloudFront Developer Guide, "Differences between CloudFront Functions and Lambda@Edge",
    geolocation and device data.
    """
    names: list[str] = []
    values: list[str] = []
    for name in forwarding.added_headers:
        text = viewer_header(name, request, facts.error_target, facts.viewer)
        if text is not None and not name.lower().startswith("cloudfront-error-"):
            names.append(name.lower())
            values.append(text)
    return section_of(names, values)


def _query(request: Request) -> Section:
    query = request.target.query
    return query_section(query) if query else NO_SECTION


@lru_cache(maxsize=1024)
def query_section(query: bytes) -> Section:
    """The parameters of a query as an event shows them."""
    halves = [part.partition("=") for part in to_text(query).split("&") if part]
    return section_of([half[0] for half in halves], [half[2] for half in halves])
