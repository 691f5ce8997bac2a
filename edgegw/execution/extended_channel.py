"""A bundled runtime on frames, with external extensions beside it on HTTP."""

from __future__ import annotations

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.runtime_api_messages import ApiRequest
from edgegw.execution.channel import PendingInvocation, Recipient, RuntimeAnswer
from edgegw.execution.frames import FramesChannel
from edgegw.execution.runtime_api import RuntimeApiServer


class ExtendedChannel:
    """A bundled runtime on frames, beside extensions on HTTP.

    To the extensions' state machine the runtime is one that always asks in time. It hears what the
    runtime says and passes it on; of what the server says only extensions are left.
    """

    def __init__(self, frames: FramesChannel, server: RuntimeApiServer) -> None:
        self.recipient: Recipient | None = None
        self._frames = frames
        self._server = server
        frames.recipient = self
        server.recipient = _Extensions(self)

    @property
    def is_lost(self) -> bool:
        return self._frames.is_lost

    async def init(self) -> ErrorObject | None:
        failure = await self._frames.init()
        if failure is not None:
            return failure
        self._ask()
        return await self._server.init()

    def invoke(self, pending: PendingInvocation) -> None:
        self._server.announce(pending, b"")
        self._frames.invoke(pending)

    # Recipient

    def answered(self, answer: RuntimeAnswer) -> None:
        path = f"/2018-06-01/runtime/invocation/{self._server.current}/response"
        request = ApiRequest(0, "POST", path, {})
        self._server.perform(self._server.api.receive(request, ""))
        self._ask()
        if self.recipient is not None:
            self.recipient.answered(answer)

    def settled(self) -> None:
        """Frames never say so: it is the extensions that are waited for."""

    def lost(self) -> None:
        self._server.lose()
        if self.recipient is not None:
            self.recipient.lost()

    def _ask(self) -> None:
        request = ApiRequest(0, "GET", "/2018-06-01/runtime/invocation/next", {})
        self._server.perform(self._server.api.receive(request, ""))

    @property
    def is_settled(self) -> bool:
        return self._server.is_settled

    def shutdown_time(self) -> float:
        return self._server.shutdown_time()

    def shut_down(self, reason: str, seconds: float) -> None:
        self._server.shut_down(reason, seconds)

    def close(self) -> None:
        self._frames.close()
        self._server.close()


class _Extensions:
    """Hears the server beside a runtime that does not answer there."""

    def __init__(self, channel: ExtendedChannel) -> None:
        self._channel = channel

    def answered(self, answer: RuntimeAnswer) -> None:
        recipient, failure = self._channel.recipient, answer.failure
        if recipient is not None and failure is not None:
            recipient.answered(answer)

    def settled(self) -> None:
        if self._channel.recipient is not None:
            self._channel.recipient.settled()

    def lost(self) -> None:
        """The runtime itself is who tells."""
