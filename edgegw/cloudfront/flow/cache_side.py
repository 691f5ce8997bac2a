"""Between the viewer's side and the origin's: what of a request the cache answers.

    look_up ─▶ LookUp ─┬─▶ hit ───────────────────────────────────────▶ to the viewer
                       ├─▶ Refetch ─▶ hit; and behind the viewer's back ─┐
                       ├─▶ Wait ─▶ hit, or ──────────────────────────────┤
                       └─▶ miss, revalidation ───────────────────────────┴─▶ to the origin

    from the origin ─▶ Settle ─▶ Store | Touch | Forget ─▶ to the viewer

A request that the cache has no part in (`bypass`) goes straight through, and no key is made. One
that goes to the origin on behalf of the cache has an `AskedOrigin` in its context until it is
settled.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from edgegw.cloudfront.behaviors import with_default_root_object
from edgegw.cloudfront.cache.decision import (
    Collapse,
    Hit,
    Miss,
    Revalidate,
    StaleWhileRevalidating,
    after_waiting,
    bypass,
    decide,
    refetching,
)
from edgegw.cloudfront.cache.entry import FoundEntry, StoredResponse
from edgegw.cloudfront.cache.key import KeyRecipe, lookups
from edgegw.cloudfront.cache.outcome import PassedThrough, Renewed, StaleServed, Stored, after
from edgegw.cloudfront.cache.serving import StoredAnswer
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.storable import storing
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.chains import refuse_chain
from edgegw.cloudfront.compression import ContentCoding
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.flow import error_pages, origin_side, viewer_side
from edgegw.cloudfront.flow.plain_hits import plain_hit
from edgegw.cloudfront.flow.plain_stores import plain_miss, plain_store
from edgegw.cloudfront.flow.steps import (
    DistributionStep,
    Forget,
    LookUp,
    Refetch,
    Settle,
    Store,
    Touch,
    Wait,
)
from edgegw.cloudfront.model import S3Origin
from edgegw.cloudfront.request_context import (
    AskedOrigin,
    DistributionAnswer,
    Keeping,
    RequestContext,
)
from edgegw.cloudfront.toward_viewer import decorated_answer
from edgegw.http.message import Body, Request, Response


def look_up(context: RequestContext) -> DistributionStep:
    """The place of the cache look-up, behind viewer-request and the default root object."""
    settings = context.behavior.cache
    if settings is None:
        return origin_side.to_origin(context)
    request = with_default_root_object(context.distribution, context.viewer)
    is_bypassed = context.facts.cache_override == "bypass"
    if bypass(request, settings, is_wanted=is_bypassed) is not None:
        return origin_side.to_origin(context)
    facts = context.facts
    key = _recipe(context).key(request, facts.error_target, facts.viewer)
    return LookUp(context, request, key, lookups(key, request))


def _recipe(context: RequestContext) -> KeyRecipe:
    recipe = context.behavior.key
    assert recipe is not None  # whoever caches has a key
    return recipe


def _settings(context: RequestContext) -> CacheSettings:
    settings = context.behavior.cache
    assert settings is not None  # else nothing would have been looked up
    return settings


def looked_up(
    step: LookUp, stored: FoundEntry | None, now: float, *, is_awaited: bool
) -> DistributionStep:
    """What follows from what the store has; `is_awaited` as in `decide`."""
    context = step.context
    if stored is not None:
        answer = plain_hit(context, step.request, stored, now)
        if answer is not None:
            return answer
    elif not is_awaited:
        fetch = plain_miss(step)
        if fetch is not None:
            return fetch
    if context.facts.cache_override == "refresh":
        stored, is_awaited = None, False
    entry = None if stored is None else stored.entry
    settings = _settings(context)
    decision = decide(step.request, entry, settings, now, is_awaited=is_awaited)
    if isinstance(decision, Miss | Revalidate):
        return _ask(context, step.request, step.key, decision, stored)
    if isinstance(decision, Collapse):
        if refuse_chain(step.request.headers) is not None:  # it may be waited for itself
            return origin_side.to_origin(context)
        return Wait(context, step.request, step.key, step.keys, decision, stored)
    assert stored is not None  # what is there is shown
    hit = from_store(context, stored, decision.answer)
    if isinstance(decision, StaleWhileRevalidating):
        return Refetch(context, _behind(step, decision, stored), hit)
    return hit


def _ask(
    context: RequestContext,
    request: Request,
    key: bytes,
    decision: Miss | Revalidate,
    stored: FoundEntry | None,
) -> DistributionStep:
    stale = stored if decision.stale is not None else None
    asked = AskedOrigin(decision, request, key, _recipe(context).place(request), stale)
    return origin_side.to_origin(context.asking(asked))


def _behind(step: LookUp, decision: StaleWhileRevalidating, stored: FoundEntry) -> DistributionStep:
    """The way to the origin behind the viewer's back."""
    request = refetching(step.request, decision.entry)
    context = step.context.behind_the_back(request)
    return _ask(context, request, step.key, decision.refetch, stored)


def waited(step: Wait, brought: FoundEntry | None, now: float) -> DistributionStep:
    """What follows from what another request brought; None where it is not to be shared."""
    context, request = step.context, step.request
    decision = after_waiting(
        request,
        step.waited,
        None if brought is None else brought.entry,
        _settings(context),
        now,
        length=None if brought is None else brought.body.length,
    )
    if isinstance(decision, Hit):
        assert brought is not None  # it hit that
        return from_store(context, brought, decision.answer)
    return _ask(context, request, step.key, decision, brought or step.stale)


