"""What functions and the platform logged, kept in memory: log groups with streams, as on AWS.

Start and report lines are kept as what they are made of and put together when somebody reads: an
invocation that nobody looks at costs two small tuples.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, TypeAlias, cast

from edgegw.awslambda.logs import (
    ExtensionState,
    InitReport,
    end_line,
    platform_event,
    report_lines,
    report_record,
    shows_platform,
    start_line,
)
from edgegw.awslambda.model import LATEST, LogSettings, Report

KEPT_ENTRIES: Final = 20_000
KEPT_BYTES: Final = 8 * 1024 * 1024
"""Of one log group; the oldest entries go first."""
_FULL: Final = KEPT_ENTRIES + 500
"""Entries at which the oldest go, many at a time."""


class InvocationStarted(NamedTuple):
    """An invocation began."""

    request_id: str
    version: str


What: TypeAlias = str | InvocationStarted | Report | InitReport | ExtensionState
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
            if isinstance(what, InvocationStarted):
                return [start_line(what.request_id, what.version)]
            if isinstance(what, (InitReport, ExtensionState)):
                return [what.line()]
            return [end_line(what.request_id), *report_lines(what)]
        failed = isinstance(what, (Report, InitReport)) and what.status != "success"
        if not shows_platform(settings, failed=failed):
            return []
        stamp = iso_time(self.time)
        if isinstance(what, InvocationStarted):
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


KeptEntry: TypeAlias = "tuple[float, Journal, What | tuple[str]]"
"""When, where and what; the start of an invocation is a bare tuple of its request id."""


@dataclass
class LogGroup:
    """The entries of one function, oldest first; whoever reads gets them as `Entry`."""

    kept: deque[KeptEntry] = field(default_factory=deque[KeptEntry])
    size: int = 0
    count: int = 0
    wake: asyncio.Event | None = None
    on_leaving: Callable[[KeptEntry, int], None] | None = None
    """Called with each entry that makes room, and its number."""

    def append(self, settings: LogSettings, stream: str, what: What) -> None:
        """Adds an entry to the log stream `stream`."""
        Journal(self, stream, settings).add(what, time.time())

    def make_room(self) -> None:
        """Lets the oldest entries go."""
        while len(self.kept) > KEPT_ENTRIES or self.size > KEPT_BYTES:
            entry = self.kept.popleft()
            if type(entry[2]) is str:
                self.size -= len(entry[2])
            if self.on_leaving is not None:
                self.on_leaving(entry, self.count - len(self.kept))

    def after(self, number: int) -> list[Entry]:
        """The entries behind `number`."""
        number = max(number, self.count - len(self.kept))
        new = islice(self.kept, number - self.count + len(self.kept), None)
        return [
            journal.entry(at, what, count)
            for count, (at, journal, what) in enumerate(new, number + 1)
        ]

    def wake_up(self) -> None:
        """Whoever waits for the next entry looks again, entry or not."""
        wake, self.wake = self.wake, None
        if wake is not None:
            wake.set()

    def next_change(self) -> asyncio.Event:
        """Is set by the next entry, or by `wake_up`."""
        if self.wake is None:
            self.wake = asyncio.Event()
        return self.wake


async def any_changed(groups: Sequence[LogGroup]) -> None:
    """Waits for the next entry in one of `groups`, or for its `wake_up`."""
    changes = [group.next_change() for group in groups]  # now: a task would look a turn later
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(change.wait()) for change in changes]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


class Journal:
    """The log stream of one environment. Times are seconds since the epoch."""

    __slots__ = ("_group", "_settings", "_version", "is_provisioned", "stream")

    def __init__(
        self,
        group: LogGroup,
        stream: str,
        settings: LogSettings,
        version: str = LATEST,
        *,
        is_provisioned: bool = False,
    ) -> None:
        self.stream = stream
        self._group = group
        self._settings = settings
        self._version = version
        self.is_provisioned = is_provisioned

    def add(self, what: What | tuple[str], at: float) -> None:
        """A line was printed, or the platform has something to say.

        A bare tuple of a request id says that this invocation began.
        """
        group = self._group
        group.count += 1
        group.kept.append((at, self, what))
        if type(what) is str:
            group.size += len(what)
        if len(group.kept) > _FULL or group.size > KEPT_BYTES:
            group.make_room()
        if group.wake is not None:
            group.wake_up()

    def entry(self, at: float, what: What | tuple[str], number: int) -> Entry:
        """What `add` noted, as it is read."""
        if type(what) is tuple:
            what = InvocationStarted(what[0], self._version)
        return Entry(number, at, self.stream, cast("What", what), self._settings)


class LogStore:
    """The log groups of a service, by name of the deployed function."""

    def __init__(self) -> None:
        self._groups: dict[str, LogGroup] = {}
        self.on_leaving: Callable[[str, KeptEntry, int], None] | None = None
        """Called with each entry that makes room in a group, its number, and the group's name."""

    def group(self, name: str) -> LogGroup:
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = LogGroup(on_leaving=partial(self._leaves, name))
        return group

    def _leaves(self, name: str, entry: KeptEntry, number: int) -> None:
        if self.on_leaving is not None:
            self.on_leaving(name, entry, number)

    def clear(self) -> None:
        """Forgets every entry; whoever writes goes on."""
        for group in self._groups.values():
            group.kept.clear()
            group.size = 0

    @property
    def names(self) -> list[str]:
        return list(self._groups)

    def wake_followers(self) -> None:
        """Whoever follows a group looks again whether there is a reason to go on."""
        for group in self._groups.values():
            group.wake_up()
