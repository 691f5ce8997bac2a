"""`LambdaService.invoke`: the one way in, for every caller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from edgegw.awslambda.lifecycle import platform_error
from edgegw.awslambda.model import (
    Function,
    FunctionError,
    FunctionRef,
    Invocation,
    Outcome,
    Report,
    Throttled,
)
from edgegw.awslambda.scheduling import (
    ACCOUNT_CONCURRENCY,
    PATIENCE,
    Demand,
    environments_to_start,
    is_throttled,
)
from edgegw.errors import EnvironmentProblem
from edgegw.execution.environment import Environment
from edgegw.execution.in_process import Handler, call
from edgegw.execution.spawning import NodeSpawner, PythonSpawner, Spawner

logger = logging.getLogger(__name__)

_RISING: Final = 0.05
_FALLING: Final = 0.5
"""Weights of the newest duration in the moving mean. A process that the system held up looks slow
for once: what falls is believed at once, what rises only when it lasts."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where the functions pretend to live."""

    region: str = "us-east-1"
    account_id: str = "123456789012"

    def function_arn(self, ref: FunctionRef) -> str:
        """The ARN that a context shows: with version at the edge, unqualified elsewhere."""
        arn = f"arn:aws:lambda:{self.region}:{self.account_id}:function:{ref.deployed_name}"
        return f"{arn}:{ref.version}" if ref.at_edge else arn


class LambdaService:
    """Runs functions in execution environments, kept warm and reused last in, first out.

    `handlers` replaces a function's code by a Python callable. With `leave_out_missing` a runtime
    that this machine lacks is no problem at `start`: its functions fail when they are invoked.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        account: Account | None = None,
        *,
        handlers: Mapping[str, Handler] | None = None,
        leave_out_missing: bool = False,
    ) -> None:
        self._functions = functions
        self._account = account or Account()
        self._handlers = dict(handlers or {})
        self._leave_out_missing = leave_out_missing
        self._spawners: dict[str, Spawner | EnvironmentProblem] = {}
        self._pools: dict[FunctionRef, _Pool] = {}

    async def start(self) -> None:
        """Starts zygotes and spare children. Raises EnvironmentProblem for a missing runtime."""
        for function in self._functions.values():
            if function.name not in self._handlers:
                spawner = self._spawner(function)
                if isinstance(spawner, EnvironmentProblem):
                    if not self._leave_out_missing:
                        raise spawner
                else:
                    await spawner.start()
        await asyncio.sleep(0)  # the processes start now, beside whatever the caller does next

    def missing(self) -> list[tuple[str, EnvironmentProblem]]:
        """Functions whose runtime this machine lacks, with the reason."""
        found: list[tuple[str, EnvironmentProblem]] = []
        for function in self._functions.values():
            spawner = self._spawners.get(_spawner_key(function))
            if isinstance(spawner, EnvironmentProblem) and function.name not in self._handlers:
                found.append((function.name, spawner))
        return found

    def _spawner(self, function: Function) -> Spawner | EnvironmentProblem:
        key = _spawner_key(function)
        if key not in self._spawners:
            try:
                self._spawners[key] = (
                    NodeSpawner() if key == "nodejs" else PythonSpawner(function.runtime)
                )
            except EnvironmentProblem as problem:
                self._spawners[key] = problem
        return self._spawners[key]

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Runs `invocation` and waits for its outcome. Never raises for what the function does."""
        ref = invocation.function
        function = self._functions[ref.name]
        arn = self._account.function_arn(ref)
        handler = self._handlers.get(ref.name)
        if handler is not None:
            return await call(handler, function, invocation, arn)
        pool = self._pools.get(ref)
        if pool is None:
            pool = self._pools[ref] = _Pool(function, ref, self._spawner(function), self._account)
        return await pool.invoke(invocation, arn)

    async def close(self) -> None:
        """Ends every child; nothing is left running."""
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()
        for spawner in self._spawners.values():
            if not isinstance(spawner, EnvironmentProblem):
                await spawner.close()
        self._spawners.clear()


def _spawner_key(function: Function) -> str:
    language = function.runtime.language
    return language if language == "nodejs" else function.runtime.identifier


@dataclass(slots=True)
class _Waiter:
    future: asyncio.Future[Environment]
    since: float


