"""The Server-Timing header of a response headers policy.

Source: CloudFront Developer Guide, "Understand response headers policies", Server-Timing header.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.answers import POP
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.http.grammar import BLANKS
from edgegw.http.message import Headers, Request, Response
from edgegw.values import value

_HITS: Final = frozenset({Verdict.HIT, Verdict.REFRESH_HIT})
_NAME: Final = b"server-timing"


@value
class UpstreamTiming:
    """What the way to the origin took, in seconds: until its response's first byte."""

    first_byte: float


def is_sampled(rate: float, draw: float, request: Request) -> bool:
    """Whether an answer gets the header. `rate` is a percentage, `draw` from 0 up to 1.

    A viewer gets it at any rate, even 0, by asking with `Pragma: server-timing`.
    """
    asked = b",".join(request.headers.get_all(b"pragma")).lower().split(b",")
    return draw * 100 < rate or _NAME in [word.strip(BLANKS) for word in asked]


def with_server_timing(
    response: Response,
    verdict: Verdict,
    request_id: str,
    downstream: float,
    upstream: UpstreamTiming | None = None,
) -> Response:
    """The stamped `response` with the metrics, the origin's own in front of them.

    On a hit the origin's own are dropped. `downstream` is how long the answer took, in seconds.
    """
    lines = response.headers.raw
    own = [line[1] for line in lines if line[0].lower() == _NAME and verdict not in _HITS]
    metrics = _metrics(verdict, request_id, downstream, upstream)
    header = (b"Server-Timing", b",".join([*own, metrics.encode()]))
    kept = [line for line in lines if line[0].lower() != _NAME]
    at = next(
        (at for at, line in enumerate(kept) if line[0].lower() in (b"vary", b"x-cache")), len(kept)
    )
    return Response(
        response.status,
        response.reason,
        Headers([*kept[:at], header, *kept[at:]]),
        response.body,
        response.upgraded,
        response.exchange,
    )


def _metrics(
    verdict: Verdict, request_id: str, downstream: float, upstream: UpstreamTiming | None
) -> str:
    """Of one edge: connections and name look-ups are reckoned as reused, with 0."""
    last = f"cdn-downstream-fbl;dur={_milliseconds(downstream)}"
    place = f'cdn-pop;desc="{POP.decode()}",cdn-rid;desc="{request_id}"'
    if verdict is Verdict.HIT:
        return f'cdn-cache-hit,{place},cdn-hit-layer;desc="EDGE",{last}'
    word = "cdn-cache-refresh" if verdict is Verdict.REFRESH_HIT else "cdn-cache-miss"
    if upstream is None:
        return f"{word},{place},{last}"
    first = _milliseconds(upstream.first_byte)
    return (
        'cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=0,cdn-upstream-connect;dur=0,'
        f"cdn-upstream-fbl;dur={first},{word},{place},{last}"
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
