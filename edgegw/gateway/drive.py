"""Performs the steps of a flow, one after the other, and writes the exchange down.

The only interpreter of steps: what a step means for a request is decided in the flows, what is
done for it is done here.

    enter ─▶ step ─▶ advance: what needs no waiting, in the call that brought the request
                 └─▶ run: what does (functions, origins, bodies that come in), in a task
                 └─▶ finish: the last step, written down (`finishing`)

Both loops are one: `advance` leaves the first step that waits, `run` hands steps that do not back
to it. A redirect, a fixed response or a refusal so never sees a task, whatever protocol it came by.

Three things end a request before its last step:

- Its body never comes to its end (ViewerGoneError). CloudFront waits for nothing then; a load
  balancer's flow knows what it says and logs, and is cut short to that.
- Its task is cancelled, as its viewer left. A function that runs goes on, as on AWS; a request to
  an origin is broken off.
- Its target is deregistered and the deregistration delay is over: the lease of the target cancels
  the task as well (`target_requests.py`).

Faults on demand stand between a step and what it asks for, so that flows cannot tell them from real
ones.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from functools import partial
from time import perf_counter
from typing import Final, Protocol, assert_never

from edgegw.alb import flow as alb
from edgegw.alb.authentication.steps import ProviderStep
from edgegw.alb.model import Listener
from edgegw.awslambda.http_events.steps import HttpStep, InvokeHttp, ReadHttpBody
from edgegw.awslambda.model import Invocation, Outcome
from edgegw.background import Background
from edgegw.cloudfront import flow as cloudfront
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Distribution, Origin
from edgegw.cloudfront.origin_connection import connection_to
from edgegw.execution.channel import Sink
from edgegw.execution.edge_js import EdgeEngine
from edgegw.execution.service import LambdaService
from edgegw.execution.snapshots import Snapshot
from edgegw.gateway.body_reading import excerpt, read_body
from edgegw.gateway.cache_store import NoStore
from edgegw.gateway.caching import Caching
from edgegw.gateway.compressing import encoders
from edgegw.gateway.edge_runs import EdgeFunctionRuns
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.faults import Faults, InjectedFault, injected_fault
from edgegw.gateway.finishing import LAST_STEPS, Finishing
from edgegw.gateway.guards import Guards
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.target_requests import TargetRequests, TargetTransport
from edgegw.gateway.world import REAL, World
from edgegw.http.message import Body, Request, Response
from edgegw.http.target import to_text
from edgegw.wire.front import ViewerGoneError

logger = logging.getLogger(__name__)

Step = cloudfront.DistributionStep | alb.BalancerStep | HttpStep


class Origins(TargetTransport, Protocol):
    """Where requests go: origins of distributions, ip targets of load balancers."""

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure: ...


class Driver:
    """Runs requests through front doors with real functions and real origins."""

    def __init__(
        self,
        service: LambdaService,
        origins: Origins,
        faults: Faults | None = None,
        groups: TargetGroups | None = None,
        world: World = REAL,
        caching: Caching | None = None,
        edge: EdgeEngine | None = None,
        guards: Guards | None = None,
    ) -> None:
        self._caching = caching or Caching(NoStore(), world)
        self._caching.run = self._behind
        self._groups = groups or TargetGroups({})
        self._faults = faults or Faults({})
        self._targets = TargetRequests(self._groups, origins, self._faults)
        self._guards = guards
        self._service = service
        self._origins = origins
        self._encoders = encoders()
        self._world = world
        self.edge = edge or EdgeEngine({}, {})
        self._edge_runs = EdgeFunctionRuns(self.edge, self._faults, service.logs, world)
        self._streams = Background()
        self.finish = Finishing(self._caching, service, world).finish
        """The answer of a flow's last step, written down."""

    async def close(self) -> None:
        """Waits for what streams on behind clients that left; their functions have ended."""
        await self._streams.settled()

    # The first step of each flow

    def enter_distribution(
        self,
        distribution: Distribution,
        request: Request,
        request_id: str,
        *,
        checks_host: bool = False,
    ) -> cloudfront.DistributionStep:
        """One viewer request begins its way through a distribution."""
        world = self._world
        facts = DistributionFacts(
            request_id,
            world.via_host(),
            world.date(),
            viewer=distribution.viewer,
            encoders=self._encoders,
        )
        return cloudfront.start(distribution, request, facts, checks_host=checks_host)

    def enter_listener(self, listener: Listener, request: Request) -> Step:
        """One client request begins its way through a listener of a load balancer."""
        world = self._world
        facts = alb.BalancerFacts(world.date(), world.now(), world.entropy(), world.dice())
        return alb.start(listener, request, facts)

    # Its way

    def advance(self, step: Step, exchange: Exchange) -> Step:
        """Performs what needs no waiting: the step that is left waits, or is the last one."""
        while isinstance(step, _AT_ONCE):
            match step:
                case cloudfront.CacheStep():
                    following = self._caching.perform(step, exchange)
                    if following is None:
                        return step
                    step = following
                case cloudfront.EdgeFunctionStep():
                    following = self._edge_runs.advance(step, exchange)
                    if following is None:
                        return step
                    step = following
                case alb.ChooseTarget():
                    routable = self._groups.routable(step.group)
                    exchange.note(step, routable, 0.0)
                    step = step.next(routable)
                case alb.CheckSession() | alb.CheckToken():
                    following = self._at_the_guard.at_once(step)
                    if following is None:
                        return step
                    exchange.note(step, None, 0.0)
                    step = following
                case alb.ReadBody() | ReadHttpBody() if step.request.body.content is not None:
                    body = step.request.body
                    content, is_truncated = excerpt(body.content or b"", step.limit)
                    exchange.note(step, len(content), 0.0)
                    step = step.next(content, truncated=is_truncated)
                case cloudfront.IncludeBody() if step.request.body.content is not None:
                    body = step.request.body
                    content, is_truncated = excerpt(body.content or b"", step.limit)
                    exchange.note(step, len(content), 0.0)
                    step = step.next(content, truncated=is_truncated, body=body)
                case _:
                    return step
        return step

    async def run(self, step: Step, exchange: Exchange) -> Response:
        """The answer. Raises ViewerGoneError when the request's body never comes to its end."""
        snapshot = exchange.snapshot
        try:
            while True:
                if isinstance(step, LAST_STEPS):
                    return self.finish(step, exchange)
                started = perf_counter()
                match step:
                    case cloudfront.Fetch():
                        answer = await self._fetch(step, exchange)
                        exchange.note(step, answer, perf_counter() - started)
                        step = step.next(answer)
                        may_go_on = type(step) in _BEHIND_ORIGINS  # all there is to ask of it
                        step = self.advance(step, exchange) if may_go_on else step
                    case cloudfront.FunctionStep() | alb.Invoke():
                        outcome = await self._invoke(step.invocation, snapshot, exchange)
                        exchange.note(step, outcome, perf_counter() - started)
                        step = step.next(outcome)
                    case alb.ForwardTo():
                        reply = await self._targets.fetch(step, exchange)
                        exchange.note(step, reply, perf_counter() - started)
                        step = step.next(reply)
                    case InvokeHttp():
                        step = await self._invoke_http(step, exchange, started)
                    case cloudfront.IncludeBody() | alb.ReadBody() | ReadHttpBody():
                        step = await self._read(step, exchange, started)
                    case (
                        alb.ExchangeCode()
                        | alb.RefreshTokens()
                        | alb.FetchUserInfo()
                        | alb.CheckToken()
                    ):
                        step = await self._pass_guard(step, exchange, started)
                    case (
                        alb.ChooseTarget()
                        | alb.CheckSession()
                        | cloudfront.CacheStep()
                        | cloudfront.EdgeFunctionStep()
                    ):
                        step = await self._advanced(step, exchange)
                    case _:
                        assert_never(step)
        except BaseException as error:
            cut = self._ended_early(step, error, exchange)
            if cut is None:
                raise
            return cut

    async def _advanced(self, step: Step, exchange: Exchange) -> Step:
        """What follows a step that may need no waiting."""
        following = self.advance(step, exchange)
        if following is step:  # it has to be waited for
            if isinstance(step, cloudfront.EdgeFunctionStep):
                return await self._edge_runs.run(step, exchange)
            assert isinstance(step, cloudfront.Wait | cloudfront.LookUp)
            return await self._caching.wait(step, exchange)
        return following

    async def _read(
        self,
        step: cloudfront.IncludeBody | alb.ReadBody | ReadHttpBody,
        exchange: Exchange,
        started: float,
    ) -> Step:
        """What follows once the body of the request is there, or as much of it as is needed."""
        content, truncated, body = await read_body(step.request.body, step.limit)
        exchange.note(step, len(content), perf_counter() - started)
        if isinstance(step, alb.ReadBody | ReadHttpBody):
            return step.next(content, truncated=truncated)
        return step.next(content, truncated=truncated, body=body)

    def _ended_early(self, step: Step, error: BaseException, exchange: Exchange) -> Response | None:
        """What is answered all the same where `error` ended a request before its last step."""
        if exchange.asked:
            self._caching.abandon(exchange.asked)
        if isinstance(error, ViewerGoneError) and isinstance(step, ALB_STEPS):
            return self._cut_short(step, error, exchange)
        return None

    async def _pass_guard(
        self, step: ProviderStep | alb.CheckToken, exchange: Exchange, started: float
    ) -> Step:
        """What follows once an identity provider has said what is asked, or its keys are here."""
        guards = self._at_the_guard
        if isinstance(step, alb.CheckToken):
            following: Step = step.next(await guards.key_set(step.action.jwks_endpoint))
        else:
            following = step.next(await guards.ask(step))
        exchange.note(step, None, perf_counter() - started)  # without what was said: tokens
        return following

    async def _invoke_http(self, step: InvokeHttp, exchange: Exchange, started: float) -> Step:
        """What follows once the function has answered, or begins to; imported by the first."""
        from edgegw.gateway.http_invoking import invoked

        invoke = partial(self._invoke, step.invocation, exchange.snapshot, exchange)
        reply = await invoked(step, invoke, exchange, self._streams)
        exchange.note(step, reply, perf_counter() - started)
        return step.next(reply)

    def _cut_short(
        self, step: alb.BalancerStep, error: ViewerGoneError, exchange: Exchange
    ) -> Response:
        """What a load balancer says and logs of a request whose body never came to its end."""
        cut = alb.cut_short(step, error.detail, is_idle=error.why == "idle")
        response = self.finish(cut, exchange)
        if error.why is None:
            raise error
        return response

    async def _behind(self, step: cloudfront.DistributionStep, exchange: Exchange) -> Body:
        """The body of an answer that nobody waits for."""
        response = await self.run(step, exchange)
        exchange.response = response
        exchange.duration = perf_counter() - exchange.began
        if exchange.reason is not None:
            target = to_text(exchange.request.target.raw)
            logger.warning("%s: %s, fetched anew: %s", exchange.front_door, target, exchange.reason)
        return response.body

    # What steps ask for

    @property
    def _at_the_guard(self) -> Guards:
        assert self._guards is not None, "a driver of load balancers that sign in has guards"
        return self._guards

    def _invoke(
        self,
        invocation: Invocation,
        snapshot: Snapshot | None,
        exchange: Exchange,
        sink: Sink | None = None,
    ) -> Awaitable[Outcome]:
        if self._faults.plans:
            name = invocation.function.name
            injected = self._injected(f"function:{name}", exchange)
            deployed = self._service.functions.get(name)
            if injected is not None and deployed is not None:
                run = partial(self._service.invoke, invocation, sink, snapshot=snapshot)
                return injected.invoke(run, deployed.latest.timeout)
        return self._service.invoke(invocation, sink, snapshot=snapshot)

    def _fetch(
        self, step: cloudfront.Fetch, exchange: Exchange
    ) -> Awaitable[Response | OriginFailure]:
        origin = step.origin
        if self._faults.plans and origin.name:
            injected = self._injected(f"origin:{origin.name}", exchange)
            if injected is not None:
                send = partial(self._origins.fetch, origin, step.sent, exchange)
                return injected.fetch(send, connection_to(origin).read, OriginFailure)
        return self._origins.fetch(origin, step.sent, exchange)

    def _injected(self, target: str, exchange: Exchange) -> InjectedFault | None:
        return injected_fault(self._faults, target, exchange)


_AT_ONCE: Final = (
    cloudfront.CacheStep,
    cloudfront.EdgeFunctionStep,
    alb.ChooseTarget,
    alb.CheckSession,
    alb.CheckToken,
    alb.ReadBody,
    cloudfront.IncludeBody,
    ReadHttpBody,
)
"""Steps that may need no waiting."""
_BEHIND_ORIGINS: Final = (cloudfront.Settle, cloudfront.EdgeViewerResponse)
"""Steps that mostly follow an origin's answer, and may need no waiting."""
ALB_STEPS: Final = (
    *(alb.ReadBody, alb.Invoke, alb.ChooseTarget, alb.ForwardTo, alb.BalancerAnswer),
    *(alb.CheckSession, alb.ExchangeCode, alb.RefreshTokens, alb.FetchUserInfo, alb.CheckToken),
)
