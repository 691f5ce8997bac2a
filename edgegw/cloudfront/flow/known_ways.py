"""The way of a request that came before: from the door to viewer-request, to the cache, or past it.

Everything up to there follows from the distribution and from the bytes of the request: what refuses
it, its behavior, its key. So what a head asked once hangs on it (`Headers.derived`), for the same
target and method. Not where something else has a say: a signature, the viewer's place or wish, a
body, a protocol to switch to.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import with_default_root_object
from edgegw.cloudfront.flow import viewer_side
from edgegw.cloudfront.flow.steps import (
    DistributionStep,
    EdgeViewerRequest,
    Fetch,
    LookUp,
    ViewerRequest,
)
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.request_context import RequestContext
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget
from edgegw.values import value

_MOST: Final = 128
"""Ways that one head keeps: a page of modules asks for so much in one way."""

_LONGEST: Final = 512
"""Bytes of a URL that is remembered."""

AskedWay: TypeAlias = tuple[str, RequestTarget, str, str, bool]


@value
class KnownWay:
    """Where a request is looked up, or which step comes in the place of that.

    `target` is with the default root object, None where that changes nothing. `key` is None where
    the cache has no part in it, or viewer-request has its say first.
    """

    behavior: Behavior
    to: type[DistributionStep]
    target: RequestTarget | None = None
    key: bytes = b""
    keys: tuple[bytes, ...] = ()


_Remembered: TypeAlias = ViewerRequest | EdgeViewerRequest | LookUp | Fetch
_REMEMBERED: Final = (ViewerRequest, EdgeViewerRequest, LookUp, Fetch)
"""Where a way may end."""

Ways: TypeAlias = dict[AskedWay, KnownWay]


def no_ways(_: Headers) -> Ways:
    """What hangs on a head before anything was asked with it."""
    return {}


def is_open(request: Request, facts: DistributionFacts) -> bool:
    """Whether nothing about `request` has a say beside its head."""
    return not (facts.viewer.ip or request.upgrade) and request.body.length == 0


def follow(
    way: KnownWay, distribution: Distribution, request: Request, facts: DistributionFacts
) -> DistributionStep:
    """Where a `request` like one that came before is after its `way`."""
    behavior = way.behavior
    origin = behavior.origin
    context = RequestContext(distribution, behavior, facts, request, request, origin)
    if way.to is EdgeViewerRequest:
        return viewer_side.run_edge_request(context)
    if way.to is ViewerRequest:
        return viewer_side.run_viewer_request(context, request, None)
    sought = request if way.target is None else request.sent(way.target, request.headers)
    if way.to is Fetch:
        out = origin_request(behavior.forwarding, sought, origin, facts)
        return Fetch(context, out, origin)
    return LookUp(context, sought, way.key, way.keys)


def remember(ways: Ways, asked: AskedWay, request: Request, step: DistributionStep) -> None:
    """Keeps the way of an open `request` to `step`, if anybody's would come to that one."""
    if request.target.size > _LONGEST or not isinstance(step, _REMEMBERED):
        return
    context, behavior = step.context, step.context.behavior
    if (
        context.viewer is not request  # the viewer, or a signature, had a say
        or behavior.trusted_keys is not None
        or context.distribution.geo_restriction is not None
        or context.facts.cache_override
        or context.error_page_fetch is not None
    ):
        return
    if len(ways) >= _MOST:
        ways.clear()
    ways[asked] = _way(step, request)


def _way(step: _Remembered, request: Request) -> KnownWay:
    behavior = step.context.behavior
    if isinstance(step, ViewerRequest | EdgeViewerRequest):
        return KnownWay(behavior, type(step))
    if isinstance(step, LookUp):
        target = None if step.request is request else step.request.target
        return KnownWay(behavior, LookUp, target, step.key, step.keys)
    viewer = with_default_root_object(step.context.distribution, request)
    return KnownWay(behavior, Fetch, None if viewer is request else viewer.target)
