"""What functions and the platform logged, kept in memory: log groups with streams, as on AWS.

Start and report lines are kept as values and rendered when somebody reads: an invocation that
nobody looks at costs two small tuples.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from edgegw.awslambda.logs import (
    ExtensionState,
    InitReport,
    end_line,
    platform_event,
    report_line,
    report_record,
    shows_platform,
    start_line,
)
from edgegw.awslambda.model import LogSettings, Report

KEPT_ENTRIES: Final = 20_000
KEPT_BYTES: Final = 8 * 1024 * 1024
"""Of one log group; the oldest entries go first."""


class Started(NamedTuple):
    """An invocation began."""

    request_id: str
    version: str


What: TypeAlias = str | Started | Report | InitReport | ExtensionState
"""A line that was printed, or what the platform has to say."""


class Entry(NamedTuple):
    """One entry: `number` counts within the group, `time` is seconds since the epoch."""

    number: int
    time: float
    stream: str
    what: What
    settings: LogSettings

    def lines(self) -> list[str]:
        """The log events that the entry stands for, without newlines."""
        what, settings = self.what, self.settings
        if isinstance(what, str):
            return [what]
        if settings.format == "Text":
            if isinstance(what, Started):
                return [start_line(what.request_id, what.version)]
            if isinstance(what, (InitReport, ExtensionState)):
                return [what.line()]
            return [end_line(what.request_id), report_line(what)]
        failed = isinstance(what, (Report, InitReport)) and what.status != "success"
        if not shows_platform(settings, failed=failed):
            return []
        stamp = iso_time(self.time)
        if isinstance(what, Started):
            record = {"requestId": what.request_id, "version": what.version}
            return [platform_event(stamp, "start", record)]
        if isinstance(what, InitReport):
            return [platform_event(stamp, "initReport", what.record())]
        if isinstance(what, ExtensionState):
            return [platform_event(stamp, "extension", what.record())]
        return [platform_event(stamp, "report", report_record(what))]


def iso_time(at: float) -> str:
    """`2026-01-02T03:04:05.678Z`."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1000):03d}Z"


@dataclass
class LogGroup:
    """The entries of one function, oldest first."""

    entries: deque[Entry] = field(default_factory=deque[Entry])
    size: int = 0
    count: int = 0
    wake: asyncio.Event | None = None

    def append(self, settings: LogSettings, stream: str, what: What) -> None:
        """Adds an entry; makes room where there is none."""
        self.count += 1
        self.entries.append(Entry(self.count, time.time(), stream, what, settings))
        if what.__class__ is str:
            self.size += len(what)
        if len(self.entries) > KEPT_ENTRIES or self.size > KEPT_BYTES:
            self._make_room()
        if self.wake is not None:
            self.wake_up()

    def _make_room(self) -> None:
        while len(self.entries) > KEPT_ENTRIES or self.size > KEPT_BYTES:
            gone = self.entries.popleft().what
            if isinstance(gone, str):
                self.size -= len(gone)

    def after(self, number: int) -> list[Entry]:
        """The entries behind `number`."""
        return [entry for entry in self.entries if entry.number > number]

    def wake_up(self) -> None:
        """Whoever waits for the next entry looks again, entry or not."""
        wake, self.wake = self.wake, None
        if wake is not None:
            wake.set()

    async def changed(self) -> None:
        """Waits for the next entry, or for `wake_up`."""
        if self.wake is None:
            self.wake = asyncio.Event()
        await self.wake.wait()


class Journal:
    """The log stream of one environment."""

    def __init__(self, group: LogGroup, stream: str, settings: LogSettings) -> None:
        self.stream = stream
        self.add: Callable[[What], None] = partial(group.append, settings, stream)


class LogStore:
    """The log groups of a service, by name of the deployed function."""

    def __init__(self) -> None:
        self._groups: dict[str, LogGroup] = {}

    def group(self, name: str) -> LogGroup:
        if name not in self._groups:
            self._groups[name] = LogGroup()
        return self._groups[name]

    @property
    def names(self) -> list[str]:
        return list(self._groups)

    def wake_followers(self) -> None:
        """Whoever follows a group looks again whether there is a reason to go on."""
        for group in self._groups.values():
            group.wake_up()
