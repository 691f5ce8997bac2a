"""`LambdaService.invoke`: the one way in, for every caller."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final, Literal

from edgegw.awslambda.concurrency import ConcurrencyLimits, RequestRate, throttle_reason
from edgegw.awslambda.edge import replica
from edgegw.awslambda.lambda_api import function_not_found, payload_too_large
from edgegw.awslambda.lifecycle import MAX_PAYLOAD, ErrorObject
from edgegw.awslambda.model import (
    EDGE_PREFIX,
    Function,
    FunctionRef,
    Invocation,
    InvokeRefusal,
    Outcome,
    Throttled,
)
from edgegw.awslambda.names import Account
from edgegw.awslambda.permissions import access_denied, is_allowed
from edgegw.awslambda.versions import Deployed, choose_version
from edgegw.awslambda.xray import TracingTargets
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.execution.background import Background
from edgegw.execution.channel import Sink
from edgegw.execution.environment import Environment
from edgegw.execution.environment_maker import EnvironmentMaker, ServiceSettings
from edgegw.execution.figures import LambdaFigures
from edgegw.execution.in_process import Handler, call
from edgegw.execution.pool import CodeStamp, Pool
from edgegw.execution.snapshots import InvocationRoute, Load, PoolKey, Snapshot, Snapshots
from edgegw.execution.upkeep import Upkeep
from edgegw.values import value

logger = logging.getLogger(__name__)

_DEBUG_WAIT: Final = 0.05
"""Seconds between two looks whether the environment before has let go of a debugger's port."""
_NO_TIMEOUT: Final = 24 * 3600.0


@value
class Replacement:
    """Functions that are ready to take over, with pools that are warm; `commit` puts them in place.

    `failures` tells of functions whose new version cannot be initialised.
    """

    functions: Mapping[str, Deployed]
    pools: Mapping[PoolKey, Pool]
    failures: Mapping[str, ErrorObject]
    touched: frozenset[str]


