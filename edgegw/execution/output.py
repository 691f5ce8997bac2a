"""What an environment has to say: printed lines, log entries, telemetry.

A child writes what it prints before it answers, into a pipe of its own. The event loop reads the
pipe as it fills; at an answer `catch_up` takes what is still in it, so that it counts for the
invocation that printed it. That costs a question to the kernel for each pipe, and a read only
where something is there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from edgegw.awslambda.logs import (
    ExtensionState,
    InitReport,
    is_shown,
    report_record,
    runtime_done_record,
)
from edgegw.awslambda.model import Function, Report
from edgegw.execution.channel import Child
from edgegw.execution.log_pipe import LogPipe
from edgegw.execution.log_store import Journal
from edgegw.execution.telemetry import Telemetry

PRINTED: Final = "edgegw.printed"
"""The log of what functions print; its records have name, request id and line as arguments."""
_printed = logging.getLogger(PRINTED)

_KEPT_LOG: Final = 256 * 1024
"""Bytes of an invocation's output that its report keeps; the log gets all of it."""


class Output:
    """The output of one environment, whichever process it has. `name` is the deployed name."""

    def __init__(self, name: str, function: Function, journal: Journal) -> None:
        self._name = name
        self._function = function
        self._journal = journal
        self._pipes: list[LogPipe] = []
        self._request_id = "-"
        self._kept = 0
        self.telemetry: Telemetry | None = None
        """Where extensions hear of platform events, if they can."""
        self.lines: list[str] = []
        """What the function printed since `take_lines`."""
        # The bundled runtimes filter by level themselves.
        is_json = function.logs.format == "JSON"
        self._filters_lines = is_json and function.runtime.language == "provided"

    # The process

    def attach(self, child: Child, kind: str, phase: str) -> None:
        """Listens to a fresh child; `kind` of initialization, `phase` init or invoke."""
        runtime, *extensions = child.log_fds
        self._pipes = [
            LogPipe(runtime, self._keep_line),
            *(LogPipe(fd, self._keep_extension_line) for fd in extensions),
        ]
        self.telemetry = child.telemetry
        if child.telemetry is not None:
            record = {
                "initializationType": kind,
                "phase": phase,
                "functionName": self._name,
                "functionVersion": self._function.version,
            }
            self._emit("initStart", record)

    def detach(self) -> Callable[[], None]:
        """Catches up with a child that is about to end; the answer closes its pipes."""
        self.catch_up()
        pipes, self._pipes = self._pipes, []

        def close() -> None:
            for pipe in pipes:
                pipe.drain()
                pipe.close()

        return close

    def catch_up(self) -> None:
        """Takes what the child has printed so far."""
        for pipe in self._pipes:
            if pipe.has_more():
                pipe.drain()

    def _emit(self, kind: str, record: Mapping[str, object]) -> None:
        """A platform event for extensions that subscribed to telemetry."""
        if self.telemetry is not None:
            self.telemetry.emit(f"platform.{kind}", record)

    # Init

    def init_done(self, report: InitReport) -> None:
        self._emit("initRuntimeDone", report.runtime_done())
        self._emit("initReport", report.record())

    def init_failed(self, report: InitReport) -> None:
        self._journal.add(report, time.time())

    def extension_registered(self, name: str, events: str) -> None:
        self._journal.add(ExtensionState(name, "Ready", events), time.time())

    # Invocations

    def arrived(self, request_id: str, now: float) -> None:
        """From now on lines belong to the invocation `request_id`; `now` is seconds since 1970."""
        self._request_id = request_id
        self._journal.add((request_id,), now)

    def began(self, request_id: str) -> None:
        """The runtime is about to get the event."""
        self._emit("start", {"requestId": request_id, "version": self._function.version})

    def runtime_done(self, report: Report, produced: int) -> None:
        """The runtime answered with `produced` bytes."""
        self._emit("runtimeDone", runtime_done_record(report, produced))

    def finished(self, report: Report) -> None:
        """The invocation is over."""
        if self.telemetry is not None:
            self._emit("report", report_record(report))
        self._journal.add(report, time.time())
        self._request_id = "-"

    def take_lines(self) -> tuple[str, ...]:
        """What the function printed since the last time."""
        lines, self.lines, self._kept = tuple(self.lines), [], 0
        return lines

    # Lines

    def note(self, text: str) -> None:
        """A line of edgegw's own among those of the function."""
        self._keep_line(f"edgegw: {text}")

    def _keep_line(self, line: str) -> None:
        if self._filters_lines and not is_shown(line, self._function.logs):
            return
        if self._kept < _KEPT_LOG:
            self.lines.append(line)
            self._kept += len(line)
        self._pass_on("function", line)

    def _keep_extension_line(self, line: str) -> None:
        self._pass_on("extension", line)

    def _pass_on(self, kind: str, line: str) -> None:
        self._journal.add(line, time.time())
        if self.telemetry is not None:
            self.telemetry.line(kind, line)
        _printed.info("%s %s %s", self._name, self._request_id, line)
