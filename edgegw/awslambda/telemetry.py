"""The Telemetry API: what an extension may subscribe to, and when gathered events go out.

Source: Lambda Developer Guide, "Accessing real-time telemetry data for extensions using the
Telemetry API".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from edgegw.awslambda.payload import Json, decode_payload

SCHEMAS: Final = ("2022-07-01", "2022-12-13", "2025-01-29")
"""Versions of the telemetry schema that can be subscribed to.

Source: Lambda Developer Guide, "Telemetry API reference", schemaVersion.
"""
TYPES: Final = ("platform", "function", "extension")
_BOUNDS: Final = {
    "maxItems": (1000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1000),
}
"""Least, most and default of the buffering settings.

Source: Lambda Developer Guide, "Telemetry API reference", buffering.
"""


class Subscription(NamedTuple):
    """What an extension asked for. Events go to `port` of this machine."""

    name: str
    types: tuple[str, ...]
    protocol: Literal["HTTP", "TCP"]
    port: int
    path: str
    max_items: int
    max_bytes: int
    timeout_ms: int


class InvalidSubscriptionError(Exception):
    """The body of a subscription breaks a rule; the text says which."""


def decode_subscription(name: str, raw: bytes) -> Subscription:
    """The subscription of the extension `name`. Raises InvalidSubscriptionError."""
    try:
        body = decode_payload(raw)
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise InvalidSubscriptionError("the body is no JSON object")
    if body.get("schemaVersion") not in SCHEMAS:
        raise InvalidSubscriptionError(f"schemaVersion must be one of {', '.join(SCHEMAS)}")
    types = body.get("types")
    if not isinstance(types, list) or not types or any(each not in TYPES for each in types):
        raise InvalidSubscriptionError(f"types must be some of {', '.join(TYPES)}")
    buffering = _mapping(body.get("buffering"))
    bounded = [_bounded(buffering, key) for key in _BOUNDS]
    destination = _mapping(body.get("destination"))
    protocol = destination.get("protocol")
    uri = destination.get("URI")
    if protocol not in ("HTTP", "TCP"):
        raise InvalidSubscriptionError("destination.protocol must be HTTP or TCP")
    port, path = _address(protocol, str(uri if uri is not None else destination.get("port", "")))
    chosen = tuple(str(each) for each in cast("list[object]", types))
    return Subscription(name, chosen, protocol, port, path, *bounded)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _bounded(buffering: Mapping[str, Json], key: str) -> int:
    least, most, default = _BOUNDS[key]
    value = buffering.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidSubscriptionError(f"buffering.{key} must be from {least} to {most}")
    return value


def _address(protocol: str, uri: str) -> tuple[int, str]:
    if protocol == "TCP":
        if re.fullmatch("[0-9]{1,5}", uri) and 0 < int(uri) < 65536:
            return int(uri), ""
        raise InvalidSubscriptionError("destination.port must be a port")
    problem = "destination.URI must be http://sandbox.localdomain:PORT"
    try:
        parts = urlsplit(uri)
        port = parts.port or 80
    except ValueError:
        raise InvalidSubscriptionError(problem) from None
    if parts.hostname not in _OWN_HOSTS or port == _TAKEN_PORT:
        raise InvalidSubscriptionError(problem)
    return port, parts.path or "/"


_OWN_HOSTS: Final = ("sandbox.localdomain", "sandbox", "localhost", "127.0.0.1")
_TAKEN_PORT: Final = 9001
"""The Runtime API's own on AWS."""


@dataclass(slots=True)
class Gathering:
    """Events on their way to one subscriber; a batch goes out when it is full or old enough."""

    subscription: Subscription
    events: list[bytes] = field(default_factory=list[bytes])
    size: int = 0

    def takes(self, kind: str) -> bool:
        """Whether the subscriber wants events of this type (`platform.start`, `function` …)."""
        return kind.partition(".")[0] in self.subscription.types

    def add(self, event: bytes) -> bool:
        """Adds an encoded event; True when the batch is full."""
        self.events.append(event)
        self.size += len(event)
        full = len(self.events) >= self.subscription.max_items
        return full or self.size >= self.subscription.max_bytes

    def batch(self) -> bytes:
        """What was gathered, as the body to send; empty when there is nothing."""
        events, self.events, self.size = self.events, [], 0
        if not events:
            return b""
        if self.subscription.protocol == "TCP":
            return b"".join(event + b"\n" for event in events)
        return b"[" + b",".join(events) + b"]"
