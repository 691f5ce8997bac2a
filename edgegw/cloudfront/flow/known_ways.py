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

_Asked: TypeAlias = tuple[str, RequestTarget, str, str, bool]


@value
class KnownWay:
    """Where a request is looked up; `target` is with the default root object."""

    behavior: Behavior
    target: RequestTarget | None
    key: bytes
    keys: tuple[bytes, ...]


def _none_yet(_: Headers) -> dict[_Asked, KnownWay]:
    return {}


def _asked(request: Request, *, checks_host: bool) -> _Asked:
    return request.method, request.target, request.scheme, request.http_version, checks_host


def known_look_up(
    distribution: Distribution, request: Request, facts: DistributionFacts, *, checks_host: bool
) -> LookUp | None:
    """The look-up of `request` where the same one came before."""
    ways = request.headers.derived(distribution, _none_yet)
    way = ways.get(_asked(request, checks_host=checks_host))
    if way is None or facts.viewer.ip or request.upgrade or not request.body.is_empty:
        return None
    behavior = way.behavior
    context = RequestContext(distribution, behavior, facts, request, request, behavior.origin)
    sought = request if way.target is None else request.sent(way.target, request.headers)
    return LookUp(context, sought, way.key, way.keys)


def remember(
    distribution: Distribution, request: Request, step: DistributionStep, *, checks_host: bool
) -> None:
    """Keeps the way of `request` to `step`, if that is a look-up which anybody's would come to."""
    if type(step) is not LookUp or request.upgrade or request.target.size > _LONGEST:
        return
    context = step.context
    is_same = context.viewer is request  # neither a function nor the viewer has changed it
    if is_same and not context.facts.viewer.ip and not context.facts.cache_override:
        behavior = context.behavior
        if behavior.trusted_keys is not None or distribution.geo_restriction is not None:
            return
        ways = request.headers.derived(distribution, _none_yet)
        if len(ways) >= _MOST:
            ways.clear()
        target = None if step.request is request else step.request.target
        asked = _asked(request, checks_host=checks_host)
        ways[asked] = KnownWay(behavior, target, step.key, step.keys)
