"""Why a function of a behavior does not run for a request, in words for people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

IN_THE_CACHE: Final = "answered from the cache"
BY_ANOTHER: Final = "another request asks the origin for the same"
BEHIND_THE_BACK: Final = "the viewer gets what is stale; it runs behind the viewer's back"
FOR_AN_ERROR: Final = "not for an error"

_OF_THE_CACHE: Final = {
    "hit": IN_THE_CACHE,
    "stale": IN_THE_CACHE,
    "collapse": BY_ANOTHER,
    "stale-while-revalidating": BEHIND_THE_BACK,
}
"""Why origin triggers do not run, by what the cache decides."""


def why_idle(trigger: str, decision: str, *, is_error: bool = False) -> str | None:
    """Why the function at `trigger` does not run, as far as the cache decides; None where it does.

    `decision` is the cache's, empty where it has no part; `is_error`: what it has is an error.
    Source: CloudFront Developer Guide, "Decide which CloudFront event to use to trigger a
    Lambda@Edge function".
    """
    if trigger.startswith("origin"):
        return _OF_THE_CACHE.get(decision)
    return FOR_AN_ERROR if trigger == "viewer-response" and is_error else None


def why_not_run(trigger: str, ran: Collection[str | None], decision: str, verdict: str) -> str:
    """Why the function at `trigger` has not run in an exchange; `ran` are triggers that did."""
    is_error = verdict == "Error"
    why = why_idle(trigger, decision, is_error=is_error)
    if why is not None:
        return why
    if is_error:
        return FOR_AN_ERROR
    if trigger == "origin-response" and "origin-request" in ran:
        return "origin-request answered in the origin's stead"
    if "viewer-request" in ran and verdict == "LambdaGeneratedResponse":
        return "viewer-request answered"
    return f"the answer was there before ({verdict})"
