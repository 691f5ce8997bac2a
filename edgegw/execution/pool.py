"""The environments of one version of one function: kept warm, grown, recycled, drained.

An environment is always in one of these places, and whoever moves it keeps the sets in step:

    loading ──init done──▶ environments, busy ◀──begin──┐
       │                        │ answered              │
       └─ fails: killed         ├─ somebody waits: the next invocation, at once
                                ├─ draining: shuts down
                                └─ nobody: idle (last in, first out)

**Idle ones are a stack.** The latest used is used again, so that what is too much stays unused and
`recycle` takes it. Provisioned ones have a stack of their own, are taken first and never recycled.

**Growth waits a moment.** Lambda starts an environment for every invocation that finds none free.
Here a start takes a processor that the running ones need, so an invocation waits (`PATIENCE`) for
one that becomes free, and `awslambda.scheduling` decides from what was measured whether another one
would help. Only the very first one starts at once. A timer that rings late says that this process
itself was held up; nothing is learned from it.

**The durations are moving means that fall fast and rise slowly.** A slow one may be the machine's
doing, a fast one never is.

**One pool runs one state of the code.** `stamp` tells the state on disk, of paths that are watched
from some moment on: what is watched at one time only is not compared. An environment that was
loaded while it changed may have loaded the new code, and is thrown away unless it is the only one
(a pool must not be left empty for a race). A pool that gets ready to take over (`warm`) gives up
with SupersededError instead.

**The end.** `drain` takes no more invocations and lets what is busy answer; `close` waits for
nobody. An invocation whose caller went away is dropped where it waits; what has begun goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from edgegw.awslambda.lifecycle import IDLE_TIME, ErrorObject
from edgegw.awslambda.model import Function, Invocation, Outcome
from edgegw.awslambda.scheduling import PATIENCE, Demand, environments_to_start
from edgegw.background import Background
from edgegw.execution.channel import PendingInvocation, Sink
from edgegw.execution.environment import Environment

logger = logging.getLogger(__name__)

_RISING: Final = 0.05
_FALLING: Final = 0.5
"""Weights of the newest duration in the moving mean. A process that the system held up looks slow
for once: what falls is believed at once, what rises only when it lasts."""


CodeStamp: TypeAlias = Mapping[str, object]
"""The state of each path that is watched; empty while nobody watches."""


class SupersededError(Exception):
    """The code changed while it was loaded."""


@dataclass
class Pool:
    """Environments of `function`; `make` makes one more, provisioned or on demand.

    `limit` bounds their number. `in_flight` counts invocations, waiting ones included.
    """

    function: Function
    make: Callable[[bool], Environment]
    limit: int
    stamp: Callable[[], CodeStamp] = dict
    """Tells the state of the code on disk; all environments of a pool run the same."""
    is_debugged: bool = False
    """Whether a debugger attaches to its one environment."""
    is_frozen: bool = False
    """Whether no environment is added: the code on disk cannot be loaded, older code is warm."""
    provisioned: int = 0
    in_flight: int = 0
    environments: set[Environment] = field(default_factory=set[Environment])
    loading: set[Environment] = field(default_factory=set[Environment])
    is_draining: bool = False
    provisioning_failure: ErrorObject | None = None
    _idle: list[Environment] = field(default_factory=list[Environment])
    _idle_provisioned: list[Environment] = field(default_factory=list[Environment])
    _waiting: deque[PendingInvocation] = field(default_factory=deque[PendingInvocation])
    _starting: Background = field(default_factory=Background)
    _retiring: Background = field(default_factory=Background)
    _mean_duration: float | None = None
    _mean_waiting: float = 0.0
    _last_completion: float = 0.0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _timer: asyncio.TimerHandle | None = None
    _due: float = 0.0
    _is_trying: bool = False
    _stamp: CodeStamp = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        self.note_watched()

    def note_watched(self) -> None:
        """Other paths are watched: what was not watched before counts as it is now."""
        self._stamp = {**self.stamp(), **self._stamp}

    @property
    def _is_superseded(self) -> bool:
        """Whether a path that was watched then and is watched now holds something else."""
        now = self.stamp()
        return any(now[path] != then for path, then in self._stamp.items() if path in now)

    @property
    def busy(self) -> int:
        """Environments that handle an invocation now."""
        idle = len(self._idle) + len(self._idle_provisioned)
        return max(0, len(self.environments) - idle)

    @property
    def provisioned_ready(self) -> int:
        """Provisioned environments whose init is done."""
        return sum(each.is_provisioned for each in self.environments)

    def invoke(
        self, invocation: Invocation, arn: str, sink: Sink | None, now: float
    ) -> asyncio.Future[Outcome]:
        """Runs one invocation in an environment that is free, or will be; `now` is monotonic.

        Whoever cancels the answer has no part in it any more; what has begun goes on.
        """
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        pending = PendingInvocation(invocation, arn, sink, outcome, now)
        if self._idle_provisioned:
            self._idle_provisioned.pop().begin(pending, now)
        elif self._idle:
            self._idle.pop().begin(pending, now)
        else:
            self._wait(pending)
        return outcome

    def _finished(self, environment: Environment, now: float) -> None:
        """An environment is done with an invocation, and takes the next that waits."""
        duration, waited = environment.duration, environment.waited
        mean = self._mean_duration
        if mean is None:
            mean, self._mean_waiting = duration, waited
        self._mean_duration = mean + (_RISING if duration > mean else _FALLING) * (duration - mean)
        mean = self._mean_waiting
        self._mean_waiting = mean + (_RISING if waited > mean else _FALLING) * (waited - mean)
        self._put_back(environment, now)

    def _put_back(self, environment: Environment, now: float) -> None:
        self._last_completion = now
        if not environment.is_ready:
            self.environments.discard(environment)
            environment.kill()
            return
        while self._waiting:
            pending = self._waiting.popleft()
            if not pending.outcome.done():
                environment.begin(pending, now)
                return
        if self.is_draining:
            self._retire(environment)
            return
        environment.idle_since = now
        (self._idle_provisioned if environment.is_provisioned else self._idle).append(environment)

    def _retire(self, environment: Environment) -> None:
        self.environments.discard(environment)
        self._retiring.start(environment.shut_down())

    # Growth

    def _wait(self, pending: PendingInvocation) -> None:
        self._waiting.append(pending)
        if not self.environments and not self._starting:
            self._start_environment(provisioned=False)
        elif self._timer is None:
            self._look_again_soon()

    def _look_again_soon(self) -> None:
        self._due = time.monotonic() + PATIENCE
        self._timer = self._loop.call_later(PATIENCE, self._consider_growth)

    def _consider_growth(self) -> None:
        self._timer = None
        while self._waiting and self._waiting[0].outcome.done():
            self._waiting.popleft()
        if not self._waiting:
            return
        if self.is_frozen and self.environments:
            return
        now = time.monotonic()
        if now - self._due > PATIENCE:  # this process itself was held up: nothing to learn from it
            self._look_again_soon()
            return
        demand = Demand(
            waiting=len(self._waiting),
            environments=len(self.environments) + self._starting.count,
            starting=self._starting.count,
            limit=self.limit,
            since_completion=now - max(self._last_completion, self._waiting[0].arrived),
            mean_duration=self._mean_duration,
            mean_waiting=self._mean_waiting,
        )
        for _ in range(environments_to_start(demand)):
            self._start_environment(provisioned=False)
        self._look_again_soon()

    def _start_environment(self, *, provisioned: bool) -> None:
        self._starting.start(self._start_and_keep(provisioned=provisioned))

    async def _start_and_keep(self, *, provisioned: bool) -> None:
        try:
            await self._start(provisioned=provisioned)
        except Exception as error:
            if not self.environments and self._starting.count <= 1:
                self._give_up(error)  # no other will take what waits
            raise

    def _give_up(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, deque()
        for pending in waiting:
            pending.give_up(error)

    async def warm(self, like: Pool) -> ErrorObject | None:
        """Gets as many environments initialised as `like` is using, provisioned ones too.

        Answers why the first one failed; then there is none.
        """
        self.provisioned = like.provisioned
        counts = [True] * like.provisioned
        counts += [False] * max(1 - len(counts), min(like.in_flight, len(like.environments)))
        first, *others = counts
        self._is_trying = True
        failure = await self._start(provisioned=first)
        self._is_trying = False
        if self._is_superseded:
            raise SupersededError
        if failure is None:
            await asyncio.gather(*(self._start(provisioned=each) for each in others))
        return failure

    async def _start(self, *, provisioned: bool) -> ErrorObject | None:
        environment = self.make(provisioned)
        environment.on_free = self._finished
        self.loading.add(environment)
        try:
            failure = await environment.init()
        except BaseException:
            environment.kill()
            raise
        finally:
            self.loading.discard(environment)
        if failure is not None and (provisioned or self._is_trying):
            if provisioned:
                self.provisioning_failure = failure
            environment.kill()
            return failure
        if self.environments and self._is_superseded:
            # It may have loaded what is not what this pool runs.
            environment.kill()
            return failure
        self.environments.add(environment)
        self._put_back(environment, time.monotonic())
        return failure

    def start_one(self) -> None:
        """Starts an environment ahead of any invocation."""
        if self.is_unused:
            self._start_environment(provisioned=False)

    async def provision(self, count: int) -> None:
        """Has `count` environments initialised ahead of any invocation; the rest goes.

        `provisioning_failure` tells why there are fewer.
        """
        self.provisioned, self.provisioning_failure = count, None
        missing = count - self.provisioned_ready
        await asyncio.gather(*(self._start(provisioned=True) for _ in range(missing)))
        while self.provisioned_ready > count and self._idle_provisioned:
            self._retire(self._idle_provisioned.pop())

    # The end

    def recycle(self, now: float, idle_time: float = IDLE_TIME) -> None:
        """Shuts down what was idle for long, provisioned environments excepted."""
        old = [each for each in self._idle if now - each.idle_since >= idle_time]
        for environment in old:
            self._idle.remove(environment)
            self._retire(environment)

    def drain(self) -> None:
        """Takes no more invocations: what is idle ends now, what is busy when it answered."""
        self.is_draining = True
        for environment in (*self._idle, *self._idle_provisioned):
            self._retire(environment)
        self._idle.clear()
        self._idle_provisioned.clear()

    async def settled(self) -> None:
        """Waits for what goes on behind answers, and for invocations that nobody waits for."""
        for environment in list(self.environments):
            await environment.at_rest()
        await self._retiring.settled()

    @property
    def is_unused(self) -> bool:
        """Whether nothing is warm, nor about to be."""
        return not (self.environments or self._starting)

    @property
    def is_empty(self) -> bool:
        """Whether a drained pool has nothing left to end."""
        return not (self.environments or self._starting or self._retiring or self._waiting)

    async def close(self) -> None:
        """Ends every environment; those with extensions get their shutdown phase."""
        if self._timer is not None:
            self._timer.cancel()
        self.is_draining = True
        await self._starting.cancel()
        idle = [*self._idle, *self._idle_provisioned]
        await asyncio.gather(*(each.shut_down() for each in idle))
        busy = list(self.environments)
        for environment in busy:
            environment.kill()
        self.environments.clear()
        for environment in busy:
            await environment.at_rest()
        await self._retiring.settled()
        self._idle.clear()
        self._idle_provisioned.clear()
