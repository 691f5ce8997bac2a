"""The steps of one request through a distribution.

    start ─▶ [IncludeBody] ─▶ ViewerRequest ─▶ LookUp ─┬─▶ [IncludeBody] ─▶ OriginRequest ─▶ Fetch
                                                       │   ─▶ OriginResponse ─▶ Settle ─▶ Store ─┐
                                                       └─▶ a hit ────────────────────────────────┤
                                         DistributionAnswer ◀─ ViewerResponse ◀──────────────────┘

Each step names what is needed; `next(reply)` answers the step that follows, and any step may lead
straight to `DistributionAnswer`. Steps of triggers without an association do not occur. Where a
CloudFront Function is at a trigger of the viewer's, the step is `EdgeViewerRequest` or
`EdgeViewerResponse`. The driver
in `gateway` performs the steps; a unit test can tell a whole request without any I/O.

What a request is, changes on its way, and who sees which is half of the flow:

    as it came          the viewer-request function; the behavior, chosen once and never again
    as that left it     the cache key, the policies; viewer-response's event; failover's method
    as policies made it the origin-request function, once for each origin that is tried
    as that left it     the origin, and origin-response's event

A request that the cache has no part in skips `LookUp`, `Settle` and `Store`. `cache_side` draws
what else may stand there: `Wait` for another request that fetches the same, `Refetch` of what is
stale behind a viewer's back, `Touch` and `Forget` in the place of `Store`.

Two ways lead back to before `OriginRequest`:

- An origin group: the first origin fails, or answers with a code of the list. The request that the
  policies made goes to the second one, and what origin-request did for the first is forgotten.
- A custom error page: the answer has a status for which there is one. The page is a request of its
  own, through the behavior of its own path, without the functions of the viewer; what it stands for
  is kept, and goes out if the page itself fails. There is no page for a page.

A response that is replaced gives its connection back: each way out of a step either hands the
body on or releases it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Literal, TypeAlias

from edgegw.awslambda.model import Invocation, Outcome, Returned
from edgegw.cloudfront.cache.decision import Collapse
from edgegw.cloudfront.cache.entry import FoundEntry, StoredResponse
from edgegw.cloudfront.cache.storable import NotStored
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.compression import ContentCoding
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.model import EdgeAnswer, EdgeCall, EdgeFailed, EdgeOutcome
from edgegw.cloudfront.edge_functions.results import decode_edge_request, decode_edge_response
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.request_context import AskedOrigin, DistributionAnswer, RequestContext
from edgegw.cloudfront.trigger_event import ShownBody, ShownEvent
from edgegw.cloudfront.trigger_result import (
    InvalidResult,
    decode_request_result,
    decode_response_result,
)
from edgegw.cloudfront.triggers import Trigger, ViewerTrigger
from edgegw.http.message import Body, Request, Response
from edgegw.http.target import RequestTarget
from edgegw.values import value


@value
class IncludeBody:
    """The first `limit` bytes of the body of `request` are needed by `trigger`'s function."""

    trigger: Literal["viewer-request", "origin-request"]
    context: RequestContext
    request: Request
    limit: int

    def next(self, content: bytes, *, truncated: bool, body: Body) -> DistributionStep:
        """`content` is what was read, `body` the whole body again, from its first byte."""
        request = replace(self.request, body=body)
        shown = ShownBody(content, truncated)
        if self.trigger == "viewer-request":
            return viewer_side.run_viewer_request(self.context, request, shown)
        return origin_side.run_origin_request(self.context, request, shown)


@value
class FunctionStep:
    """The function at `trigger` is to be run; `sent` is what it is shown."""

    trigger: ClassVar[Trigger]

    context: RequestContext
    sent: ShownEvent
    invocation: Invocation

    def next(self, outcome: Outcome) -> DistributionStep:
        """What follows from what became of the function."""
        if not isinstance(outcome, Returned):
            self._forget()
            return error_pages.failed(self, outcome)
        following = self._returned(outcome.payload)
        if isinstance(following, InvalidResult):
            self._forget()
            return error_pages.failed(self, outcome, following)
        return following

    def _returned(self, payload: bytes) -> DistributionStep | InvalidResult:
        """What follows from its result, if that is one."""
        raise NotImplementedError  # no abstract class: to ask what is one costs two calls

    def _forget(self) -> None:
        """The response that it was shown goes to nobody; a request trigger holds nothing."""


class ViewerRequest(FunctionStep):
    """The viewer-request function is to be run."""

    __slots__ = ()
    trigger: ClassVar[Trigger] = "viewer-request"

    def _returned(self, payload: bytes) -> DistributionStep | InvalidResult:
        answer = decode_request_result(payload, self.sent)
        if isinstance(answer, InvalidResult):
            return answer
        return viewer_side.after_viewer_request(self.context, answer)


class OriginRequest(FunctionStep):
    """The origin-request function is to be run."""

    __slots__ = ()
    trigger: ClassVar[Trigger] = "origin-request"

    def _returned(self, payload: bytes) -> DistributionStep | InvalidResult:
        answer = decode_request_result(payload, self.sent)
        if isinstance(answer, InvalidResult):
            return answer
        return origin_side.after_origin_request(self.context, answer)


@value
class Fetch:
    """`request` goes to `origin`; the origin path and custom headers are not in it yet."""

    context: RequestContext
    request: Request
    origin: Origin

    @property
    def sent(self) -> Request:
        """The request as it leaves for the origin."""
        target, origin = self.request.target, self.origin
        if origin.path or target.authority is not None:
            target = RequestTarget(origin.path.encode() + target.path, target.query)
        own = (b"X-Amz-Cf-Id", self.context.facts.request_id.encode())
        headers = self.request.headers.added(own, *origin.custom_headers)
        request = self.request.sent(target, headers)
        if request.upgrade and b"sec-websocket-key" not in headers:
            # The policies keep the handshake from the origin: it is an ordinary request.
            return replace(request, upgrade=b"")
        return request

    def next(self, reply: Response | OriginFailure) -> DistributionStep:
        return origin_side.after_fetch(self, reply)


@value
class OriginResponse(FunctionStep):
    """The origin-response function is to be run."""

    trigger: ClassVar[Trigger] = "origin-response"

    reply: Response

    def _returned(self, payload: bytes) -> DistributionStep | InvalidResult:
        answer = decode_response_result(payload, self.sent)
        if isinstance(answer, InvalidResult):
            return answer
        return origin_side.after_origin_response(self.context, self.reply, answer, self.sent.origin)

    def _forget(self) -> None:
        error_pages.release(self.reply)


@value
class ViewerResponse(FunctionStep):
    """The viewer-response function is to be run."""

    trigger: ClassVar[Trigger] = "viewer-response"

    response: Response
    verdict: Verdict
    age: int | None = None

    def _returned(self, payload: bytes) -> DistributionStep | InvalidResult:
        answer = decode_response_result(payload, self.sent)
        if isinstance(answer, InvalidResult):
            return answer
        return viewer_side.after_viewer_response(self, answer)

    def _forget(self) -> None:
        error_pages.release(self.response)


@value
class EdgeFunctionStep:
    """The CloudFront Function at `trigger` is to be run; `sent` is what it is shown."""

    trigger: ClassVar[ViewerTrigger]

    context: RequestContext
    sent: ShownEdgeEvent
    call: EdgeCall

    def next(self, outcome: EdgeOutcome) -> DistributionStep:
        """What follows from what became of the function."""
        if isinstance(outcome, EdgeFailed):
            self._forget()
            return error_pages.edge_function_failed(self, outcome)
        following = self._returned(outcome)
        if isinstance(following, InvalidResult):
            self._forget()
            return error_pages.edge_function_failed(self, outcome, following)
        return following

    def _returned(self, outcome: EdgeAnswer) -> DistributionStep | InvalidResult:
        """What follows from its result, if that is one."""
        raise NotImplementedError  # no abstract class: to ask what is one costs two calls

    def _forget(self) -> None:
        """The response that it was shown goes to nobody."""


