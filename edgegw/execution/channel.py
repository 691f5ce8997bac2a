"""What an environment needs of its runtime, whatever the two speak.

Two channels stand behind it: the frames of the bundled runtimes (`frames`), and the public Runtime
API over HTTP (`runtime_api`). An invocation goes in as one value, `PendingInvocation`; what comes
of it goes to a `Recipient`, the environment, by a call and not by a future: a caller may have left
by then, and the environment must know all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.model import Invocation, Outcome
from edgegw.awslambda.xray import InvocationTrace
from edgegw.execution.telemetry import Telemetry
from edgegw.values import value


class EnvironmentLostError(Exception):
    """The runtime's process is gone: it exited, crashed or was killed."""


class Sink(Protocol):
    """Where a streamed response goes while the function still runs."""

    def begin(self, content_type: str) -> None:
        """The runtime began to stream."""
        ...

    def write(self, chunk: bytes) -> None:
        """The next bytes."""
        ...


@dataclass(slots=True, eq=False)
class PendingInvocation:
    """One invocation on its way, and where its outcome goes.

    The caller gives the first five; `arrived` is when (monotonic seconds). The environment that
    runs it adds the rest: `left` are the seconds until it times out.
    """

    invocation: Invocation
    arn: str
    sink: Sink | None
    outcome: asyncio.Future[Outcome]
    arrived: float
    request_id: str = ""
    trace_id: str = ""
    started: float = 0.0
    left: float = 0.0
    trace: InvocationTrace | None = None

    def give(self, outcome: Outcome) -> None:
        """Hands the outcome to the caller, if it is still there."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def give_up(self, error: Exception) -> None:
        """There is no outcome, for a fault of ours."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


@dataclass(slots=True, eq=False)
class RuntimeAnswer:
    """The runtime's answer: a payload, or why there is none.

    `waited` are the seconds in which the handler did not compute, `memory_kb` the most that the
    process held so far; both 0 where the runtime does not say.
    """

    payload: bytes
    failure: ErrorObject | None = None
    waited: float = 0.0
    memory_kb: int = 0


class Recipient(Protocol):
    """Who is told what becomes of an invocation."""

    def answered(self, answer: RuntimeAnswer) -> None:
        """The runtime has answered; never called twice for one invocation."""
        ...

    def settled(self) -> None:
        """The runtime, and every extension, asks for the next event at last."""
        ...

    def lost(self) -> None:
        """The runtime's process is gone."""
        ...


class Channel(Protocol):
    """The way to one runtime process; one invocation at a time."""

    recipient: Recipient | None
    """Hears what becomes of invocations; an environment puts itself here."""

    @property
    def is_lost(self) -> bool:
        """Whether the process is known to be gone."""
        ...

    def init(self) -> Awaitable[ErrorObject | None]:
        """Waits until the code is loaded; answers why it is not. Raises EnvironmentLostError."""
        ...

    def invoke(self, pending: PendingInvocation) -> None:
        """Hands the event out. Without a sink, what is streamed is gathered."""
        ...

    @property
    def is_settled(self) -> bool:
        """Whether the runtime, and every extension, asks for the next event."""
        ...

    def shutdown_time(self) -> float:
        """Seconds that the shutdown phase takes at most; 0 means kill at once."""
        ...

    def shut_down(self, reason: str, seconds: float) -> None:
        """Announces the shutdown to extensions."""
        ...

    def close(self) -> None:
        """Drops the connection."""
        ...


@value
class Child:
    """A runtime's process with its channel: made by `spawning`, run by `Environment`.

    `kill` ends the processes with all their descendants, those of extensions included;
    `send_signal` reaches the runtime only. `ended` answers the runtime's exit status (negative:
    signal), `extensions` those of the external extensions; the log pipe of the runtime comes first.
    `telemetry` is there where an extension may subscribe to it.
    """

    channel: Channel
    pid: int
    log_fds: tuple[int, ...]
    kill: Callable[[], None]
    send_signal: Callable[[int], None]
    ended: Callable[[], Awaitable[int | None]]
    extensions: tuple[Callable[[], Awaitable[int | None]], ...] = ()
    telemetry: Telemetry | None = None
