"""The request that CloudFront is about to send to an origin, by a behavior's `Forwarding`.

Source: CloudFront Developer Guide, "Control origin requests with a policy", "Request and response
behavior for custom origins" (the table of headers), "Add CloudFront request headers".
"""

from __future__ import annotations

from edgegw.cloudfront.answers import DistributionFacts, via
from edgegw.cloudfront.forwarding import Forwarding, Plan, Treatment, kept_lines
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.viewer_headers import viewer_header
from edgegw.http.authority import bracketed
from edgegw.http.message import Header, Headers, Request
from edgegw.http.target import RequestTarget
from edgegw.http.version import dotted


def origin_request(
    forwarding: Forwarding, request: Request, origin: Origin, facts: DistributionFacts
) -> Request:
    """`request` as CloudFront is about to send it to `origin`, before origin-request runs.

    Headers keep their order; what CloudFront adds stands behind them. The path is the viewer's (the
    origin path is prepended when it is sent); the body is passed on. Origin custom headers are part
    of `origin` and replace a viewer's header of the same name.
    """
    plan, usual = request.headers.derived(forwarding, forwarding.usual)
    more = _more(plan, forwarding, request, origin, facts)
    if usual is not None and not origin.custom_headers and request.http_version != "1.0":
        headers = usual.added(*more)
    else:
        headers = _of_this_request(plan, forwarding, request, facts).added(*more)
        replaced = [name.lower() for name, _ in origin.custom_headers]
        headers = headers.without(*replaced) if replaced else headers
    return request.sent(_kept_target(forwarding, request.target), headers)


def _more(
    plan: Plan, forwarding: Forwarding, request: Request, origin: Origin, facts: DistributionFacts
) -> list[Header]:
    """The lines that CloudFront adds."""
    lines: list[Header] = []
    if plan.adds_host:
        lines.append((b"Host", bracketed(origin.domain_name).encode()))
    if plan.adds_user_agent:
        lines.append((b"User-Agent", b"Amazon CloudFront"))
    if plan.adds_via:
        lines.append((b"Via", _via(request, facts)))
    if plan.adds_forwarded_for:
        lines.append((b"X-Forwarded-For", request.client.address.encode()))
    if forwarding.added_headers:
        lines += _added(forwarding, request, facts)
    return lines


def _kept_target(forwarding: Forwarding, target: RequestTarget) -> RequestTarget:
    """`target` with what the policies keep of its query."""
    if target.query is None:
        return target
    kept = forwarding.kept_query(target.query)
    if kept is target.query and target.authority is None:
        return target
    return RequestTarget(target.path, kept)


def _of_this_request(
    plan: Plan, forwarding: Forwarding, request: Request, facts: DistributionFacts
) -> Headers:
    """What is left of the headers of a `request` that decides about some of them."""
    headers = request.headers

    def special(what: Treatment, line: Header) -> bytes:
        match what:
            case Treatment.VIA:
                return b", ".join([*headers.get_all(b"via"), _via(request, facts)])
            case Treatment.FORWARDED_FOR:
                earlier = headers.get_all(b"x-forwarded-for")
                return b", ".join([*earlier, request.client.address.encode()])
            case Treatment.AUTHORIZATION:
                return line[1] if request.method in forwarding.keeps_authorization else b""
            case Treatment.ACCEPT_ENCODING if request.http_version == "1.0":
                return b""
            case _:
                return forwarding.rewritten_line(plan, headers, what, line)

    return kept_lines(plan, headers, special)


def _added(forwarding: Forwarding, request: Request, facts: DistributionFacts) -> list[Header]:
    """CloudFront's own headers that the policies name."""
    shown = [
        (name, viewer_header(name, request, facts.error_target, facts.viewer))
        for name in forwarding.added_headers
    ]
    return [(name.encode(), value.encode()) for name, value in shown if value is not None]


def _via(request: Request, facts: DistributionFacts) -> bytes:
    return via(dotted(request.http_version), facts)