class LambdaService:
    """Runs functions in execution environments, kept warm and reused last in, first out.

    `handlers` replaces a function's code by a Python callable. With `leave_out_missing` a runtime
    that this machine lacks is no problem at `start`: its functions fail when they are invoked.
    With `pass_credentials` functions get the AWS credentials of this process, else made-up ones.
    With `cpu` "proportional" they get the share of a processor that their memory buys on AWS.
    Unless `strict` is False, replicas at the edge have the edge's limits and no variables of their
    own. `dice`, a number from 0 to 1, choose among the versions of an alias. `tracing` says where
    segments for X-Ray go.
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
        tracing: TracingTargets | None = None,
    ) -> None:
        self._dice = dice
        settings = ServiceSettings(
            *(account or Account(), pass_credentials, cpu, strict), tracing or TracingTargets()
        )
        self._maker = EnvironmentMaker(settings)
        self._code_stamp: Callable[[str], CodeStamp] = _unknown_state
        self.logs = self._maker.logs
        self.figures = LambdaFigures(self.logs)
        """What functions did, in figures: read from the logs when somebody asks."""
        self.tracing = self._maker.tracing
        """Where segments go that X-Ray gets."""
        self.packages = self._maker.packages
        self._snapshots = Snapshots(functions)
        self._handlers = dict(handlers or {})
        self._leave_out_missing = leave_out_missing
        self._debugged: dict[PoolKey, FunctionRef] = {}
        self._opening: asyncio.TimerHandle | None = None
        self._loads: dict[str, Load] = {}
        self._unreserved_in_flight = 0
        self._account_rate = RequestRate(self.account.concurrency)
        self._upkeep = Upkeep(self._all_pools)
        self._provisioning = Background()

    @property
    def account(self) -> Account:
        """The account and Region that functions believe to be in."""
        return self._maker.settings.account

    def watch_code(self, stamp: Callable[[str], CodeStamp] | None) -> None:
        """Has `stamp` tell the state of a function's code on disk from now on; None: nobody does.

        Whoever watches the files says so when that begins, when other paths count, and when it
        ends; pools may be older than that.
        """
        self._code_stamp = stamp or _unknown_state
        for pool in self._all_pools():
            pool.note_watched()

    def configure(self, settings: ServiceSettings) -> bool:
        """Changes what holds for all functions; whether that was a change.

        Environments that run already keep the old settings until they are replaced.
        """
        changed = settings != self._maker.settings
        self._maker.settings = settings
        self._account_rate = RequestRate(settings.account.concurrency)
        return changed

    def debug(self, ref: FunctionRef, port: int) -> None:
        """Has what `ref` runs wait for a debugger at `port`: one environment, no time-out.

        Raises UsageError when there is no such function, or no debugger for its runtime.
        """
        deployed = self.functions.get(ref.name)
        targets = deployed.targets(ref) if deployed is not None else ()
        if deployed is None or not targets:
            raise UsageError(f"there is no function {ref.name!r} to debug")
        if deployed.latest.runtime.language == "provided":
            raise UsageError(f"{ref.name} has a runtime of its own, there is no debugger for it")
        key = (ref.deployed_name, targets[0][0])
        self._debugged[key] = ref
        self._maker.debug_ports[key] = port

    def _start_debugged(self) -> None:
        """Starts what is debugged, once what it replaces is gone: the port is the same."""
        for key, ref in self._debugged.items():
            if ref.name in self.functions:
                self._route(self._snapshots.current, ref)
                pool = self._snapshots.current.pools[key]
                if any(each.is_debugged and not each.is_empty for each in self._snapshots.replaced):
                    loop = asyncio.get_running_loop()
                    self._opening = loop.call_later(_DEBUG_WAIT, self._start_debugged)
                    return
                pool.start_one()

    # Life

    async def start(self, *, ahead: bool = True) -> None:
        """Starts what is provisioned, and `ahead` of the first invocation what runtimes need.

        Raises EnvironmentProblem for a missing runtime.
        """
        for deployed in self.functions.values():
            for function in (deployed.latest, *deployed.versions.values()):
                await self._start_spawner(function, ahead=ahead)
        await asyncio.sleep(0)  # the processes start now, beside whatever the caller does next
        for name, deployed in self.functions.items():
            for qualifier in deployed.provisioned:
                self.provision(name, qualifier)
        self._start_debugged()
        await self._provisioning.settled()  # initialised before the first request

    async def _start_spawner(self, function: Function, *, ahead: bool = True) -> None:
        if function.name in self._handlers:
            return
        spawner = self._maker.spawner(function)
        if isinstance(spawner, EnvironmentProblem):
            if not self._leave_out_missing:
                raise spawner
        elif ahead:
            await spawner.start()

    def missing(self) -> list[tuple[str, EnvironmentProblem]]:
        """Functions whose runtime this machine lacks, with the reason."""
        found: list[tuple[str, EnvironmentProblem]] = []
        for name, deployed in self.functions.items():
            spawner = None if name in self._handlers else self._maker.spawner(deployed.latest)
            if isinstance(spawner, EnvironmentProblem):
                found.append((name, spawner))
        return found

    async def settled(self) -> None:
        """Waits for what goes on behind answers: extensions, abandoned invocations."""
        for pool in self._all_pools():
            await pool.settled()

    async def close(self) -> None:
        """Ends every child; nothing is left running, no folder is left behind."""
        self._upkeep.stop()
        if self._opening is not None:
            self._opening.cancel()
        await self._provisioning.cancel()
        await asyncio.gather(*(pool.close() for pool in self._all_pools()))
        self._snapshots.clear()
        await self._maker.close()
        for _ in range(3):  # connections just accepted are made, and closed ones say goodbye
            await asyncio.sleep(0)

    # Functions

    @property
    def functions(self) -> Mapping[str, Deployed]:
        """The functions of the account, by name."""
        return self._snapshots.current.functions

    def change(self, deployed: Deployed) -> None:
        """Puts a function in the place of the one with its name, or adds it.

        Environments of versions that changed are drained: they finish what they do and end, new
        invocations get new ones, none fails.
        """
        self._replace({**self.functions, deployed.name: deployed}, {})

    def _replace(self, functions: Mapping[str, Deployed], fresh: Mapping[PoolKey, Pool]) -> None:
        """Makes `functions` current; `fresh` pools take the places of those that run old code."""
        pools: dict[PoolKey, Pool] = {}
        leaving: list[Pool] = []
        for key, pool in self._snapshots.current.pools.items():
            wanted = self._wanted(functions, key)
            if key in fresh or wanted != pool.function:
                leaving.append(pool)
            else:
                pools[key] = pool
        pools.update(fresh)
        for pool in pools.values():
            self._tune(pool, functions[pool.function.name])
        self._snapshots.replace(functions, pools, leaving)
        self._recount()

    def _wanted(self, functions: Mapping[str, Deployed], key: PoolKey) -> Function | None:
        """The version that the pool `key` should run; None when there is none any more."""
        deployed = functions.get(key[0].removeprefix(EDGE_PREFIX))
        return None if deployed is None else self._version(deployed, *key)

    async def try_loading(self, ref: FunctionRef) -> ErrorObject | None:
        """Loads the code of a function in an environment of its own: None, or why that fails."""
        deployed = self.functions.get(ref.name)
        if deployed is None or ref.name in self._handlers:
            return None
        environment = self._maker.make(deployed.latest, ref.deployed_name, False)  # noqa: FBT003
        try:
            return await environment.init()
        finally:
            await environment.shut_down()

    # Requests and reloading

    def acquire(self) -> Snapshot:
        """The functions as they stand now, for one request; `release` gives them back."""
        return self._snapshots.acquire()

    def release(self, snapshot: Snapshot) -> None:
        self._snapshots.release(snapshot)

    async def prepare(
        self, functions: Mapping[str, Deployed] | None = None, touched: Collection[str] = ()
    ) -> Replacement:
        """Gets ready for new `functions`, or for new code of the `touched` ones.

        Functions whose environments are warm get new ones beside them, initialised; what cannot be
        initialised is among the failures and keeps its old version. Canceled, nothing has changed.
        Raises SupersededError when code changes meanwhile.
        """
        wanted = dict(self.functions if functions is None else functions)
        for name in touched:
            if name in wanted:
                self.packages.forget(wanted[name])
        fresh: dict[PoolKey, Pool] = {}
        for key, pool in self._snapshots.current.pools.items():
            function = self._wanted(wanted, key)
            changed = function != pool.function or pool.function.name in touched
            if function is not None and changed and not (pool.is_unused or pool.is_debugged):
                fresh[key] = self._new_pool(function, key[0])
        for deployed in wanted.values():
            if deployed is not self.functions.get(deployed.name):
                for function in (deployed.latest, *deployed.versions.values()):
                    await self._start_spawner(function)
        current = self._snapshots.current.pools
        warming = [asyncio.ensure_future(fresh[key].warm(current[key])) for key in fresh]
        try:
            found = await asyncio.gather(*warming)
        except BaseException:
            for task in warming:
                task.cancel()
            await asyncio.gather(*warming, return_exceptions=True)
            await asyncio.gather(*(pool.close() for pool in fresh.values()))
            raise
        failures: dict[str, ErrorObject] = {}
        for pool, failure in zip(fresh.values(), found, strict=True):
            if failure is not None:
                failures.setdefault(pool.function.name, failure)
        dropped = [pool for pool in fresh.values() if pool.function.name in failures]
        await asyncio.gather(*(pool.close() for pool in dropped))
        return Replacement(
            wanted,
            {key: pool for key, pool in fresh.items() if pool.function.name not in failures},
            failures,
            frozenset(touched),
        )

    def commit(self, replacement: Replacement) -> None:
        """Makes what was prepared current, at once for everything in it."""
        functions = dict(replacement.functions)
        fresh = dict(replacement.pools)
        for name in replacement.failures:
            functions[name] = self.functions[name]
        for key, pool in self._snapshots.current.pools.items():
            name = pool.function.name
            if name in replacement.failures:
                pool.is_frozen = True  # the code on disk is not what it runs
            elif name in replacement.touched and key not in fresh:
                function = self._wanted(functions, key)
                if function is not None:
                    fresh[key] = self._new_pool(function, key[0])
        self._replace(functions, fresh)
        self._start_debugged()
        for name in replacement.touched:
            for qualifier in functions[name].provisioned if name in functions else ():
                self.provision(name, qualifier)

    def _recount(self) -> None:
        """Counts what is in flight anew: limits and provisioned concurrency have moved."""
        for load in self._loads.values():
            load.on_demand, load.rate = 0, None
        self._unreserved_in_flight = 0
        for (name, _), pool in self._snapshots.current.pools.items():
            beyond = max(0, pool.in_flight - pool.provisioned)
            self._loads.setdefault(name, Load()).on_demand += beyond
            if self.functions[pool.function.name].reserved is None:
                self._unreserved_in_flight += beyond

    @property
    def unreserved_concurrency(self) -> int:
        """What reservations leave to the other functions."""
        functions = self.functions.values()
        return self.account.concurrency - sum(each.reserved or 0 for each in functions)

    def _on_demand_limit(self) -> int:
        """What is left to on-demand invocations of functions without reservation."""
        provisioned = sum(
            sum(each.provisioned.values())
            for each in self.functions.values()
            if each.reserved is None
        )
        return self.unreserved_concurrency - provisioned

    # Invocations

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
        route = snapshot.routes.get(ref) or self._route(snapshot, ref)
        if isinstance(route, InvokeRefusal):
            return route
        if route.deployed.policy is not None or len(invocation.payload) > MAX_PAYLOAD:
            refused = self._refusal(route, invocation)
            if refused is not None:
                return refused
        version = route.targets[0][0]
        if len(route.targets) > 1:
            version = choose_version(route.targets, self._dice())
        pool, load = route.pools[version], route.load
        now = time.monotonic()
        throttled = self._throttle(route.limits[version], load, pool, now)
        if throttled is not None:
            self.figures.throttled(ref.deployed_name)
            return throttled
        is_unreserved = route.deployed.reserved is None
        if pool.in_flight >= pool.provisioned:
            load.on_demand += 1
            self._unreserved_in_flight += is_unreserved
        pool.in_flight += 1
        if self._upkeep.looking is None:
            self._upkeep.look_soon()
        try:
            if ref.name in self._handlers:
                handler = self._handlers[ref.name]
                outcome = await call(handler, pool.function, invocation, route.arn)
                self.figures.ran(ref.deployed_name, outcome)
                return outcome
            return await pool.invoke(invocation, route.arn, sink, now)
        finally:
            pool.in_flight -= 1
            if pool.in_flight >= pool.provisioned:
                load.on_demand = max(0, load.on_demand - 1)
                self._unreserved_in_flight = max(0, self._unreserved_in_flight - is_unreserved)

    def _refusal(self, route: InvocationRoute, invocation: Invocation) -> InvokeRefusal | None:
        if not is_allowed(route.deployed.policy, invocation):
            return access_denied(invocation, route.arn)
        if len(invocation.payload) > MAX_PAYLOAD:
            error = payload_too_large()
            return InvokeRefusal(error.code, error.message or "")
        return None

    def _throttle(
        self, limits: ConcurrencyLimits, load: Load, pool: Pool, now: float
    ) -> Throttled | None:
        unreserved, reserved = self._unreserved_in_flight, limits.reserved
        reason = throttle_reason(limits, pool.in_flight, load.on_demand, unreserved)
        if reason is not None:
            return self._too_many(reason, reserved, load)
        rate = self._account_rate if reserved is None else load.rate
        if rate is None:
            rate = load.rate = RequestRate(reserved or 0)
        if rate.takes(now):
            return None
        reason = "FunctionInvocationRateLimitExceeded"
        if reserved is not None:
            reason = f"Reserved{reason}"
        return Throttled(reason, f"more than 10 x {rate.limit} requests in a second")

    def _too_many(self, reason: str, reserved: int | None, load: Load) -> Throttled:
        limit = reserved if reserved is not None else self.account.concurrency
        counted = load.on_demand if reserved is not None else self._unreserved_in_flight
        whose = "reserved" if reserved is not None else "the account's"
        detail = f"{counted} invocations in flight, {whose} concurrency {limit}"
        return Throttled(reason, detail)

    def _route(self, snapshot: Snapshot, ref: FunctionRef) -> InvocationRoute | InvokeRefusal:
        deployed = snapshot.functions.get(ref.name)
        targets = deployed.targets(ref) if deployed is not None else ()
        if deployed is None or not targets:
            error = function_not_found(self.account, ref)
            return InvokeRefusal(error.code, error.message or "")
        name = ref.deployed_name
        load = self._loads.setdefault(name, Load())
        pools = {version: self._pool(snapshot, deployed, ref, version) for version, _ in targets}
        qualifier = ref.qualifier or (targets[0][0] if ref.at_edge else "")
        arn = self.account.arn(name, qualifier)
        limits = {
            version: ConcurrencyLimits(
                deployed.reserved,
                self._on_demand_limit(),
                pool.provisioned,
                sum(deployed.provisioned.values()),
            )
            for version, pool in pools.items()
        }
        route = InvocationRoute(deployed, targets, pools, load, arn, limits)
        snapshot.routes[ref] = route
        return route

    def _pool(self, snapshot: Snapshot, deployed: Deployed, ref: FunctionRef, version: str) -> Pool:
        key = (ref.deployed_name, version)
        pool = snapshot.pools.get(key)
        if pool is None:
            function = self._version(deployed, *key)
            assert function is not None  # `targets` found it
            current = self._snapshots.current
            pool = current.pools.get(key)
            if pool is None or pool.function != function:
                pool = self._new_pool(function, key[0])
                self._tune(pool, deployed)
                if snapshot is not current:
                    snapshot.leaving.append(pool)
                    current.pools.setdefault(key, pool)
            snapshot.pools[key] = pool
        return pool

    def _new_pool(self, function: Function, name: str) -> Pool:
        return Pool(
            function,
            lambda provisioned: self._environment(function, name, provisioned),
            self.account.concurrency,
            stamp=lambda: self._code_stamp(function.name),
            is_debugged=(name, function.version) in self._debugged,
        )

    def _all_pools(self) -> list[Pool]:
        return [*self._snapshots.current.pools.values(), *self._snapshots.replaced]

    def _version(self, deployed: Deployed, name: str, version: str) -> Function | None:
        """A version as it runs under the deployed name `name`: at the edge, its replica."""
        function = deployed.version(version)
        if function is not None and name.startswith(EDGE_PREFIX) and self._maker.settings.strict:
            function = replica(function)
        if function is not None and (name, version) in self._debugged:
            function = replace(function, timeout=_NO_TIMEOUT)
        return function

    def _tune(self, pool: Pool, deployed: Deployed) -> None:
        """Gives a pool the limits of its function."""
        limit = self.account.concurrency if deployed.reserved is None else deployed.reserved
        pool.limit = 1 if pool.is_debugged else max(1, limit)

    # Provisioned concurrency

    def provision(self, name: str, qualifier: str) -> None:
        """Starts what is provisioned for a version or alias, in the background."""
        self._provisioning.start(self._provision(name, qualifier))

    async def _provision(self, name: str, qualifier: str) -> None:
        deployed = self.functions[name]
        version = deployed.provisioned_version(qualifier)
        if deployed.version(version) is None or name in self._handlers:
            return
        ref = FunctionRef(name, qualifier=version)
        self._route(self._snapshots.current, ref)
        pool = self._snapshots.current.pools[ref.deployed_name, version]
        await pool.provision(deployed.provisioned.get(qualifier, 0))
        if pool.provisioning_failure is not None:
            logger.warning(
                "provisioned concurrency of %s:%s failed: %s",
                name,
                qualifier,
                pool.provisioning_failure.message,
            )
        self._snapshots.current.routes.clear()
        self._recount()

    def pools(self, name: str) -> dict[str, Pool]:
        """The pools of a function in its Region (not at the edge), by version."""
        pools = self._snapshots.current.pools
        return {version: pool for (of, version), pool in pools.items() if of == name}

    def edge_pools(self, name: str) -> dict[str, Pool]:
        """The pools of a function's replica at the edge, by version."""
        return self.pools(FunctionRef(name, at_edge=True).deployed_name)

    def runtime_found(self, function: Function) -> str:
        """What runs a function here, for people."""
        if function.name in self._handlers:
            return "a callable in this process"
        spawner = self._maker.spawner(function)
        return str(spawner) if isinstance(spawner, EnvironmentProblem) else spawner.description

    # Environments

    def _environment(self, function: Function, name: str, provisioned: bool) -> Environment:  # noqa: FBT001
        self._upkeep.recycle_later()
        return self._maker.make(function, name, provisioned)


def _unknown_state(_name: str) -> CodeStamp:
    """The state of a function's code where nobody watches the files."""
    return {}
