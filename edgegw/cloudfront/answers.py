"""What CloudFront says itself: error pages, redirects, the headers it stamps on every answer.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins" (how
CloudFront processes responses), and observed answers.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.compression import Encoders
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, ViewerPlace
from edgegw.http.message import Body, Header, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import RequestTarget
from edgegw.values import value

CacheOverride: TypeAlias = Literal["", "bypass", "refresh"]
"""What one request may ask of the cache: to have no part in it, or to fetch anew."""

_PORT: Final = re.compile(rb":\d*$")

POP: Final = b"FRA56-P1"
"""The edge location that answers claim: any name of AWS's form will do."""


@value
class DistributionFacts:
    """What a request needs beside itself, made by the driver.

    `request_id` is 54 URL-safe base64 characters and `==`; `via_host` 32 hex digits; `date` the
    value of a Date header. While a custom error page is fetched, `error_target` is what failed.
    `alt_svc` is the value of an Alt-Svc header where HTTP/3 is on and the viewer came over TLS.
    `viewer` is where the viewer is, `cache_override` what whoever sits at this machine asks of the
    cache for one request, `encoders` how bodies are compressed.
    """

    request_id: str
    via_host: str
    date: bytes
    error_target: RequestTarget | None = None
    alt_svc: bytes = b""
    viewer: ViewerPlace = DEFAULT_PLACE
    cache_override: CacheOverride = ""
    encoders: Encoders | None = None

    def announcing(self, alt_svc: bytes) -> DistributionFacts:
        """These facts where HTTP/3 is on."""
        return DistributionFacts(
            self.request_id,
            self.via_host,
            self.date,
            self.error_target,
            alt_svc,
            self.viewer,
            self.cache_override,
            self.encoders,
        )

    def seen_from(self, viewer: ViewerPlace, override: CacheOverride) -> DistributionFacts:
        """These facts for a viewer elsewhere, who asks something else of the cache."""
        return DistributionFacts(
            self.request_id,
            self.via_host,
            self.date,
            self.error_target,
            self.alt_svc,
            viewer,
            override,
            self.encoders,
        )


def via(version: str, facts: DistributionFacts) -> bytes:
    """A Via entry of this edge; `version` is the HTTP version that the message came by."""
    return f"{version} {facts.via_host}.cloudfront.net (CloudFront)".encode()


def stamped(
    response: Response,
    verdict: Verdict,
    facts: DistributionFacts,
    *,
    without_origin: bool = False,
    age: int | None = None,
) -> Response:
    """`response` with X-Cache, Via, X-Amz-Cf-Pop, Alt-Svc (if any) and X-Amz-Cf-Id at its end.

    Behind them is Age in seconds, where the response is a stored one. A response of ours without
    an origin gets its Via here; others have it as their last line, unless a function was let off
    with taking it away. No 204 has a Content-Length (RFC 9110 section 8.6).
    """
    raw = response.headers.raw
    if without_origin or raw[-1][0].lower() != b"via":
        own: Header = (b"Via", via("1.1", facts))
    else:
        raw, own = raw[:-1], raw[-1]
    lines = stamp(verdict, own, facts, age)
    before, behind = response.headers.base, response.headers.more
    if before is not None and raw is not response.headers.raw and response.status != 204:
        headers = before.added(*response.headers.raw[-behind:-1], *lines)  # Via was the last line
        return Response(response.status, response.reason, headers, response.body)
    if response.status == 204:
        raw = tuple([line for line in raw if line[0].lower() != b"content-length"])
    return Response(response.status, response.reason, Headers(raw + lines), response.body)


def stamp(
    verdict: Verdict, own: Header, facts: DistributionFacts, age: int | None
) -> tuple[Header, ...]:
    """The lines at the end of every answer; `own` is its Via, `age` None where it is not stored."""
    cache, pop = (b"X-Cache", verdict.header), (b"X-Amz-Cf-Pop", POP)
    name = (b"X-Amz-Cf-Id", facts.request_id.encode())
    announced = ((b"Alt-Svc", facts.alt_svc),) if facts.alt_svc else ()
    if age is None:
        return cache, own, pop, *announced, name
    return cache, own, pop, *announced, name, (b"Age", b"%d" % age)


