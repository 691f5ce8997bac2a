"""What an environment needs of its runtime, whatever the two speak.

Two channels stand behind it: the frames of the bundled runtimes (`frames`), and the public Runtime
API over HTTP (`runtime_api`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from edgegw.awslambda.lifecycle import Failure
from edgegw.execution.telemetry import Telemetry


class EnvironmentLostError(Exception):
    """The runtime's process is gone: it exited, crashed or was killed."""


class Given(NamedTuple):
    """What the runtime is told of one invocation. `timeout` is in seconds from now."""

    request_id: str
    arn: str
    trace_id: str
    client_context: str
    timeout: float


class Answer(NamedTuple):
    """The runtime's answer: a payload, or why there is none.

    `waited` are the seconds in which the handler did not compute, `memory_kb` the most that the
    process held so far; both 0 where the runtime does not say.
    """

    payload: bytes
    failure: Failure | None = None
    waited: float = 0.0
    memory_kb: int = 0


class Sink(Protocol):
    """Where a streamed response goes while the function still runs."""

    def begin(self, content_type: str) -> None:
        """The runtime began to stream."""
        ...

    def write(self, chunk: bytes) -> None:
        """The next bytes."""
        ...


class Channel(Protocol):
    """The way to one runtime process; one invocation at a time.

    `init` and the future of `invoke` raise EnvironmentLostError when the process goes away.
    """

    @property
    def is_lost(self) -> bool:
        """Whether the process is known to be gone."""
        ...

    def init(self) -> Awaitable[Failure | None]:
        """Waits until the code is loaded; answers why it is not."""
        ...

    def invoke(self, given: Given, payload: bytes, sink: Sink | None) -> asyncio.Future[Answer]:
        """Hands the event out; the future is the answer. Without `sink` streams are gathered."""
        ...

    def redirect(self, answer: asyncio.Future[Answer]) -> None:
        """The answer under way goes to this future: the one before was canceled."""
        ...

    @property
    def is_settled(self) -> bool:
        """Whether the runtime asks for the next event."""
        ...

    def settled(self) -> Awaitable[None]:
        """Waits until the runtime asks for the next event."""
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


@dataclass(frozen=True, slots=True)
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