def from_store(
    context: RequestContext, stored: FoundEntry, answer: StoredAnswer
) -> DistributionStep:
    """What is stored, to the viewer. An error was through the custom error pages already."""
    following = viewer_side.to_viewer(
        context,
        answer.response(stored.body),
        answer.verdict,
        origin_status=answer.status,
        age=answer.age,
        is_settled=stored.entry.is_error,
    )
    status = stored.entry.origin_status
    is_page = context.error_page_fetch is None and status in context.distribution.error_pages
    if is_page and isinstance(following, DistributionAnswer):
        response = error_pages.closing(following.response, status)
        return replace(following, response=response)
    return following


# Behind the origin


def settled(step: Settle, now: float, *, is_void: bool) -> DistributionStep:
    """What the origin's answer means for the store, and for the viewer.

    `is_void`: what was stored, and what was on its way, has been invalidated meanwhile. Then
    nothing stale stands in; a body that the origin itself has just confirmed may be shown.
    """
    store = plain_store(step, now)
    if store is not None:
        return store
    asked, reply = step.asked, step.reply
    is_confirmed = isinstance(asked.decision, Revalidate) and _status(reply) == 304
    outcome = after(
        Miss() if is_void and not is_confirmed else asked.decision,
        asked.request,
        asked.key,
        asked.place,
        reply,
        _settings(step.context),
        now,
        is_s3=isinstance(step.origin, S3Origin),
    )
    context = step.context.settled()
    match outcome:
        case Stored(entry, _, forgets) if isinstance(reply, Response):
            return _stored(step, context, reply, _coded(entry, step.coding), forgets)
        case PassedThrough(why) if isinstance(reply, OriginFailure) or why.why == "too-large":
            return _failed(step, context, reply, now)
        case PassedThrough(why, _, forgets):
            return Forget(context, asked, forgets, why, _passed_on(step, context, reply))
        case Renewed(entry, answer, keeps):
            return _from_stale(step, context, entry, answer, keeps=keeps and not is_void)
        case StaleServed(entry, answer):
            return _from_stale(step, context, entry, answer, keeps=True)
        case _:
            raise AssertionError(f"{outcome} of {reply}")


def _coded(entry: StoredResponse, coding: ContentCoding | None) -> StoredResponse:
    return entry if coding is None else replace(entry, coding=coding)


def _status(reply: Response | OriginFailure) -> int:
    return reply.status


def _passed_on(
    step: Settle, context: RequestContext, reply: Response | OriginFailure
) -> DistributionStep:
    assert isinstance(reply, Response)
    return _to_viewer(step, context, reply, reply.body)


def _to_viewer(
    step: Settle,
    context: RequestContext,
    reply: Response,
    body: Body,
    keeping: Keeping | None = None,
) -> DistributionStep:
    verdict = Verdict.ERROR if step.origin_status >= 400 else Verdict.MISS
    return viewer_side.to_viewer(
        context,
        Response(reply.status, reply.reason, reply.headers, body),
        verdict,
        origin_status=step.origin_status,
        origin=step.origin,
        runs_on_error=step.runs_on_error,
        keeping=keeping,
    )


def _stored(
    step: Settle,
    context: RequestContext,
    reply: Response,
    entry: StoredResponse,
    forgets: tuple[bytes, ...],
) -> DistributionStep:
    if entry.is_error and error_pages.has_page(context, reply.status):
        keeping = Keeping(step.asked, entry, _settings(step.context))
        return _to_viewer(step, context, reply, reply.body, keeping)
    following = partial(_to_viewer, step, context, reply)
    return Store(context, step.asked, entry, reply.body, forgets, following)


def _from_stale(
    step: Settle,
    context: RequestContext,
    entry: StoredResponse,
    answer: StoredAnswer,
    *,
    keeps: bool,
) -> DistributionStep:
    """What is stored, renewed or standing in for what the origin could not give."""
    if isinstance(step.reply, Response):
        error_pages.release(step.reply)
    stale = step.asked.stale
    assert stale is not None  # it was asked about, or stands in
    stored = FoundEntry(entry, stale.body)
    following = from_store(context, stored, answer)
    return Touch(context, step.asked, stored, keeps, following)


def _failed(
    step: Settle, context: RequestContext, reply: Response | OriginFailure, now: float
) -> DistributionStep:
    """The page for an origin without a usable answer; that is an error like others, and kept."""
    if isinstance(reply, Response):
        error_pages.release(reply)
        reply = OriginFailure("invalid", "the origin's answer is larger than what can be cached")
    answer = error_pages.failure_page(context, reply)
    asked, settings = step.asked, _settings(step.context)
    page = error_pages.to_be_kept(answer.response)
    entry = storing(asked.request, asked.key, asked.place, page, settings, now)
    answer = decorated_answer(answer)
    if not isinstance(entry, StoredResponse):
        return Forget(context, asked, (), entry, error_pages.or_error_page(answer))
    if error_pages.has_page(context, reply.status):
        return error_pages.or_error_page(answer, Keeping(asked, entry, settings))
    return Store(context, asked, entry, page.body, (), partial(_as_it_is, answer))


def _as_it_is(answer: DistributionAnswer, _: Body) -> DistributionStep:
    return answer
