"""The way of a request that came before, from the door to the look-up at the cache.

Everything up to there follows from the distribution and from the bytes of the request: what refuses
it, its behavior, its key. So what a head asked once hangs on it (`Headers.derived`), for the same
target and method. Not where something else has a say: a viewer-request function, a signature, the
viewer's place or wish, a body, a protocol to switch to.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.flow.steps import DistributionStep, LookUp
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.request_context import RequestContext
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget
from edgegw.values import value

_MOST: Final = 32
"""Ways that one head keeps: a page asks for so much in one way."""

_LONGEST: Final = 512
"""Bytes of a URL that is remembered."""

AskedWay: TypeAlias = tuple[str, RequestTarget, str, str, bool]


@value
class KnownWay:
    """Where a request is looked up; `target` is with the default root object."""

    behavior: Behavior
    target: RequestTarget | None
    key: bytes
    keys: tuple[bytes, ...]


Ways: TypeAlias = dict[AskedWay, KnownWay]


def no_ways(_: Headers) -> Ways:
    """What hangs on a head before anything was asked with it."""
    return {}


def is_open(request: Request, facts: DistributionFacts) -> bool:
    """Whether nothing about `request` has a say beside its head."""
    return not (facts.viewer.ip or request.upgrade) and request.body.is_empty


def look_up_known(
    way: KnownWay, distribution: Distribution, request: Request, facts: DistributionFacts
) -> LookUp:
    """The look-up of a `request` like one that came before."""
    behavior = way.behavior
    context = RequestContext(distribution, behavior, facts, request, request, behavior.origin)
    sought = request if way.target is None else request.sent(way.target, request.headers)
    return LookUp(context, sought, way.key, way.keys)


def remember(ways: Ways, asked: AskedWay, request: Request, step: DistributionStep) -> None:
    """Keeps the way of an open `request` to `step`, if anybody's would come to that look-up."""
    if type(step) is not LookUp or request.target.size > _LONGEST:
        return
    context, behavior = step.context, step.context.behavior
    if (
        context.viewer is not request  # the viewer, or a signature, had a say
        or behavior.trusted_keys is not None
        or context.distribution.geo_restriction is not None
        or context.facts.cache_override
    ):
        return
    if len(ways) >= _MOST:
        ways.clear()
    target = None if step.request is request else step.request.target
    ways[asked] = KnownWay(behavior, target, step.key, step.keys)
