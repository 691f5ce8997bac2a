"""The event that the gateway would send for a request, without sending the request anywhere.

The flow runs as it does for a viewer, with the functions before the trigger; the origin's answer is
given. What is printed is what the function would get.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from edgegw.alb.target_steps import ForwardTo
from edgegw.awslambda.model import FunctionRef, Invocation, Outcome
from edgegw.awslambda.payload import decode_payload
from edgegw.cloudfront.behaviors import choose_behavior
from edgegw.cloudfront.model import Association, Behavior, Distribution, Origin
from edgegw.cloudfront.triggers import TRIGGERS, Trigger
from edgegw.config.model import Config
from edgegw.errors import UsageError
from edgegw.execution.edge_js import EdgeEngine
from edgegw.execution.service import LambdaService
from edgegw.execution.snapshots import Snapshot
from edgegw.gateway.drive import Driver
from edgegw.gateway.edge_stores import stores_of
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.world import REAL
from edgegw.http.message import Request, Response
from edgegw.values import value


class _ReachedError(Exception):
    """The trigger's event is there."""

    def __init__(self, payload: bytes) -> None:
        super().__init__()
        self.payload = payload


class _Until(LambdaService):
    """Runs functions up to a trigger, whose own function does not run."""

    trigger: Trigger

    async def invoke(
        self, invocation: Invocation, sink: Any = None, snapshot: Snapshot | None = None
    ) -> Outcome:
        event = cast("Mapping[str, Any]", decode_payload(invocation.payload))
        if event["Records"][0]["cf"]["config"]["eventType"] == self.trigger:
            raise _ReachedError(invocation.payload)
        return await super().invoke(invocation, sink, snapshot)


@value
class GivenOrigin:
    """Stands for all origins: answers with the response that was given."""

    response: Response

    async def fetch(self, origin: Origin, request: Request, exchange: Exchange) -> Response:
        return self.response

    async def fetch_target(self, step: ForwardTo) -> Response:
        return self.response


async def event_at(
    config: Config,
    distribution: Distribution,
    trigger: Trigger,
    request: Request,
    reply: Response,
    *,
    include_body: bool = False,
) -> bytes:
    """The event of `trigger` for `request` as JSON; `reply` is what the origin would answer.

    A behavior without a function at `trigger` is looked at as if there were one. Raises UsageError
    when the trigger is not reached, with the reason.
    """
    behavior = choose_behavior(distribution, request.target.path)
    distribution = _with_function(distribution, behavior, trigger, include_body=include_body)
    earlier = _earlier(behavior, trigger)
    needed = {name: config.functions[name] for name in earlier}
    service = _Until(
        needed, config.account, pass_credentials=config.pass_credentials, strict=config.strict
    )
    service.trigger = trigger
    exchange = Exchange(REAL.request_id(), distribution.name, "distribution", request)
    engine = EdgeEngine(config.edge_functions, stores_of(config))
    driver = Driver(service, GivenOrigin(reply), edge=engine)
    try:
        if needed:
            await service.start()
        step = driver.enter_distribution(distribution, request, exchange.id)
        response = await driver.run(step, exchange)
    except _ReachedError as reached:
        return reached.payload
    finally:
        engine.close()
        await service.close()
    reason = f": {exchange.reason}" if exchange.reason else ""
    raise UsageError(
        f"{trigger} is not reached: the viewer gets {response.status} ({exchange.verdict}){reason}"
    )


def _earlier(behavior: Behavior, trigger: Trigger) -> list[str]:
    """The functions that run before `trigger`."""
    before = TRIGGERS[: TRIGGERS.index(trigger)]
    associations = behavior.associations
    return [associations[name].function.name for name in before if name in associations]


def _with_function(
    distribution: Distribution, behavior: Behavior, trigger: Trigger, *, include_body: bool
) -> Distribution:
    """`distribution` with a function at `trigger` of `behavior`, and no edge function there."""
    given = behavior.associations.get(trigger) or Association(FunctionRef("", at_edge=True))
    association = Association(given.function, given.include_body or include_body)
    own = replace(
        behavior,
        associations={**behavior.associations, trigger: association},
        edge_functions={at: name for at, name in behavior.edge_functions.items() if at != trigger},
    )
    return replace(
        distribution,
        behaviors=tuple(own if other is behavior else other for other in distribution.behaviors),
        default_behavior=(
            own if distribution.default_behavior is behavior else distribution.default_behavior
        ),
    )