@dataclass
class _Pool:
    """The environments of one function."""

    function: Function
    ref: FunctionRef
    spawner: Spawner | EnvironmentProblem
    account: Account
    environments: set[Environment] = field(default_factory=set[Environment])
    idle: list[Environment] = field(default_factory=list[Environment])
    waiters: deque[_Waiter] = field(default_factory=deque[_Waiter])
    starting: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    in_flight: int = 0
    mean_duration: float | None = None
    mean_waiting: float = 0.0
    last_completion: float = 0.0
    timer: asyncio.TimerHandle | None = None
    due: float = 0.0

    @property
    def limit(self) -> int:
        reserved = self.function.reserved_concurrency
        return ACCOUNT_CONCURRENCY if reserved is None else reserved

    async def invoke(self, invocation: Invocation, arn: str) -> Outcome:
        if is_throttled(self.in_flight, self.limit):
            return Throttled()
        self.in_flight += 1
        try:
            environment = self._take_idle() or await self._wait()
            try:
                outcome = await environment.invoke(invocation, arn)
            finally:
                if environment.is_ready:
                    self._put_back(environment)
                else:
                    self.environments.discard(environment)
            self._learn(outcome.report.duration, environment.waited)
            return outcome
        except _InitFailedError as failed:
            return failed.outcome
        finally:
            self.in_flight -= 1

    def _take_idle(self) -> Environment | None:
        while self.idle:
            environment = self.idle.pop()
            if environment.is_ready:
                return environment
            environment.kill()
            self.environments.discard(environment)
        return None

    def _put_back(self, environment: Environment) -> None:
        self.last_completion = time.monotonic()
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.future.done():
                waiter.future.set_result(environment)
                return
        self.idle.append(environment)

    def _learn(self, duration: float, waited: float) -> None:
        mean = self.mean_duration
        if mean is None:
            self.mean_duration, self.mean_waiting = duration, waited
        else:
            self.mean_duration = _smoothed(mean, duration)
            self.mean_waiting = _smoothed(self.mean_waiting, waited)

    async def _wait(self) -> Environment:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), time.monotonic())
        self.waiters.append(waiter)
        if not self.environments and not self.starting:
            self._start_environment()
        elif self.timer is None:
            self._look_again_soon()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                self._put_back(waiter.future.result())
            raise

    def _look_again_soon(self) -> None:
        self.due = time.monotonic() + PATIENCE
        self.timer = asyncio.get_running_loop().call_later(PATIENCE, self._consider_growth)

    def _consider_growth(self) -> None:
        self.timer = None
        while self.waiters and self.waiters[0].future.done():
            self.waiters.popleft()
        if not self.waiters:
            return
        now = time.monotonic()
        if now - self.due > PATIENCE:  # this process itself was held up: nothing to learn from it
            self._look_again_soon()
            return
        demand = Demand(
            waiting=len(self.waiters),
            environments=len(self.environments) + len(self.starting),
            starting=len(self.starting),
            limit=self.limit,
            since_completion=now - max(self.last_completion, self.waiters[0].since),
            mean_duration=self.mean_duration,
            mean_waiting=self.mean_waiting,
        )
        for _ in range(environments_to_start(demand)):
            self._start_environment()
        self._look_again_soon()

    def _start_environment(self) -> None:
        task = asyncio.ensure_future(self._start())
        self.starting.add(task)
        task.add_done_callback(self.starting.discard)

    async def _start(self) -> None:
        try:
            if isinstance(self.spawner, EnvironmentProblem):
                raise self.spawner
            child = await self.spawner.spawn()
        except EnvironmentProblem as problem:
            error = platform_error("Runtime.InvalidEntrypoint", str(uuid.uuid4()), str(problem))
            self._fail_oldest(FunctionError(*error, Report()))
            return
        environment = Environment(child, self.function, self.ref, self._settings())
        try:
            failed = await environment.init()
        except BaseException:
            environment.kill()
            raise
        if failed is not None:
            self._fail_oldest(failed)
            return
        self.environments.add(environment)
        self._put_back(environment)

    def _fail_oldest(self, outcome: FunctionError) -> None:
        """A failed init is the answer to the invocation that waited longest for it."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.future.done():
                waiter.future.set_exception(_InitFailedError(outcome))
                break
        if self.waiters and not self.environments and len(self.starting) <= 1:
            self._start_environment()

    def _settings(self) -> dict[str, object]:
        """What the bundled runtimes are told at init: the context's constants, the variables."""
        function, ref, region = self.function, self.ref, self.account.region
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{ref.version}]{uuid.uuid4().hex}"
        language = function.runtime.language
        variables = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": function.handler,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime.identifier}",
            "AWS_LAMBDA_FUNCTION_NAME": ref.deployed_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": ref.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{ref.deployed_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "LAMBDA_TASK_ROOT": function.code,
            **{name: os.environ[name] for name in _CREDENTIALS if name in os.environ},
            **dict(function.environment),
        }
        return {
            "task_root": function.code,
            "handler": function.handler,
            "environment": variables,
            "function_name": ref.deployed_name,
            "function_version": ref.version,
            "memory_limit_in_mb": str(function.memory_mb),
            "log_group_name": variables["AWS_LAMBDA_LOG_GROUP_NAME"],
            "log_stream_name": stream,
            "returns_values": language == "nodejs" and function.runtime.version >= (24,),
        }

    async def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        for task in list(self.starting):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for environment in self.environments:
            environment.kill()
        self.environments.clear()
        self.idle.clear()


def _smoothed(mean: float, newest: float) -> float:
    return mean + (_RISING if newest > mean else _FALLING) * (newest - mean)


_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class _InitFailedError(Exception):
    """Carries the outcome of a failed init to the invocation that waits for the environment."""

    def __init__(self, outcome: FunctionError) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome
