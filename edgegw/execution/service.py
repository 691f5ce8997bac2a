"""`LambdaService.invoke`: the one way in, for every caller.

From a reference to its environment: `routing`, kept in `snapshots` (which version, which pool),
`admission` (whether one more may run now), `pool` (which environment takes it). Beside invocations:
`rollout` (other functions, other code), `provisioning`, `readiness` (runtimes, code that loads),
`debugging`, `housekeeping` (limits, idle environments, the end).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Literal

from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.model import Invocation, InvokeRefusal, Outcome
from edgegw.awslambda.names import Account
from edgegw.awslambda.versions import Deployed, choose_version
from edgegw.awslambda.xray import TracingTargets
from edgegw.execution.admission import Admission, refusal
from edgegw.execution.channel import Sink
from edgegw.execution.debugging import Debugging
from edgegw.execution.environment_maker import EnvironmentMaker, ServiceSettings
from edgegw.execution.figures import LambdaFigures
from edgegw.execution.housekeeping import Housekeeping
from edgegw.execution.in_process import Handler, call
from edgegw.execution.pool_maker import PoolMaker
from edgegw.execution.provisioning import Provisioning
from edgegw.execution.readiness import Readiness
from edgegw.execution.request_ids import new_request_id
from edgegw.execution.rollout import Replacement, Rollout
from edgegw.execution.routing import InvocationRoutes
from edgegw.execution.snapshots import Snapshot, Snapshots


class LambdaService:
    """Runs functions in execution environments, kept warm and reused last in, first out.

    `handlers` replaces a function's code by a Python callable. With `leave_out_missing` a runtime
    that this machine lacks is no problem at `start`: its functions fail when they are invoked.
    With `pass_credentials` functions get the AWS credentials of this process, else made-up ones.
    With `cpu` "proportional" they get the share of a processor that their memory buys on AWS.
    Unless `strict` is False, replicas at the edge have the edge's limits and no variables of their
    own. `dice`, a number from 0 to 1, choose among the versions of an alias; `new_id` makes the
    ids of invocations of `handlers`. `tracing` says where segments for X-Ray go. `figures` tells
    what functions did.
    """

    def __init__(
        self,
        functions: Mapping[str, Deployed],
        account: Account | None = None,
        *,
        handlers: Mapping[str, Handler] | None = None,
        leave_out_missing: bool = False,
        pass_credentials: bool = False,
        cpu: Literal["full", "proportional"] = "full",
        strict: bool = True,
        dice: Callable[[], float] = random.random,
        new_id: Callable[[], str] = new_request_id,
        tracing: TracingTargets | None = None,
    ) -> None:
        settings = ServiceSettings(
            *(account or Account(), pass_credentials, cpu, strict), tracing or TracingTargets()
        )
        callables = dict(handlers or {})
        self._dice, self._new_id = dice, new_id
        self._callables = callables
        self._maker = maker = EnvironmentMaker(settings)
        self._snapshots = snapshots = Snapshots(functions)
        self._admission = admission = Admission(self.account.concurrency)
        self._housekeeping = Housekeeping(snapshots, maker)
        pool_maker = PoolMaker(maker, snapshots, self._housekeeping)
        routes = InvocationRoutes(maker, snapshots, pool_maker, admission, callables)
        self._find_route = routes.find
        self._readiness = Readiness(maker, snapshots, callables, may_lack=leave_out_missing)
        self._rollout = Rollout(maker, snapshots, pool_maker, admission, self._readiness)
        self._provisioning = Provisioning(snapshots, routes, admission, callables)
        self._debugging = Debugging(maker, snapshots, routes)
        # What its parts do for every caller is part of its interface.
        self.logs, self.packages, self.tracing = maker.logs, maker.packages, maker.tracing
        self.figures = LambdaFigures(maker.logs)
        self.acquire, self.release = snapshots.acquire, snapshots.release
        self.pools, self.edge_pools = snapshots.pools, snapshots.edge_pools
        self.change, self.prepare = self._rollout.change, self._rollout.prepare
        self.configure, self.watch_code = self._rollout.configure, pool_maker.watch_code
        self.provision, self.debug = self._provisioning.provision, self._debugging.debug
        self.missing, self.runtime_found = self._readiness.missing, self._readiness.runtime_found
        self.try_loading, self.settled = self._readiness.try_loading, self._housekeeping.settled

    @property
    def account(self) -> Account:
        """The account and Region that functions believe to be in."""
        return self._maker.settings.account

    @property
    def functions(self) -> Mapping[str, Deployed]:
        """The functions of the account, by name."""
        return self._snapshots.current.functions

    @property
    def unreserved_concurrency(self) -> int:
        """What reservations leave to the other functions."""
        return self._admission.unreserved(self.functions)

    async def start(self, *, ahead: bool = True) -> None:
        """Starts what is provisioned, and `ahead` of the first invocation what runtimes need.

        Raises EnvironmentProblem for a missing runtime.
        """
        await self._readiness.start(self.functions.values(), ahead=ahead)
        await asyncio.sleep(0)  # the processes start now, beside whatever the caller does next
        self._provisioning.provision_all(self.functions)
        self._debugging.start()
        await self._provisioning.settled()  # initialised before the first request

    def commit(self, replacement: Replacement) -> None:
        """Makes what was prepared current, at once for everything in it."""
        self._rollout.commit(replacement)
        self._debugging.start()
        self._provisioning.provision_all(replacement.touched)

    def begin_anew(self, handlers: Mapping[str, Handler]) -> None:
        """What was invoked is forgotten, and others are replaced; environments stay warm."""
        self._callables.clear()
        self._callables.update(handlers)
        self._snapshots.current.routes.clear()
        self._admission.recount(self._snapshots.current)
        self.logs.clear()
        self.figures = LambdaFigures(self.logs)

    async def close(self) -> None:
        """Ends every child; nothing is left running, no folder is left behind."""
        self._debugging.stop()
        await self._provisioning.cancel()
        await self._housekeeping.close()

    async def invoke(
        self, invocation: Invocation, sink: Sink | None = None, snapshot: Snapshot | None = None
    ) -> Outcome:
        """Runs `invocation` and waits for its outcome. Never raises for what the function does.

        A streamed response goes to `sink` as it comes; without one it is gathered. A request with
        several invocations passes the snapshot that it holds.
        """
        if snapshot is None:
            snapshot = self._snapshots.current
        ref = invocation.function
        route = snapshot.routes.get(ref) or self._find_route(snapshot, ref)
        if isinstance(route, InvokeRefusal):
            return route
        is_judged = route.deployed.policy is not None or len(invocation.payload) > MAX_PAYLOAD
        if is_judged and (refused := refusal(route, invocation)) is not None:
            return refused
        routed = route.sole or route.versions[choose_version(route.targets, self._dice())]
        now = time.monotonic()
        admission = self._admission
        if (throttled := admission.admit(routed, now)) is not None:
            self.figures.throttled(ref.deployed_name)
            return throttled
        if self._housekeeping.looking is None:
            self._housekeeping.look_soon()
        try:
            if route.handler is not None:
                function = routed.pool.function
                outcome = await call(route.handler, function, invocation, route.arn, self._new_id)
                self.figures.ran(ref.deployed_name, outcome)
                return outcome
            return await routed.pool.invoke(invocation, route.arn, sink, now)
        finally:
            admission.release(routed)
