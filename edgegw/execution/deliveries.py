"""Where messages for targets go: one method, `deliver`, whatever the target is.

    function:NAME[:QUALIFIER]   an asynchronous invocation here
    file:PATH                   a line of JSON at the end of a file, on disk before it counts
    sqs:NAME or URL             an embedded queue of that name, else the service
    sns:ARN, events:BUS         what is embedded, else the service
    s3:BUCKET/KEY               an object at the service

ARNs of these are taken as well. What is embedded is asked first (`local`): it answers False for a
name that it does not have, and then the message goes to the real service by `aws_deliveries`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from edgegw.awslambda.destinations import (
    OWN_FORMS,
    DestinationTarget,
    MessageAttributes,
    TargetKind,
    parse_target,
)

LocalDelivery: TypeAlias = Callable[[str, bytes, MessageAttributes, str], Awaitable[bool]]
"""Takes a message, its attributes and its trace header for the embedded thing of this name; False
where there is none. Raises DeliveryFailure for one that it does not take."""
NO_ATTRIBUTES: Final[MessageAttributes] = MappingProxyType({})


class DeliveryFailure(Exception):  # noqa: N818 - the network's, as its siblings
    """A message did not arrive. `is_final`: nor would it another time."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class RemoteDelivery(Protocol):
    """What reaches the services that are not embedded."""

    async def send(
        self, target: DestinationTarget, body: bytes, attributes: MessageAttributes, trace_id: str
    ) -> None:
        """Raises DeliveryFailure."""
        ...

    async def close(self) -> None: ...


class Deliveries:
    """Delivers to all kinds of targets; `local` are the embedded ones by kind."""

    def __init__(
        self, local: Mapping[TargetKind, LocalDelivery], remote: Callable[[], RemoteDelivery]
    ) -> None:
        self._local = local
        self._make_remote = remote
        self._remote: RemoteDelivery | None = None
        self._is_closed = False

    async def deliver(
        self,
        target: str,
        body: bytes,
        attributes: MessageAttributes = NO_ATTRIBUTES,
        trace_id: str = "",
    ) -> None:
        """Returns once the message has arrived. Raises DeliveryFailure."""
        parsed = parse_target(target)
        if parsed is None:
            text = f"{target!r} is no target: {OWN_FORMS}, or an ARN"
            raise DeliveryFailure(text, is_final=True)
        if parsed.kind == "file":
            line = file_line(body, attributes)
            await asyncio.to_thread(append_lines, Path(parsed.name), [line])
            return
        local = self._local.get(parsed.kind)
        name = parsed.local_name or parsed.name
        if local is not None and await local(name, body, attributes, trace_id):
            return
        if parsed.kind == "function":
            raise DeliveryFailure(f"there is no function {name!r}")
        await self._remotely(parsed, body, attributes, trace_id)

    async def _remotely(
        self, target: DestinationTarget, body: bytes, attributes: MessageAttributes, trace_id: str
    ) -> None:
        if self._is_closed:
            raise DeliveryFailure("the gateway ends")
        if self._remote is None:
            self._remote = self._make_remote()
        await self._remote.send(target, body, attributes, trace_id)

    async def close(self) -> None:
        """Ends connections."""
        self._is_closed = True
        if self._remote is not None:
            await self._remote.close()
            self._remote = None


# Files


def file_line(body: bytes, attributes: MessageAttributes) -> bytes:
    """The line that stands for a message: its body, or with attributes an object of both."""
    one = body.strip().replace(b"\n", b" ").replace(b"\r", b" ")
    if not attributes:
        return one + b"\n"
    values = {name: content for name, (_, content) in attributes.items()}
    return b'{"attributes":%b,"body":%b}\n' % (json.dumps(values).encode(), one)


def append_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Adds lines to a file, on disk when this returns. Raises DeliveryFailure.

    Where not all of them can be written, none is.
    """
    content = b"".join(lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            try:
                _write_all(file.fileno(), content)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
    except OSError as error:
        raise DeliveryFailure(f"{path} cannot be written: {error.strerror or error}") from error


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def lines_at_the_end(path: Path, lines: Iterable[bytes]) -> set[bytes]:
    """Which of `lines` stand in the end of a file that a killed process may have written.

    A last line that is the beginning of one of them, cut off by the end of the process, is removed.
    Raises DeliveryFailure.
    """
    wanted = set(lines)
    span = sum(map(len, wanted)) + _OTHERS
    try:
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - span))
            *whole, last = file.read().split(b"\n")
            if last and any(line.startswith(last) for line in wanted):
                file.truncate(size - len(last))
            elif last:
                file.write(b"\n")
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise DeliveryFailure(f"{path} cannot be read: {error.strerror or error}") from error
    return wanted & {line + b"\n" for line in whole}


_OTHERS: Final = 1024 * 1024
"""Bytes at the end of a file that others may have written behind us."""
