"""What an exchange shows of the cache: made of references when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from edgegw.cloudfront.behaviors import with_default_root_object
from edgegw.cloudfront.cache.decision import bypass
from edgegw.cloudfront.cache.entry import FoundEntry, StoredResponse
from edgegw.cloudfront.cache.key import KeyParts
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.flow import (
    Fetch,
    Forget,
    LookUp,
    OriginRequest,
    Refetch,
    Store,
    Touch,
    Wait,
)
from edgegw.cloudfront.model import Behavior
from edgegw.cloudfront.request_context import AskedOrigin, RequestContext
from edgegw.http.message import Response
from edgegw.http.target import to_text

if TYPE_CHECKING:
    from edgegw.cloudfront.stripped import StrippedPart

Steps: TypeAlias = Iterable[tuple[object, object, float]]
"""What an exchange has noted: a step, what it got, seconds."""


class CachePart(dict[str, Any]):
    """The record of a cache's part in an exchange (see `cache_record`), and its words by name."""

    def __init__(self, record: Mapping[str, Any], verdict: str) -> None:
        super().__init__(record)
        self.verdict = verdict
        """The word of X-Cache: `Hit`, `Miss`, `RefreshHit` …"""

    @property
    def decision(self) -> str:
        """What the cache did, as `hit`, `miss` or `bypass`."""
        return self["decision"]

    @property
    def key(self) -> dict[str, Any] | None:
        """The parts of the cache key; None where there was none."""
        return self.get("key")


def cache_record(steps: Steps, asked: tuple[AskedOrigin, ...]) -> dict[str, Any] | None:
    """The cache's part in an exchange as plain values; None where it did not get that far.

    `decision` is `bypass` (with the reason), `hit`, `miss`, `revalidate`, `collapse` or
    `stale-while-revalidating`; `expires_at` is in seconds since 1970.
    """
    noted = list(steps)
    context = next((step.context for step, _, _ in noted if isinstance(step, LookUp | Fetch)), None)
    if context is None:
        return None
    for step, reply, _ in noted:
        if isinstance(step, LookUp):
            stored = reply.entry if isinstance(reply, FoundEntry) else None
            return _looked_up(step, stored, noted, asked)
    return {"decision": "bypass", "why": _why_bypassed(context)}


def _why_bypassed(context: RequestContext) -> str:
    settings = context.behavior.cache
    if settings is None:
        return "caching-disabled"
    is_wanted = context.facts.cache_override == "bypass"
    passed = bypass(context.viewer, settings, is_wanted=is_wanted)
    return "" if passed is None else passed.reason


def _looked_up(
    step: LookUp,
    stored: StoredResponse | None,
    noted: list[tuple[object, object, float]],
    asked: tuple[AskedOrigin, ...],
) -> dict[str, Any]:
    facts, recipe = step.context.facts, step.context.behavior.key
    assert recipe is not None  # a key was made
    record: dict[str, Any] = {
        "decision": _decision(noted, asked),
        "key": key_record(recipe.parts(step.request, facts.error_target, facts.viewer)),
    }
    for later, reply, _ in noted:
        match later:
            case Store(entry=entry):
                stored, record["stored"] = entry, True
            case Touch():
                stored, record["stored"] = later.stored.entry, later.keeps
            case Forget(why=why):
                record["stored"], record["not_stored"] = False, why.why
                record["rule"] = None if why.terms is None else why.terms.rule
            case Wait() if isinstance(reply, FoundEntry):
                stored = reply.entry
            case _:
                pass
    if stored is not None and "not_stored" not in record:
        record["rule"] = stored.freshness.rule
        record["expires_at"] = stored.expires_at
    return record


def _decision(noted: list[tuple[object, object, float]], asked: tuple[AskedOrigin, ...]) -> str:
    kinds = {type(step) for step, _, _ in noted}
    if Wait in kinds:
        return "collapse"
    if Refetch in kinds:
        return "stale-while-revalidating"
    return type(asked[0].decision).__name__.lower() if asked else "hit"


def key_record(parts: KeyParts) -> dict[str, Any]:
    """The parts of a key as plain values."""
    return {
        "distribution": parts.distribution,
        "method": parts.method,
        "path": to_text(parts.path),
        "query": None if parts.query is None else to_text(parts.query),
        "headers": {name: None if text is None else to_text(text) for name, text in parts.headers},
        "cookies": [[to_text(name), to_text(text)] for name, text in parts.cookies],
        "accept_encoding": to_text(parts.accept_encoding),
    }


def idle_triggers(
    behavior: Behavior, ran: Iterable[str | None], record: Mapping[str, Any] | None, verdict: str
) -> dict[str, str]:
    """The triggers of `behavior` whose functions did not run, and why."""
    from edgegw.cloudfront.idle import why_not_run

    done = set(ran)
    decision = "" if record is None else str(record["decision"])
    return {
        trigger: why_not_run(trigger, done, decision, verdict)
        for trigger in (*behavior.associations, *behavior.edge_functions)
        if trigger not in done
    }


def stripped_parts(steps: Steps) -> list[StrippedPart]:
    """What the policies kept from the origin, and why; nothing where no request was made for it."""
    from edgegw.cloudfront.stripped import stripped

    for step, _, _ in steps:
        if isinstance(step, OriginRequest | Fetch):
            context = step.context
            viewer = with_default_root_object(context.distribution, context.viewer)
            sent = step.request if isinstance(step, Fetch) else step.sent.request
            return stripped(context.behavior.forwarding, viewer, sent)
    return []


def stored_error(steps: Steps, now: Callable[[], float]) -> str | None:
    """That an error comes out of the cache, and for how long yet; None where it does not."""
    for step, reply, _ in steps:
        if isinstance(step, LookUp | Wait) and isinstance(reply, FoundEntry):
            left = reply.entry.expires_at - now()
            if reply.entry.is_error and left > 0:
                return (
                    f"an error out of the cache, for {left:.0f}s more: the origin was not asked "
                    "(X-Edgegw-Cache: refresh asks it)"
                )
    return None


def stood_in_for(steps: Steps) -> str | None:
    """That what is stored went out in the place of an origin that failed, and how it failed."""
    for step, reply, _ in reversed(list(steps)):
        if isinstance(step, Fetch) and isinstance(reply, Response | OriginFailure):
            how = reply.detail if isinstance(reply, OriginFailure) else f"answered {reply.status}"
            return f"a stale answer of the cache stands in, as the origin failed: {how}"
    return None