class EdgeViewerRequest(EdgeFunctionStep):
    """The CloudFront Function of viewer-request is to be run."""

    __slots__ = ()
    trigger: ClassVar[ViewerTrigger] = "viewer-request"

    def _returned(self, outcome: EdgeAnswer) -> DistributionStep | InvalidResult:
        answer = decode_edge_request(outcome, self.sent)
        if isinstance(answer, InvalidResult):
            return answer
        return viewer_side.after_edge_request(self, outcome, answer)


@value
class EdgeViewerResponse(EdgeFunctionStep):
    """The CloudFront Function of viewer-response is to be run."""

    trigger: ClassVar[ViewerTrigger] = "viewer-response"

    response: Response
    verdict: Verdict
    age: int | None = None

    def _returned(self, outcome: EdgeAnswer) -> DistributionStep | InvalidResult:
        answer = decode_edge_response(outcome, self.sent)
        if isinstance(answer, InvalidResult):
            return answer
        return viewer_side.after_edge_response(self, answer)

    def _forget(self) -> None:
        error_pages.release(self.response)


@value
class CacheStep:
    """Something is asked of the cache."""

    context: RequestContext


@value
class LookUp(CacheStep):
    """The first of `keys` under which something is stored; `key` is the one of a whole answer."""

    request: Request
    key: bytes
    keys: tuple[bytes, ...]

    def next(self, stored: FoundEntry | None, now: float, *, is_awaited: bool) -> DistributionStep:
        """`is_awaited`: another request for one of the keys is on its way to the origin."""
        return cache_side.looked_up(self, stored, now, is_awaited=is_awaited)


@value
class Wait(CacheStep):
    """Another request fetches this; `stale` is what is stored meanwhile."""

    request: Request
    key: bytes
    keys: tuple[bytes, ...]
    waited: Collapse
    stale: FoundEntry | None

    def next(self, brought: FoundEntry | None, now: float) -> DistributionStep:
        """`brought` may still come in; None is not to be shared."""
        return cache_side.waited(self, brought, now)


@value
class Refetch(CacheStep):
    """`behind` is to be done behind the viewer's back, who goes on with `following`."""

    behind: DistributionStep
    following: DistributionStep


@value
class Settle(CacheStep):
    """What the origin was `asked` on behalf of the cache is answered: what time is it now?

    `coding` is how `reply` has been compressed here.
    """

    asked: AskedOrigin
    reply: Response | OriginFailure
    origin_status: int = 0
    origin: Origin | None = None
    runs_on_error: bool = False
    coding: ContentCoding | None = None

    def next(self, now: float, *, is_void: bool) -> DistributionStep:
        """`is_void`: it has been invalidated meanwhile."""
        return cache_side.settled(self, now, is_void=is_void)


@value
class Store(CacheStep):
    """`body` is to be stored under `entry`, and what is under `forgets` goes.

    One that `is_plain` has nothing that could be a trap: no functions, no cookie, no Authorization.
    """

    asked: AskedOrigin
    entry: StoredResponse
    body: Body
    forgets: tuple[bytes, ...]
    following: Callable[[Body], DistributionStep]
    is_plain: bool = False

    def next(self, body: Body) -> DistributionStep:
        """`body` is the same, read along as it is stored."""
        return self.following(body)


@value
class Touch(CacheStep):
    """What is `stored` has new terms; it stays, or goes unless it `keeps`."""

    asked: AskedOrigin
    stored: FoundEntry
    keeps: bool
    following: DistributionStep


@value
class Forget(CacheStep):
    """What is under `keys` goes: the answer that takes its place is not stored, and says `why`."""

    asked: AskedOrigin
    keys: tuple[bytes, ...]
    why: NotStored
    following: DistributionStep


DistributionStep: TypeAlias = (
    IncludeBody
    | FunctionStep
    | EdgeFunctionStep
    | Fetch
    | LookUp
    | Wait
    | Refetch
    | Settle
    | Store
    | Touch
    | Forget
    | DistributionAnswer
)

# What follows a step is decided on the sides, which are made of steps.
from edgegw.cloudfront.flow import cache_side, error_pages, origin_side, viewer_side  # noqa: E402
