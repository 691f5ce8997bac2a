"""What the front door that a described request comes to would do with it: `edgegw explain`.

A kind of front door is a function here and an entry in `EXPLAINERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.explain import explain as explain_distribution
from edgegw.cloudfront.idle import why_idle
from edgegw.config.model import (
    Config,
    DistributionDoor,
    Door,
    FunctionUrlDoor,
    HttpApiDoor,
    ListenerDoor,
)
from edgegw.gateway.balancer_control import explain_listener
from edgegw.gateway.cache_explaining import explained_cache
from edgegw.gateway.cache_store import NoStore, PeekedStore
from edgegw.gateway.reached_door import DescribedRequest, reached
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.world import REAL, World
from edgegw.http.message import Request
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.awslambda.http_events.context import HttpFacts


@value
class PresentState:
    """What an explanation depends on beside the request: targets as they are, what caches keep.

    Without `groups` all targets count as healthy.
    """

    groups: TargetGroups | None
    store: PeekedStore
    world: World


def explained(
    config: Config,
    asked: DescribedRequest,
    groups: TargetGroups | None = None,
    ports: Mapping[int, str] | None = None,
    store: PeekedStore | None = None,
    world: World = REAL,
) -> dict[str, Any]:
    """What becomes of the request, as plain values, with the `kind` of its front door.

    Without `groups` all targets count as healthy. `ports` are front doors as `KIND NAME` by the
    real port where the configuration does not say, `store` is what the caches keep. Raises
    UsageError.
    """
    door, request = reached(config, asked, ports or {})
    around = PresentState(groups, store or NoStore(), world)
    return {"kind": door.kind, **EXPLAINERS[type(door)](door, request, around)}


def _listener_explained(door: Door, request: Request, around: PresentState) -> dict[str, Any]:
    listener = cast("ListenerDoor", door).listener
    return explain_listener(listener, request, around.groups, around.world).to_dict()


def _distribution_explained(door: Door, request: Request, around: PresentState) -> dict[str, Any]:
    distribution, world = cast("DistributionDoor", door).distribution, around.world
    facts = DistributionFacts("", world.via_host(), world.date(), viewer=distribution.viewer)
    explanation = explain_distribution(distribution, request, facts).to_dict()
    cache = explained_cache(distribution, request, facts, around.store, world.now())
    return {**explanation, "functions": _with_idle(explanation, cache), "cache": cache}


def _http_api_explained(door: Door, request: Request, around: PresentState) -> dict[str, Any]:
    from edgegw.awslambda.http_events.explain import explain_api

    return explain_api(cast("HttpApiDoor", door).api, request, _http_facts(around.world))


def _function_url_explained(door: Door, request: Request, around: PresentState) -> dict[str, Any]:
    from edgegw.awslambda.http_events.explain import explain_url

    return explain_url(cast("FunctionUrlDoor", door).url, request, _http_facts(around.world))


def _http_facts(world: World) -> HttpFacts:
    from edgegw.awslambda.http_events.context import HttpFacts

    return HttpFacts(request_id="", date=world.date(), now=world.now(), entropy=world.entropy())


EXPLAINERS: Final[dict[type[Door], Callable[[Door, Request, PresentState], dict[str, Any]]]] = {
    DistributionDoor: _distribution_explained,
    ListenerDoor: _listener_explained,
    HttpApiDoor: _http_api_explained,
    FunctionUrlDoor: _function_url_explained,
}


def _with_idle(explanation: Mapping[str, Any], cache: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The functions, and why one does not run now; None for one that does."""
    stored, is_refused = cache["stored"], explanation["refusal"] is not None
    is_error = stored is not None and stored["is_error"] and cache["state"] in ("hit", "stale")
    return [
        {
            **run,
            "idle": "CloudFront answers itself"
            if is_refused
            else why_idle(run["trigger"], cache["state"], is_error=is_error),
        }
        for run in explanation["functions"]
    ]
