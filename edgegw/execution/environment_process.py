"""The process of an environment: its start with the code that loads, why it is gone, its end.

There is one at a time. `load` starts it, and answers when the function's code is loaded, or why it
is not. From then on it ends by itself (`why_lost` finds out), for its limits (`ends_by_limit`) or
because the environment has no use for it any more (`drop`): an environment whose process is dropped
goes on with another one. What an extension still does with its last seconds goes on in the
environment's background.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
from typing import Final, Literal

from edgegw.awslambda.lifecycle import (
    RUNTIME_SHUTDOWN,
    ErrorObject,
    exit_error,
    memory_error,
    timeout_error,
)
from edgegw.awslambda.model import EDGE_PREFIX
from edgegw.background import Background
from edgegw.execution.channel import Channel, Child, EnvironmentLostError, Recipient
from edgegw.execution.child_end import end_child, tell_extensions, wind_down
from edgegw.execution.environment_spec import EnvironmentSpec
from edgegw.execution.output import Output
from edgegw.execution.start_failures import start_error
from edgegw.execution.watch import Watch

logger = logging.getLogger(__name__)

INIT_PATIENCE: Final = 4.0
"""Seconds after which an init that goes on is spoken of."""


class EnvironmentProcess:
    """The present process of an environment, which is the `recipient` of what it answers."""

    def __init__(
        self,
        setting: EnvironmentSpec,
        output: Output,
        watch: Watch,
        *,
        recipient: Recipient,
        background: Background,
    ) -> None:
        self.child: Child | None = None
        self.channel: Channel | None = None
        self._setting = setting
        self._output = output
        self._watch = watch
        self._recipient = recipient
        self._background = background
        self._fatal: Literal["memory", "storage"] | None = None

    async def load(
        self, limit: float, request_id: str, phase: Literal["init", "invoke"]
    ) -> ErrorObject | None:
        """Starts it and waits `limit` seconds until its code is loaded; what failed."""
        if self._fatal == "storage":  # else the next process would be ended for what this one left
            shutil.rmtree(self._setting.temporary, ignore_errors=True)
        self._fatal = None
        self._output.telemetry = None
        timer = asyncio.timeout(limit)
        loop = asyncio.get_running_loop()
        patience = loop.call_later(INIT_PATIENCE, self._tell_slow_init, limit)
        try:
            async with timer:
                child = await self._setting.spawn(
                    self._output.extension_registered, self._watch.storage_limited
                )
                self._attach(child, phase)
                return await child.channel.init()
        except EnvironmentLostError:
            return await self.why_lost(request_id)
        except Exception as error:  # whatever it is, the invocations that wait must hear of it
            if timer.expired():
                return timeout_error(request_id, limit)
            return start_error(request_id, self._setting.name, error)
        finally:
            patience.cancel()

    def _tell_slow_init(self, limit: float) -> None:
        """Code that loads without end shows nothing until its time is over."""
        setting = self._setting
        if not setting.is_debugged and setting.name not in setting.slow_inits:
            setting.slow_inits.add(setting.name)
            logger.warning(
                "%s: its code has not loaded for %g s; it has %g s. What stands outside of the "
                "handler may wait for something, such as an import or a connection",
                *(setting.name.removeprefix(EDGE_PREFIX), INIT_PATIENCE, limit),
            )

    def _attach(self, child: Child, phase: Literal["init", "invoke"]) -> None:
        self.child, self.channel = child, child.channel
        child.channel.recipient = self._recipient
        self._watch.begin_process()
        kind = "provisioned-concurrency" if self._setting.is_provisioned else "on-demand"
        self._output.attach(child, kind, phase)

    async def why_lost(self, request_id: str) -> ErrorObject:
        """Why it went away."""
        if self._fatal == "memory":
            return memory_error(request_id)
        status: int | None = None
        if self.child is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    status = await self.child.ended()
        return exit_error(request_id, status)

    def ends_by_limit(self, request_id: str, *, storage: bool) -> bool:
        """Looks at its memory (and the temporary folder); whether it had to be killed.

        `why_lost` then knows.
        """
        child = self.child
        if child is None or self._setting.is_debugged:
            return False
        excess = self._watch.look(child, request_id, storage=storage)
        if excess is None:
            return False
        if excess == "storage":
            text = self._watch.storage_text()
            self._output.note(text)
            logger.warning("%s", text)
        self._fatal = excess
        child.kill()
        return True

    def drop(self, reason: str) -> None:
        """Ends it and everything it started."""
        child, self.child, self.channel = self.child, None, None
        if child is None:
            return
        child.channel.recipient = None
        close_pipes = self._output.detach()
        if child.extensions and reason != "SPINDOWN":
            child.send_signal(signal.SIGKILL)  # the runtime first, then the extensions
            self._background.start(wind_down(child, reason, close_pipes))
            return
        end_child(child, close_pipes)

    async def wind_down(self) -> None:
        """The shutdown phase of one that is warm: extensions hear of it and get their time.

        Without extensions there is none, as on AWS.
        Source: Lambda Developer Guide, "Shutdown phase".
        """
        child = self.child
        if child is None or child.channel.is_lost:
            return
        seconds = child.channel.shutdown_time()
        if seconds:
            child.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, RUNTIME_SHUTDOWN)):
                    await child.ended()
            await tell_extensions(child, "SPINDOWN", seconds)
