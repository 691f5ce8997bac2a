"""Looks out for caching traps while requests run, and says each once: in log and exchange.

What costs is done where a function ran or an answer gets stored. A hit in a behavior without
functions never comes here; one behind origin-request or a CloudFront Function costs a look at a
dictionary, and a comparison for the first viewers of a stored answer. Where caching is disabled
nothing of this is reached at all.

Looking never breaks serving: `saw` is the only way in, and holds what goes wrong behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from edgegw.awslambda.model import Returned
from edgegw.cloudfront.cache.deeds import Change, FunctionDeed, Shown, changes, digest
from edgegw.cloudfront.cache.edge_looks import ComparedRun, shown_request
from edgegw.cloudfront.cache.key import KeyRecipe
from edgegw.cloudfront.cache.key_gaps import KeyGap, beyond_key, is_in_key
from edgegw.cloudfront.cache.traps import BehaviorTraps, CachingTrap, Exposure
from edgegw.cloudfront.edge_functions.model import EdgeEdited, EdgeReturned
from edgegw.cloudfront.flow import (
    EdgeViewerRequest,
    Fetch,
    Forget,
    LookUp,
    OriginRequest,
    Store,
    Wait,
)
from edgegw.cloudfront.origin_request import origin_request
from edgegw.cloudfront.request_context import RequestContext
from edgegw.cloudfront.triggers import Trigger
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.handler_words import HandlerWords
from edgegw.http.message import Request

logger = logging.getLogger(__name__)

_MOST_SHOWN: Final = 50
"""Names that are remembered of one request."""


class TrapWatch:
    """Tells of caching traps. Without `handlers` no handler's source is known."""

    def __init__(self, handlers: HandlerWords | None = None) -> None:
        self._handlers = handlers
        self._behaviors: dict[tuple[str, str], BehaviorTraps] = {}
        self._has_failed = False

    def forget(self) -> None:
        """Configuration or code changed: what functions did before is no evidence any more."""
        self._behaviors.clear()
        if self._handlers is not None:
            self._handlers.forget()

    # What happens

    def is_over(self, key: bytes, context: RequestContext) -> bool:
        """Whether a hit of `key` shows nothing more: with CloudFront Functions that is soon so."""
        behavior = context.behavior
        if behavior.associations:
            return False
        if "viewer-request" not in behavior.edge_functions:
            return True
        traps = self._behaviors.get((context.distribution.id, behavior.path_pattern))
        return traps is not None and traps.edge_looks.is_over(key)

    def saw(self, step: Store | Forget | LookUp | Wait, exchange: Exchange) -> None:
        """Looks at a step of the cache; a LookUp or Wait is one that what is stored answers.

        Raises nothing: a fault of ours costs the finding, not the answer, and is logged once.
        """
        try:
            match step:
                case Store():
                    self._stored(step, exchange)
                case Forget():
                    self._forgotten(step, exchange)
                case LookUp() | Wait():
                    self._hit(step, exchange)
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                logger.exception(
                    "caching traps may go unseen: a fault of edgegw itself, please report it"
                )

    def _stored(self, step: Store, exchange: Exchange) -> None:
        """The answer to a request gets stored."""
        context, asked = step.context, step.asked
        if context.error_page_fetch is not None:
            return
        traps = self._of(context)
        is_checked = self._checks_authorization(context)
        for trap in traps.stores(step.entry, asked.request, is_checked=is_checked):
            self._say(trap, context, exchange)
        if traps.watches("viewer-request") and not context.is_background:
            self._viewer_side_did(asked.key, context, traps, exchange)
        if traps.watches("origin-request"):
            self._origin_request_did(asked.key, context, traps, exchange)

    def _forgotten(self, step: Forget, exchange: Exchange) -> None:
        """The answer to a request is passed on, and not stored."""
        context, request = step.context, step.asked.request
        if b"authorization" not in request.headers or context.error_page_fetch is not None:
            return
        is_checked = self._checks_authorization(context)
        trap = self._of(context).forgets(request, is_checked=is_checked)
        self._say(trap, context, exchange)

    def _hit(self, step: LookUp | Wait, exchange: Exchange) -> None:
        """A request is answered by what is stored, in a behavior with functions."""
        context = step.context
        traps = self._of(context)
        if traps.watches("viewer-request"):
            self._viewer_side_did(step.key, context, traps, exchange)
        if not traps.watches("origin-request"):
            return
        request = step.request
        viewer = hash((request.headers.raw, request.target, context.facts.viewer))
        exposure = traps.exposed_to(step.key, viewer)
        if exposure is None:
            return
        sent = origin_request(context.behavior.forwarding, request, context.origin, context.facts)
        trap = traps.served(exposure, self._shown(context, traps, "origin-request", sent))
        self._say(trap, context, exchange)

    def _of(self, context: RequestContext) -> BehaviorTraps:
        behavior = context.behavior
        place = context.distribution.id, behavior.path_pattern
        traps = self._behaviors.get(place)
        if traps is None or (traps.recipe is not behavior.key and traps.recipe != behavior.key):
            traps = self._behaviors[place] = BehaviorTraps(behavior)
        return traps

    # What functions did

    def _viewer_side_did(
        self, key: bytes, context: RequestContext, traps: BehaviorTraps, exchange: Exchange
    ) -> None:
        if "viewer-request" not in context.behavior.edge_functions:
            self._viewer_request_did(key, context, traps, exchange)
        elif not traps.edge_looks.is_over(key):
            self._edge_function_did(key, context, traps, exchange)

    def _edge_function_did(
        self, key: bytes, context: RequestContext, traps: BehaviorTraps, exchange: Exchange
    ) -> None:
        run = _edge_run(context, exchange)
        if run is None:
            return
        for picked in traps.edge_looks.picked(key, run):
            sent = picked.sent
            reaching = partial(_reaches, context, traps.recipe)
            changed = list(filter(reaching, changes(sent.request, picked.left)))
            outcome = repr((changed, picked.outcome.origin)).encode()
            shown = self._shown(context, traps, "viewer-request", shown_request(sent))
            self._did(key, "viewer-request", shown, outcome, traps, context, exchange)

    def _viewer_request_did(
        self, key: bytes, context: RequestContext, traps: BehaviorTraps, exchange: Exchange
    ) -> None:
        reaching = partial(_reaches, context, traps.recipe)
        changed = list(filter(reaching, changes(context.received, context.viewer)))
        shown = self._shown(context, traps, "viewer-request", context.received)
        self._did(key, "viewer-request", shown, repr(changed).encode(), traps, context, exchange)

    def _origin_request_did(
        self, key: bytes, context: RequestContext, traps: BehaviorTraps, exchange: Exchange
    ) -> None:
        ran = _origin_request_run(exchange)
        if ran is None:
            return
        sent, outcome = ran
        shown = self._shown(context, traps, "origin-request", sent)
        self._did(key, "origin-request", shown, outcome, traps, context, exchange)
        looks_at = self._looks_at(context, "origin-request")
        if looks_at is not None and traps.watches("origin-request"):
            traps.exposes(key, Exposure(sent.target.path, shown, looks_at, set()))

    def _did(
        self,
        key: bytes,
        trigger: Trigger,
        shown: Shown,
        outcome: bytes,
        traps: BehaviorTraps,
        context: RequestContext,
        exchange: Exchange,
    ) -> None:
        pattern = context.behavior.path_pattern
        deed = FunctionDeed(digest(key), pattern, trigger, shown, digest(outcome))
        self._say(traps.did(deed), context, exchange)

    def _shown(
        self, context: RequestContext, traps: BehaviorTraps, trigger: Trigger, request: Request
    ) -> Shown:
        """What the function at `trigger` may have looked at, and the key lacks."""
        looks_at = self._looks_at(context, trigger)
        shown: dict[KeyGap, bytes] = {}
        for gap, content in beyond_key(traps.recipe, request).items():
            if len(shown) < _MOST_SHOWN and (looks_at is None or looks_at(gap)):
                shown[gap] = digest(content)
        return shown

    def _looks_at(
        self, context: RequestContext, trigger: Trigger
    ) -> Callable[[KeyGap], bool] | None:
        """Whether the source of the function at `trigger` names something; None where unknown."""
        handlers, behavior = self._handlers, context.behavior
        if handlers is None:
            return None
        association = behavior.associations.get(trigger)
        if association is not None:
            return handlers.looks_at(association.function)
        return handlers.edge_looks_at({**behavior.edge_functions}[trigger])

    def _checks_authorization(self, context: RequestContext) -> bool:
        """Whether viewer-request looks at the Authorization of this request, or may well do so."""
        if b"authorization" not in context.viewer.headers:
            return False
        if "viewer-request" in context.behavior.edge_functions:
            return True
        if "viewer-request" not in context.behavior.associations:
            return False
        looks_at = self._looks_at(context, "viewer-request")
        gap = KeyGap("header", "authorization", reaches_origin=False)
        return looks_at is None or looks_at(gap)

    def _say(self, trap: CachingTrap | None, context: RequestContext, exchange: Exchange) -> None:
        if trap is not None:
            exchange.findings += (trap,)
            logger.warning("%s: %s", context.distribution.name, trap.text)


