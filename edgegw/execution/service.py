"""`LambdaService.invoke`: the one way in, for every caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edgegw.awslambda.concurrency import InFlight, Limits, RequestRate, throttle_reason
from edgegw.awslambda.edge import replica
from edgegw.awslambda.lifecycle import MAX_PAYLOAD
from edgegw.awslambda.model import (
    EDGE_PREFIX,
    LATEST,
    Function,
    FunctionRef,
    Invocation,
    Outcome,
    Refused,
    Throttled,
)
from edgegw.awslambda.names import Account
from edgegw.awslambda.permissions import is_allowed
from edgegw.awslambda.variables import Place, variables
from edgegw.awslambda.versions import Deployed, choose_version
from edgegw.errors import EnvironmentProblem
from edgegw.execution.bootstrap import BootstrapSpawner, extended
from edgegw.execution.channel import Child, Sink
from edgegw.execution.environment import Environment, Setting
from edgegw.execution.in_process import Handler, call
from edgegw.execution.log_store import Journal, LogStore
from edgegw.execution.node_runtime import NodeSpawner
from edgegw.execution.packages import Packages, site_packages
from edgegw.execution.pool import Pool
from edgegw.execution.python_runtime import PythonSpawner
from edgegw.execution.spawning import Spawner, Start, Zygotes
from edgegw.execution.zygote import RUNTIMES

logger = logging.getLogger(__name__)

_LOOK: Final = 0.05
"""Seconds between two looks at the memory of busy environments."""
_STORAGE_LOOKS: Final = 5
"""Every so many of them also at their temporary folders."""
_RECYCLE: Final = 30.0

_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@dataclass(slots=True)
class _Load:
    """Invocations in flight of one function, beyond what is provisioned."""

    on_demand: int = 0
    rate: RequestRate | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a reference leads: versions with their shares and pools, the ARN as it was called."""

    deployed: Deployed
    targets: tuple[tuple[str, float], ...]
    pools: Mapping[str, Pool]
    load: _Load
    arn: str
    limits: Mapping[str, Limits]


class LambdaService:
    """Runs functions in execution environments, kept warm and reused last in, first out.

    `handlers` replaces a function's code by a Python callable. With `leave_out_missing` a runtime
    that this machine lacks is no problem at `start`: its functions fail when they are invoked.
    With `pass_credentials` functions get the AWS credentials of this process, else none. With
    `cpu` "proportional" they get the share of a processor that their memory buys on AWS. Unless
    `strict` is False, replicas at the edge have the edge's limits and no variables of their own.
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
    ) -> None:
        self.account = account or Account()
        self.logs = LogStore()
        self.packages = Packages()
        self._functions = dict(functions)
        self._handlers = dict(handlers or {})
        self._leave_out_missing = leave_out_missing
        self._credentials = (
            {name: os.environ[name] for name in _CREDENTIALS if name in os.environ}
            if pass_credentials
            else {}
        )
        self._is_slowed = cpu == "proportional"
        self._is_strict = strict
        self._zygotes = Zygotes(lambda: self.packages.root)
        self._spawners: dict[str, Spawner | EnvironmentProblem] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._drained: list[Pool] = []
        self._loads: dict[str, _Load] = {}
        self._routes: dict[FunctionRef, _Route] = {}
        self._unreserved_in_flight = 0
        self._account_rate = RequestRate(self.account.concurrency)
        self._looking: asyncio.TimerHandle | None = None
        self._looks = 0
        self._recycling: asyncio.TimerHandle | None = None
        self._provisioning: set[asyncio.Task[None]] = set()

    # Life

    async def start(self) -> None:
        """Starts zygotes and spare children, and what is provisioned.

        Raises EnvironmentProblem for a missing runtime.
        """
        for deployed in self._functions.values():
            for function in (deployed.latest, *deployed.versions.values()):
                await self._start_spawner(function)
        await asyncio.sleep(0)  # the processes start now, beside whatever the caller does next
        for name, deployed in self._functions.items():
            for qualifier in deployed.provisioned:
                self.provision(name, qualifier)
        if self._provisioning:  # initialised before the first request
            await asyncio.wait(self._provisioning)

    async def _start_spawner(self, function: Function) -> None:
        if function.name in self._handlers:
            return
        spawner = self._spawner(function)
        if isinstance(spawner, EnvironmentProblem):
            if not self._leave_out_missing:
                raise spawner
        else:
            await spawner.start()

    def missing(self) -> list[tuple[str, EnvironmentProblem]]:
        """Functions whose runtime this machine lacks, with the reason."""
        found: list[tuple[str, EnvironmentProblem]] = []
        for name, deployed in self._functions.items():
            spawner = self._spawners.get(_spawner_key(deployed.latest))
            if isinstance(spawner, EnvironmentProblem) and name not in self._handlers:
                found.append((name, spawner))
        return found

    def _spawner(self, function: Function) -> Spawner | EnvironmentProblem:
        key = _spawner_key(function)
        if key not in self._spawners:
            try:
                self._spawners[key] = self._make_spawner(function)
            except EnvironmentProblem as problem:
                self._spawners[key] = problem
        return self._spawners[key]

    def _make_spawner(self, function: Function) -> Spawner:
        match function.runtime.language:
            case "python":
                return PythonSpawner(function.runtime, self._zygotes)
            case "nodejs":
                return NodeSpawner(function.runtime, self._zygotes)
            case "provided":
                return BootstrapSpawner(self._zygotes)

    async def settled(self) -> None:
        """Waits for what goes on behind answers: extensions, abandoned invocations."""
        for pool in (*self._pools.values(), *self._drained):
            await pool.settled()

    async def close(self) -> None:
        """Ends every child; nothing is left running, no folder is left behind."""
        for timer in (self._looking, self._recycling):
            if timer is not None:
                timer.cancel()
        for task in list(self._provisioning):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        pools = [*self._pools.values(), *self._drained]
        await asyncio.gather(*(pool.close() for pool in pools))
        self._pools.clear()
        self._drained.clear()
        self._routes.clear()
        for spawner in self._spawners.values():
            if not isinstance(spawner, EnvironmentProblem):
                await spawner.close()
        self._spawners.clear()
        await self._zygotes.close()
        await asyncio.to_thread(self.packages.close)
        await asyncio.sleep(0)  # closed transports say goodbye

    # Functions

    @property
    def functions(self) -> Mapping[str, Deployed]:
        """The functions of the account, by name."""
        return self._functions

    def change(self, deployed: Deployed) -> None:
        """Puts a function in the place of the one with its name, or adds it.

        Environments of versions that changed are drained: they finish what they do and end, new
        invocations get new ones, none fails.
        """
        self._functions[deployed.name] = deployed
        self._routes.clear()
        for (name, version), pool in list(self._pools.items()):
            if pool.function.name != deployed.name:
                continue
            if self._version(deployed, name, version) != pool.function:
                del self._pools[name, version]
                self._drain(pool)
            else:
                self._tune(pool, deployed)
        self._recount()

    def code_changed(self, name: str) -> None:
        """The files of a function changed: its environments are drained, new ones load anew."""
        self._routes.clear()
        for key, pool in list(self._pools.items()):
            if pool.function.name == name:
                del self._pools[key]
                self._drain(pool)
        for qualifier in self._functions[name].provisioned:
            self.provision(name, qualifier)

    def _drain(self, pool: Pool) -> None:
        pool.drain()
        self._drained = [each for each in self._drained if not each.is_empty]
        self._drained.append(pool)

    def _recount(self) -> None:
        """Counts what is in flight anew: limits and provisioned concurrency have moved."""
        for load in self._loads.values():
            load.on_demand, load.rate = 0, None
        self._unreserved_in_flight = 0
        for (name, _), pool in self._pools.items():
            beyond = max(0, pool.in_flight - pool.provisioned)
            self._loads[name].on_demand += beyond
            if self._functions[pool.function.name].reserved is None:
                self._unreserved_in_flight += beyond

    @property
    def unreserved_concurrency(self) -> int:
        """What reservations leave to the other functions."""
        functions = self._functions.values()
        return self.account.concurrency - sum(each.reserved or 0 for each in functions)

    def _on_demand_limit(self) -> int:
        """What is left to on-demand invocations of functions without reservation."""
        provisioned = sum(
            sum(each.provisioned.values())
            for each in self._functions.values()
            if each.reserved is None
        )
        return self.unreserved_concurrency - provisioned

    # Invocations

    async def invoke(self, invocation: Invocation, sink: Sink | None = None) -> Outcome:
        """Runs `invocation` and waits for its outcome. Never raises for what the function does.

        A streamed response goes to `sink` as it comes; without one it is gathered.
        """
        route = self._routes.get(invocation.function) or self._route(invocation.function)
        if isinstance(route, Refused):
            return route
        refused = self._refusal(route, invocation)
        if refused is not None:
            return refused
        version = route.targets[0][0]
        if len(route.targets) > 1:
            version = choose_version(route.targets, random.random())
        pool, load = route.pools[version], route.load
        throttled = self._throttle(route.limits[version], load, pool)
        if throttled is not None:
            return throttled
        is_on_demand = pool.in_flight >= pool.provisioned
        is_unreserved = route.deployed.reserved is None
        pool.in_flight += 1
        if is_on_demand:
            load.on_demand += 1
            self._unreserved_in_flight += is_unreserved
        if self._looking is None:
            self._look_soon()
        try:
            handler = self._handlers.get(invocation.function.name)
            if handler is not None:
                return await call(handler, pool.function, invocation, route.arn)
            return await pool.invoke(invocation, route.arn, sink)
        finally:
            pool.in_flight -= 1
            if pool.in_flight >= pool.provisioned:
                load.on_demand = max(0, load.on_demand - 1)
                self._unreserved_in_flight = max(0, self._unreserved_in_flight - is_unreserved)

    def _refusal(self, route: _Route, invocation: Invocation) -> Refused | None:
        if not is_allowed(route.deployed.policy, invocation):
            return Refused(
                "AccessDeniedException",
                f"{invocation.principal} is not authorized to perform: lambda:InvokeFunction on "
                f"resource: {route.arn} because no resource-based policy allows the "
                "lambda:InvokeFunction action",
            )
        if len(invocation.payload) > MAX_PAYLOAD:
            text = (
                f"Request must be smaller than {MAX_PAYLOAD} bytes for the InvokeFunction operation"
            )
            return Refused("RequestTooLargeException", text)
        return None

    def _throttle(self, limits: Limits, load: _Load, pool: Pool) -> Throttled | None:
        reserved = limits.reserved
        in_flight = InFlight(pool.in_flight, load.on_demand, self._unreserved_in_flight)
        reason = throttle_reason(limits, in_flight)
        if reason is not None:
            limit = reserved if reserved is not None else self.account.concurrency
            counted = load.on_demand if reserved is not None else self._unreserved_in_flight
            whose = "reserved" if reserved is not None else "the account's"
            detail = f"{counted} invocations in flight, {whose} concurrency {limit}"
            return Throttled(reason, detail)
        rate = self._account_rate if reserved is None else load.rate
        if rate is None:
            rate = load.rate = RequestRate(reserved or 0)
        if not rate.takes(time.monotonic()):
            reason = "FunctionInvocationRateLimitExceeded"
            if reserved is not None:
                reason = f"Reserved{reason}"
            detail = f"more than 10 x {rate.limit} requests in a second"
            return Throttled(reason, detail)
        return None

    def _route(self, ref: FunctionRef) -> _Route | Refused:
        deployed = self._functions.get(ref.name)
        targets = deployed.targets(ref) if deployed is not None else ()
        if deployed is None or not targets:
            arn = self.account.arn(ref.name, ref.qualifier or LATEST)
            return Refused("ResourceNotFoundException", f"Function not found: {arn}")
        name = ref.deployed_name
        load = self._loads.setdefault(name, _Load())
        pools = {version: self._pool(deployed, ref, version) for version, _ in targets}
        qualifier = ref.qualifier or (targets[0][0] if ref.at_edge else "")
        arn = self.account.arn(name, qualifier)
        limits = {
            version: Limits(
                deployed.reserved,
                self._on_demand_limit(),
                pool.provisioned,
                sum(deployed.provisioned.values()),
            )
            for version, pool in pools.items()
        }
        route = _Route(deployed, targets, pools, load, arn, limits)
        self._routes[ref] = route
        return route

    def _pool(self, deployed: Deployed, ref: FunctionRef, version: str) -> Pool:
        key = (ref.deployed_name, version)
        pool = self._pools.get(key)
        if pool is None:
            name = ref.deployed_name
            function = self._version(deployed, name, version)
            assert function is not None  # `targets` found it
            limit = self.account.concurrency
            pool = Pool(
                function, lambda provisioned: self._environment(function, name, provisioned), limit
            )
            self._pools[key] = pool
            self._tune(pool, deployed)
        return pool

    def _version(self, deployed: Deployed, name: str, version: str) -> Function | None:
        """A version as it runs under the deployed name `name`: at the edge, its replica."""
        function = deployed.version(version)
        is_replica = name.startswith(EDGE_PREFIX) and self._is_strict
        return replica(function) if function is not None and is_replica else function

    def _tune(self, pool: Pool, deployed: Deployed) -> None:
        """Gives a pool the limits of its function."""
        limit = self.account.concurrency if deployed.reserved is None else deployed.reserved
        pool.limit = max(1, limit)

    # Provisioned concurrency

    def provision(self, name: str, qualifier: str) -> None:
        """Starts what is provisioned for a version or alias, in the background."""
        task = asyncio.ensure_future(self._provision(name, qualifier))
        self._provisioning.add(task)
        task.add_done_callback(self._provisioning.discard)

    async def _provision(self, name: str, qualifier: str) -> None:
        deployed = self._functions[name]
        version = deployed.provisioned_version(qualifier)
        if deployed.version(version) is None or name in self._handlers:
            return
        ref = FunctionRef(name, qualifier=version)
        self._route(ref)
        pool = self._pools[ref.deployed_name, version]
        await pool.provision(deployed.provisioned.get(qualifier, 0))
        if pool.provisioning_failure is not None:
            logger.warning(
                "provisioned concurrency of %s:%s failed: %s",
                name,
                qualifier,
                pool.provisioning_failure.message,
            )
        self._routes.clear()
        self._recount()

    def pools(self, name: str) -> dict[str, Pool]:
        """The pools of a function in its Region (not at the edge), by version."""
        return {version: pool for (of, version), pool in self._pools.items() if of == name}

    def edge_pools(self, name: str) -> dict[str, Pool]:
        """The pools of a function's replica at the edge, by version."""
        return self.pools(FunctionRef(name, at_edge=True).deployed_name)

    def runtime_found(self, function: Function) -> str:
        """What runs a function here, for people."""
        if function.name in self._handlers:
            return "a callable in this process"
        spawner = self._spawner(function)
        return str(spawner) if isinstance(spawner, EnvironmentProblem) else spawner.found

    # Environments

    def _environment(self, function: Function, name: str, provisioned: bool) -> Environment:  # noqa: FBT001
        day = time.strftime("%Y/%m/%d", time.gmtime())
        stream = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        journal = Journal(self.logs.group(name), stream, function.logs)
        temporary = self.packages.folder("tmp")
        kind = "provisioned-concurrency" if provisioned else "on-demand"

        async def spawn(on_extension: Callable[[str, str], None]) -> Child:
            return await self._spawn(function, name, stream, temporary, kind, on_extension)

        if self._recycling is None:
            self._recycle_later()
        return Environment(
            Setting(function, name, journal, temporary, spawn, provisioned, self._is_slowed)
        )

    async def _spawn(
        self,
        function: Function,
        name: str,
        stream: str,
        temporary: str,
        kind: str,
        on_extension: Callable[[str, str], None],
    ) -> Child:
        spawner = self._spawner(function)
        if isinstance(spawner, EnvironmentProblem):
            raise spawner
        package = self.packages.prepare(function)
        language = function.runtime.language
        place = Place(
            name,
            self.account.region,
            stream,
            package.task_root,
            str(RUNTIMES / language) if language != "provided" else "/var/runtime",
            package.opt,
            temporary,
            os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            self._credentials,
            kind,
        )
        found = variables(function, place)
        settings: dict[str, object] = {
            "task_root": package.task_root,
            "opt": package.opt,
            "handler": function.handler,
            "environment": found,
            "function_name": name,
            "function_version": function.version,
            "memory_limit_in_mb": str(function.memory_mb),
            "log_group_name": found["AWS_LAMBDA_LOG_GROUP_NAME"],
            "log_stream_name": stream,
            "log_format": function.logs.format,
            "log_level": function.logs.application_level,
            "runtime_version": list(function.runtime.version),
            "site_packages": (
                site_packages(package.task_root, function.runtime.version)
                if language == "python"
                else []
            ),
        }
        start = Start(function, settings, found, package, self.account.account_id, on_extension)
        if package.extensions and language != "provided":
            return await extended(spawner, self._zygotes, start)
        return await spawner.spawn(start)

    # Looking after them

    def _look_soon(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def _look(self) -> None:
        """Looks at the limits of busy environments; stops when nothing is in flight."""
        self._looking = None
        self._looks += 1
        storage = self._looks % _STORAGE_LOOKS == 0
        is_busy = False
        for pool in (*self._pools.values(), *self._drained):
            if pool.in_flight or pool.busy or pool.loading:
                is_busy = True
                for environment in (*pool.environments, *pool.loading):
                    environment.check_limits(storage=storage)
        if is_busy:
            self._look_soon()

    def _recycle_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._recycling = loop.call_later(_RECYCLE, self._recycle)

    def _recycle(self) -> None:
        self._recycling = None
        now = time.monotonic()
        for pool in self._pools.values():
            pool.recycle(now)
        if any(pool.environments for pool in self._pools.values()):
            self._recycle_later()


def _spawner_key(function: Function) -> str:
    language = function.runtime.language
    return language if language == "provided" else function.runtime.identifier
