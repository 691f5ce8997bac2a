"""The Runtime API and the Extensions API on a socket of their own, one per environment.

Clients take a host and a port from AWS_LAMBDA_RUNTIME_API and nothing more, so the port is what
tells environments apart. What a request means is decided by `awslambda.runtime_api`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from edgegw.awslambda.lifecycle import (
    MAX_RESPONSE,
    ErrorObject,
    platform_error,
    response_too_large,
    shutdown_time,
)
from edgegw.awslambda.runtime_api import RuntimeApi
from edgegw.awslambda.runtime_api_messages import (
    ApiRequest,
    Effect,
    ExtensionFailed,
    ExtensionRegistered,
    InitDone,
    InitFailed,
    InvocationAnswered,
    InvocationEvent,
    Reply,
    Settled,
    StreamBegun,
    Subscribed,
)
from edgegw.background import Background
from edgegw.execution.channel import (
    EnvironmentLostError,
    PendingInvocation,
    Recipient,
    RuntimeAnswer,
    Sink,
)
from edgegw.execution.request_ids import new_request_id
from edgegw.execution.runtime_api_front import LoopbackListener, RuntimeApiFront
from edgegw.execution.telemetry import Telemetry

logger = logging.getLogger(__name__)


class RuntimeApiServer:
    """Listens on loopback for the runtime and the extensions of one environment.

    It is a `Channel` for runtimes that speak HTTP. `on_extension` hears of extensions as they
    register.
    """

    def __init__(
        self, api: RuntimeApi, now_ms: Callable[[], int], on_extension: Callable[[str, str], None]
    ) -> None:
        self.api = api
        self.recipient: Recipient | None = None
        self.is_lost = False
        self.address = ""
        self.telemetry = Telemetry()
        self._now_ms = now_ms
        self._on_extension = on_extension
        self._loop = asyncio.get_running_loop()
        self._front = RuntimeApiFront(self)
        self._listener = LoopbackListener(self._front)
        self._ready: asyncio.Future[ErrorObject | None] = self._loop.create_future()
        self._sink: Sink | None = None
        self._streamed: bytearray | None = None
        self._shutting_down = False
        self._watching = Background()
        self.current = ""

    def listen(self) -> None:
        """Takes a free port; `address` is what AWS_LAMBDA_RUNTIME_API says."""
        self.address = self._listener.listen()

    # Requests

    def received(self, request: ApiRequest) -> None:
        self.perform(self.api.receive(request, new_request_id()))

    def begins_stream(self, path: str, headers: dict[str, str]) -> bool:
        effects = self.api.begin_stream(path, headers)
        if effects is None:
            return False
        self.perform(effects)
        return True

    def streamed(self, chunk: bytes) -> None:
        if self._sink is not None:
            self._sink.write(chunk)
        elif self._streamed is not None and len(self._streamed) <= MAX_RESPONSE:
            self._streamed += chunk

    def perform(self, effects: list[Effect]) -> None:
        """Sends replies, and tells whoever waits for what happened.

        What the environment is told comes last: it may answer with the next invocation at once.
        """
        answer: RuntimeAnswer | None = None
        is_settled = False
        for effect in effects:
            match effect:
                case InvocationAnswered():
                    answer = self._answer(effect)
                case ExtensionFailed():
                    _resolve(self._ready, effect.failure)
                    answer = RuntimeAnswer(b"", effect.failure)
                case Settled():
                    is_settled = True
                case _:
                    self._perform(effect)
        if self.recipient is None:
            return
        if answer is not None:
            self.recipient.answered(answer)
        elif is_settled:
            self.recipient.settled()

    def _perform(
        self, effect: Reply | InitDone | InitFailed | StreamBegun | ExtensionRegistered | Subscribed
    ) -> None:
        match effect:
            case Reply():
                self._front.reply(effect)
            case InitDone():
                _resolve(self._ready, None)
            case InitFailed():
                _resolve(self._ready, effect.failure)
            case StreamBegun():
                self._begin_stream(effect.content_type)
            case ExtensionRegistered():
                self._on_extension(effect.name, ", ".join(effect.events))
            case Subscribed():
                self.telemetry.subscribe(effect.subscription)

    def _begin_stream(self, content_type: str) -> None:
        if self._sink is not None:
            self._sink.begin(content_type)
        else:
            self._streamed = bytearray()

    def _answer(self, effect: InvocationAnswered) -> RuntimeAnswer:
        payload, failure = effect.payload, effect.failure
        if self._streamed is not None and failure is None:
            payload = bytes(self._streamed)
            failure = response_too_large() if len(payload) > MAX_RESPONSE else None
        return RuntimeAnswer(payload, failure)

    # Channel

    def init(self) -> asyncio.Future[ErrorObject | None]:
        return self._ready

    def invoke(self, pending: PendingInvocation) -> None:
        self.announce(pending, pending.invocation.payload)
        self._sink = pending.sink

    def announce(self, pending: PendingInvocation, payload: bytes) -> None:
        """Tells whoever waits for the next event, the runtime (with `payload`) among them."""
        self._sink, self._streamed = None, None
        deadline = self._now_ms() + int(pending.left * 1000)
        self.current = pending.request_id
        event = InvocationEvent(
            pending.request_id,
            new_request_id(),
            pending.arn,
            deadline,
            pending.trace_id,
            pending.invocation.client_context,
        )
        self.perform(self.api.invoke(event, payload))

    @property
    def is_settled(self) -> bool:
        return self.api.is_settled

    def shutdown_time(self) -> float:
        return shutdown_time(internal=self.api.has_internal, external=self.api.has_external)

    def shut_down(self, reason: str, seconds: float) -> None:
        self._shutting_down = True
        self.perform(self.api.shut_down(reason, self._now_ms() + int(seconds * 1000)))

    def fail(self, kind: str, text: str) -> None:
        """An extension is beyond help: init, or the invocation under way, fails with it."""
        request_id = self.current
        failure = platform_error(kind, request_id, text)
        self.perform([ExtensionFailed(failure)])

    def watch(self, ended: Awaitable[int | None], name: str) -> None:
        """Fails when the extension `name` ends before it was told to."""
        self._watching.start(self._watch(ended, name))

    async def _watch(self, ended: Awaitable[int | None], name: str) -> None:
        status = await ended
        if self.is_lost or self._shutting_down:
            return
        cause = f"exit code {status or 0}" if (status or 0) >= 0 else f"signal {-(status or 0)}"
        logger.warning("the extension %s ended: %s", name, cause)
        self.fail("Extension.Crash", cause)

    def lose(self) -> None:
        """The process is gone."""
        if self.is_lost:
            return
        self.is_lost = True
        if not self._ready.done():
            self._ready.set_exception(EnvironmentLostError())
            self._ready.exception()  # nobody has to ask
        elif self.recipient is not None:
            self.recipient.lost()

    def close(self) -> None:
        self.lose()
        self.telemetry.close()
        self._watching.interrupt()
        self._listener.close()
        self._front.close()


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)
