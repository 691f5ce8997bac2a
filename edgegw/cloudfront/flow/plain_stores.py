"""The usual miss in two short steps: nothing is stored, and the origin answers a 200 that is kept.

    LookUp ─▶ plain_miss ─▶ Fetch ─▶ … ─▶ Settle ─▶ plain_store ─▶ Store ─▶ the answer

The long way, by `decide`, `after` and `to_viewer`, says the same; a test holds the two equal. What
follows from the origin's headers in a behavior (what is stored of them, for how long, what the
viewer gets) is worked out once for headers that come again, and hangs on them.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from edgegw.cloudfront.answers import stamp, via
from edgegw.cloudfront.cache.decision import Miss
from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.freshness import Freshness, lasting_freshness
from edgegw.cloudfront.cache.storable import MAX_OBJECT, cache_tags, is_chunked, stored_headers
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.chains import refuse_chain
from edgegw.cloudfront.flow.steps import Fetch, LookUp, Settle, Store
from edgegw.cloudfront.model import Behavior, S3Origin
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.request_context import AskedOrigin, DistributionAnswer, RequestContext
from edgegw.cloudfront.response_headers import ViewerHeaders
from edgegw.http.message import Body, Headers, Response
from edgegw.values import value

_TOGETHER: Final = Miss(None, collapses=True)
_ALONE: Final = Miss(None, collapses=False)


@value
class KeptHead:
    """What an origin's headers mean for the store and for viewers, whoever asks and whenever."""

    headers: Headers
    terms: Freshness
    is_chunked: bool
    tags: frozenset[bytes]
    has_cookie: bool
    passed: ViewerHeaders


def plain_miss(step: LookUp) -> Fetch | None:
    """The way to the origin where nothing is stored and nobody is waited for.

    None where more has to be looked at.
    """
    context, request = step.context, step.request
    behavior, facts = context.behavior, context.facts
    settings, recipe = behavior.cache, behavior.key
    if (
        settings is None
        or recipe is None
        or facts.cache_override
        or "origin-request" in behavior.associations
        or refuse_chain(request.headers) is not None
    ):
        return None
    decision = (
        _ALONE if settings.forwards_cookies else _TOGETHER
    )  # one that is off looks nothing up
    asked = AskedOrigin(decision, request, step.key, recipe.place(request))
    out = origin_request(behavior.forwarding, request, context.origin, facts)
    return Fetch(context.asking(asked), out, context.origin)


def plain_store(step: Settle, now: float) -> Store | None:
    """What is stored of a 200 that nothing stood behind; None where more has to be looked at."""
    context, asked, reply = step.context, step.asked, step.reply
    behavior = context.behavior
    settings = behavior.cache
    if (
        not isinstance(reply, Response)
        or reply.status != 200
        or step.origin_status != 200
        or asked.decision.stale is not None
        or asked.request.method != "GET"
        or step.coding is not None
        or reply.upgraded is not None
        or settings is None
        or behavior.response_headers_policy is not None
        or "viewer-response" in behavior.associations
        or "viewer-response" in behavior.edge_functions
        or context.error_page_fetch is not None
        or isinstance(step.origin, S3Origin)
    ):
        return None
    head = reply.headers.derived(behavior, partial(_kept_head, behavior))
    length = reply.body.length
    if head is None or (length is not None and length > MAX_OBJECT):
        return None
    entry = StoredResponse(
        asked.key,
        asked.place,
        200,
        reply.reason,
        head.headers,
        now,
        head.terms,
        200,
        length,
        is_chunked=head.is_chunked,
        tags=head.tags,
    )
    context = context.settled()
    following = partial(_to_viewer, context, reply, head.passed)
    has_functions = behavior.associations or behavior.edge_functions
    is_plain = not (has_functions or head.has_cookie) and _is_nobodys(step)
    return Store(context, asked, entry, reply.body, (), following, is_plain)


def _is_nobodys(step: Settle) -> bool:
    """Whether nothing of who asked can be in the answer but what the key has, cookies aside."""
    recipe, headers = step.context.behavior.key, step.asked.request.headers
    if recipe is None or recipe.keeps_cookie is not None:
        return False
    return not headers.derived(_has_authorization, _has_authorization)


def _has_authorization(headers: Headers) -> bool:
    return b"authorization" in headers


def _kept_head(behavior: Behavior, headers: Headers) -> KeptHead | None:
    """None where a moment decides, or nothing is kept."""
    settings, to_viewer = behavior.cache, behavior.forwarding.to_viewer
    if settings is None or b"date" not in headers:
        return None
    terms = lasting_freshness(headers, settings)
    if terms is None or not terms.is_kept:
        return None
    stored = stored_headers(headers, keeps_cookies=settings.forwards_cookies)
    passed = headers.derived(to_viewer, to_viewer)
    if b"date" not in stored or not passed.has_date:
        return None
    tags = cache_tags(headers, settings.tag_header)
    has_cookie = b"set-cookie" in stored
    return KeptHead(stored, terms, is_chunked(headers), tags, has_cookie, passed)


def _to_viewer(
    context: RequestContext, reply: Response, passed: ViewerHeaders, body: Body
) -> DistributionAnswer:
    facts = context.facts
    own = (b"Via", passed.via + via("1.1", facts))
    lines = stamp(Verdict.MISS, own, facts, None)
    response = Response(200, reply.reason, passed.headers.added(*lines), body)
    return DistributionAnswer(response, context, Verdict.MISS)