def _reaches(context: RequestContext, recipe: KeyRecipe, change: Change) -> bool:
    """Whether a change that viewer-request made is one that the origin's side sees.

    What is in the key, as the path, is the same for all requests of a key, changed or not.
    """
    kind, name, _ = change
    forwarding = context.behavior.forwarding
    match kind:
        case "header":
            is_seen = forwarding.keeps_header(name.encode("latin-1"))
            return is_seen and not is_in_key(recipe, "header", name)
        case "cookie":
            keeps = forwarding.keeps_cookie
            return keeps is not None and keeps(name) and not is_in_key(recipe, "cookie", name)
        case "query":
            keeps = forwarding.keeps_query_string
            return keeps is not None and keeps(name) and not is_in_key(recipe, "query", name)
        case _:
            return kind != "path"


def _edge_run(context: RequestContext, exchange: Exchange) -> ComparedRun | None:
    """The run of the CloudFront Function at viewer-request; None where there was none."""
    for step, reply, _ in exchange.steps:
        if isinstance(step, EdgeViewerRequest):
            if not isinstance(reply, EdgeReturned | EdgeEdited):
                return None
            received = context.received
            request = hash((received.headers.raw, received.target, context.facts.viewer))
            return ComparedRun(request, step.sent, reply, context.viewer)
    return None


def _origin_request_run(exchange: Exchange) -> tuple[Request, bytes] | None:
    """What origin-request was shown the last time, and what it made of it; None if it did not run.

    A response that it generated is the whole of what it did.
    """
    fetched: Fetch | None = None
    for step, reply, _ in reversed(exchange.steps):
        match step:
            case Fetch():
                fetched = step
            case OriginRequest(sent=sent):
                if fetched is None:
                    return sent.request, reply.payload if isinstance(reply, Returned) else b""
                changed = changes(sent.request, fetched.request)
                return sent.request, repr((changed, fetched.origin.domain_name)).encode()
            case _:
                pass
    return None
