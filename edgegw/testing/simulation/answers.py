"""What one viewer got for one request, and the way that it went: read off the exchange at once.

Exchanges hold on to much and are dropped with the next request; what counts of them is kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edgegw.alb.target_steps import ForwardTo, Invoke
from edgegw.awslambda.model import Returned
from edgegw.cloudfront.cache.entry import FoundEntry, StoredResponse
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.flow import Fetch, LookUp
from edgegw.gateway.exchange import Exchange
from edgegw.http.message import Headers, Response
from edgegw.http.target import to_text
from edgegw.testing.simulation.cookie_jar import JarCookie

_FROM_CACHE = (Verdict.HIT, Verdict.REFRESH_HIT)


class OriginAsked(NamedTuple):
    """A request to an origin, or to a target group: what it was asked for, what it said.

    `status` is 0 where it did not answer.
    """

    name: str
    path: str
    status: int


class AnswerTrail(NamedTuple):
    """The way of one request: its cache key, what was stored for it, who was asked.

    `key` is None where no cache was asked, `entry` None where the answer is not out of it.
    """

    key: bytes | None
    path: str
    entry: StoredResponse | None
    asked: tuple[OriginAsked, ...]
    target_group: str

    @property
    def is_out_of_cache(self) -> bool:
        """Whether the viewer got what was made for an earlier request."""
        return self.entry is not None


class ViewerAnswer:
    """An answer as its viewer has it; `path` and `sent` are of its request.

    `had_lost` says that the viewer once had the sticky cookie, and its time was over. `refetched`
    is the way of what was fetched anew behind the viewer's back.
    """

    __slots__ = (
        "at",
        "body",
        "exchange",
        "had_lost",
        "headers",
        "path",
        "refetched",
        "sent",
        "status",
        "trail",
    )

    def __init__(
        self,
        exchange: Exchange,
        response: Response,
        body: bytes,
        path: str,
        sent: Sequence[JarCookie],
        at: float,
    ) -> None:
        self.exchange = exchange
        self.status = response.status
        self.headers: Headers = response.headers
        self.body = body
        self.path = path
        self.sent = sent
        self.at = at
        self.had_lost = False
        self.refetched: AnswerTrail | None = None
        self.trail = trail_of(exchange)

    @property
    def is_redirect(self) -> bool:
        """Whether it leads somewhere else."""
        return 300 <= self.status < 400 and b"location" in self.headers

    def sent_cookie(self, name: str) -> str | None:
        """What the viewer sent in a cookie."""
        return next((cookie.content for cookie in self.sent if cookie.name == name), None)


def trail_of(exchange: Exchange) -> AnswerTrail:
    """The way that an exchange went."""
    key: bytes | None = None
    path, group = "", ""
    entry: StoredResponse | None = None
    asked: list[OriginAsked] = []
    for step, reply, _ in exchange.steps:
        match step:
            case LookUp() if key is None:
                key, path = step.key, to_text(step.request.target.path)
                entry = reply.entry if isinstance(reply, FoundEntry) else None
            case Fetch():
                asked.append(_asked_origin(step, reply))
            case ForwardTo() | Invoke() if step.chosen.target_group is not None:
                group = step.chosen.target_group.name
                status = _status(reply)
                asked.append(OriginAsked(group, to_text(exchange.request.target.path), status))
            case _:
                pass
    for inner in exchange.inner:
        group = group or trail_of(inner).target_group
    if entry is not None and asked and exchange.verdict not in _FROM_CACHE:
        entry = None  # it was stale, and what the origin says now goes out
    return AnswerTrail(key, path, entry, tuple(asked), group)


def _asked_origin(step: Fetch, reply: object) -> OriginAsked:
    origin = step.origin
    status = _status(reply)
    return OriginAsked(origin.name or origin.domain_name, to_text(step.request.target.path), status)


def _status(reply: object) -> int:
    """What an origin or a target said; 0 for nothing. A function that returned has answered."""
    if isinstance(reply, Response):
        return reply.status
    return 200 if isinstance(reply, Returned) else 0
