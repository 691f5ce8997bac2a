"""The event that a CloudFront Function would get for a request; `preview` is for Lambda@Edge."""

from __future__ import annotations

from dataclasses import replace

from edgegw.cloudfront.behaviors import choose_behavior
from edgegw.cloudfront.edge_functions.model import EdgeCall, EdgeFunction, EdgeOutcome
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.config.model import Config
from edgegw.errors import UsageError
from edgegw.execution.edge_js import EdgeEngine
from edgegw.execution.service import LambdaService
from edgegw.gateway.drive import Driver
from edgegw.gateway.edge_stores import stores_of
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.preview import GivenOrigin
from edgegw.gateway.world import REAL
from edgegw.http.message import Request, Response

_NOBODY = "edgegw-preview"
"""Stands for a function where the behavior has none."""


class _ReachedEdgeError(Exception):
    """The function's event is there."""

    def __init__(self, event: str) -> None:
        super().__init__()
        self.event = event


class _UntilEdge(EdgeEngine):
    """Runs functions up to a trigger, whose own function does not run."""

    trigger: ViewerTrigger

    def run_now(self, function: EdgeFunction, call: EdgeCall) -> EdgeOutcome | None:
        if f'"eventType":"{self.trigger}"' in call.event:
            raise _ReachedEdgeError(call.event)
        return super().run_now(function, call)


async def edge_event_at(
    config: Config,
    distribution: Distribution,
    trigger: ViewerTrigger,
    request: Request,
    reply: Response,
) -> str:
    """The event of `trigger` for `request` as JSON; `reply` is what the origin would answer.

    Raises UsageError when the trigger is not reached, with the reason.
    """
    behavior = choose_behavior(distribution, request.target.path)
    distribution = _with_edge_function(distribution, behavior, trigger)
    functions = {**config.edge_functions, _NOBODY: EdgeFunction(_NOBODY)}
    engine = _UntilEdge(functions, stores_of(config))
    engine.trigger = trigger
    service = LambdaService({}, config.account, strict=config.strict)
    exchange = Exchange(REAL.request_id(), distribution.name, "distribution", request)
    driver = Driver(service, GivenOrigin(reply), edge=engine)
    try:
        step = driver.enter_distribution(distribution, request, exchange.id)
        response = await driver.run(step, exchange)
    except _ReachedEdgeError as reached:
        return reached.event
    finally:
        engine.close()
        await service.close()
    reason = f": {exchange.reason}" if exchange.reason else ""
    raise UsageError(
        f"{trigger} is not reached: the viewer gets {response.status} ({exchange.verdict}){reason}"
    )


def _with_edge_function(
    distribution: Distribution, behavior: Behavior, trigger: ViewerTrigger
) -> Distribution:
    """`distribution` with a function at `trigger` of `behavior`, and none of Lambda@Edge."""
    functions = {trigger: _NOBODY, **behavior.edge_functions}
    own = replace(behavior, associations={}, edge_functions=functions)
    return replace(
        distribution,
        behaviors=tuple(own if other is behavior else other for other in distribution.behaviors),
        default_behavior=(
            own if distribution.default_behavior is behavior else distribution.default_behavior
        ),
    )
