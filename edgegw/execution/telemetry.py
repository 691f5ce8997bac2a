"""Sends an environment's telemetry to the extensions that subscribed to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Final

from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.awslambda.telemetry import Gathering, Subscription
from edgegw.background import Background
from edgegw.execution.log_store import iso_time

logger = logging.getLogger(__name__)

_KEPT: Final = 1000
"""Events from before a subscription that its subscriber still gets."""
_PATIENCE: Final = 2.0
"""Seconds that one delivery may take."""


class Telemetry:
    """The events of one environment while its process lives."""

    def __init__(self) -> None:
        self._past: list[tuple[str, bytes]] = []
        self._gatherings: list[Gathering] = []
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._sending = Background()

    def emit(self, kind: str, record: object) -> None:
        """Notes an event of type `kind`, and sends what is due."""
        if not self._gatherings and len(self._past) >= _KEPT:
            return
        event = encode_payload({"time": iso_time(time.time()), "type": kind, "record": record})
        if len(self._past) < _KEPT:
            self._past.append((kind, event))
        for at, gathering in enumerate(self._gatherings):
            if gathering.takes(kind):
                self._gather(at, gathering, event)

    def line(self, kind: str, text: str) -> None:
        """A line of a function's or an extension's output; a JSON object stays one."""
        record: object = text
        if text.startswith("{"):
            with contextlib.suppress(ValueError):
                found = decode_payload(text.encode("utf-8", "replace"))
                record = found if isinstance(found, Mapping) else text
        self.emit(kind, record)

    def subscribe(self, subscription: Subscription) -> None:
        """Adds a subscriber; it gets what happened before as well."""
        gathering = Gathering(subscription)
        self._gatherings.append(gathering)
        at = len(self._gatherings) - 1
        for kind, event in self._past:
            if gathering.takes(kind):
                self._gather(at, gathering, event)
        record = {
            "name": subscription.name,
            "state": "Subscribed",
            "types": list(subscription.types),
        }
        self.emit("platform.telemetrySubscription", record)

    def _gather(self, at: int, gathering: Gathering, event: bytes) -> None:
        if gathering.add(event):
            self._send(at)
        elif at not in self._timers:
            delay = gathering.subscription.timeout_ms / 1000
            self._timers[at] = asyncio.get_running_loop().call_later(delay, self._send, at)

    def _send(self, at: int) -> None:
        timer = self._timers.pop(at, None)
        if timer is not None:
            timer.cancel()
        gathering = self._gatherings[at]
        batch = gathering.batch()
        if batch:
            self._sending.start(_deliver(gathering.subscription, batch))

    async def flush(self) -> None:
        """Sends everything and waits until it arrived."""
        for at in range(len(self._gatherings)):
            self._send(at)
        await self._sending.settled()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._sending.interrupt()


async def _deliver(subscription: Subscription, batch: bytes) -> None:
    """Sends one batch. A subscriber that does not take it loses it: the function goes on."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", subscription.port)
            if subscription.protocol == "HTTP":
                head = (
                    f"POST {subscription.path} HTTP/1.1\r\n"
                    f"Host: sandbox.localdomain:{subscription.port}\r\n"
                    "Content-Type: application/json\r\n"
                    f"Content-Length: {len(batch)}\r\nConnection: close\r\n\r\n"
                )
                writer.write(head.encode() + batch)
                await writer.drain()
                await reader.readline()
            else:
                writer.write(batch)
                await writer.drain()
    except (OSError, TimeoutError) as error:
        logger.debug("telemetry for %s was not delivered: %s", subscription.name, error)
    finally:
        if writer is not None:
            writer.close()