_PAGE: Final = """\
<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "http://www.w3.org/TR/html4/loose.dtd">
<HTML><HEAD><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-1">
<TITLE>ERROR: The request could not be satisfied</TITLE>
</HEAD><BODY>
<H1>{status} ERROR</H1>
<H2>The request could not be satisfied.</H2>
<HR noshade size="1px">
{text}
We can't connect to the server for this app or website at this time. There might be too much \
traffic or a configuration error. Try again later, or contact the app or website owner.
<BR clear="all">
If you provide content to customers through CloudFront, you can find steps to troubleshoot and \
help prevent this error by reviewing the CloudFront documentation.
<BR clear="all">
<HR noshade size="1px">
<PRE>
Generated by cloudfront (CloudFront)
Request ID: {request_id}
</PRE>
<ADDRESS>
</ADDRESS>
</BODY></HTML>"""


CLOSING: Final = frozenset({400, 408, 414, 494})
"""Statuses of pages behind which CloudFront closes the viewer's connection.

408 is uncertain: AWS names no such page, HTTP asks for it (RFC 9110 section 15.5.9).
Source: CloudFront Developer Guide, "Quotas", and observed pages.
"""


CLOSING_BEHIND_ERROR_PAGE: Final = frozenset({400, 405, 414, 416, 500, 501})
"""Errors whose custom error page closes the viewer's connection.

Source: CloudFront Developer Guide, "Generate custom error responses".
"""


def error_page(
    status: int, text: str, facts: DistributionFacts, *, verdict: Verdict = Verdict.ERROR
) -> Response:
    """CloudFront's HTML page for `status`; `text` is its reason line.

    The connection closes behind those in `CLOSING`.
    Source: observed pages, byte for byte.
    """
    page = _PAGE.format(status=status, text=text, request_id=facts.request_id).encode("latin-1")
    return _made_here(status, page, facts, verdict)


def xml_error(status: int, code: str, message: str, facts: DistributionFacts) -> Response:
    """CloudFront's answer to a request that is not signed as it must be: one line of XML.

    Source: observed pages.
    """
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    page = f"{declaration}<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return _made_here(status, page.encode(), facts, Verdict.ERROR, kind=b"text/xml")


def redirect_to_https(
    status: int, request: Request, facts: DistributionFacts, port: int | None = None
) -> Response:
    """The redirect of `redirect-to-https`; the Location keeps host, path and query as they came.

    With a `port` other than 443 the distribution takes HTTPS there, which on AWS it never does.
    """
    title = f"{status} {reason_phrase(status).decode()}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>CloudFront</center>\r\n"
        "</body>\r\n</html>\r\n"
    ).encode()
    host = request.headers.get(b"host") or b""
    if port is not None:
        host = _PORT.sub(b"", host) + (b"" if port == 443 else b":%d" % port)
    location = b"https://" + host + request.target.raw
    return _made_here(status, page, facts, Verdict.REDIRECT, (b"Location", location))


def generated(
    status: int, reason: bytes, headers: Headers, content: bytes, facts: DistributionFacts
) -> Response:
    """A function's generated response with what CloudFront adds, as one without an origin.

    In this order: Server, Date, Content-Type, Content-Length, Connection, the function's own.
    """
    own: list[Header] = [] if b"server" in headers else [(b"Server", b"CloudFront")]
    if b"date" not in headers:
        own.append((b"Date", facts.date))
    own += [line for line in headers.raw if line[0].lower() == b"content-type"]
    if status not in (204, 304):
        own.append((b"Content-Length", str(len(content)).encode()))
    own.append((b"Connection", b"keep-alive"))
    rest = [line for line in headers.raw if line[0].lower() != b"content-type"]
    return Response(status, reason, Headers([*own, *rest]), Body.of(content))


def _made_here(
    status: int,
    page: bytes,
    facts: DistributionFacts,
    verdict: Verdict,
    *extra: Header,
    kind: bytes = b"text/html",
) -> Response:
    lines: list[Header] = [
        (b"Server", b"CloudFront"),
        (b"Date", facts.date),
        (b"Content-Type", kind),
        (b"Content-Length", str(len(page)).encode()),
        (b"Connection", b"close" if status in CLOSING else b"keep-alive"),
        *extra,
    ]
    response = Response(status, reason_phrase(status), Headers(lines), Body.of(page))
    return stamped(response, verdict, facts, without_origin=True)
