"""Log lines on stderr, gathered and written a few times a second.

Writing each line by itself costs a request more than everything the gateway does with it. Writing
all that was gathered at once is no better: a thousand lines take milliseconds, in which nobody is
answered. So they leave in slices, and between two of them the event loop serves whoever waits.
What a function prints is held back for a moment, to stand below the request that it belongs to.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TextIO

from edgegw.awslambda.model import EDGE_PREFIX
from edgegw.cli.render import (
    CodeFolders,
    Style,
    every_run,
    no_folders,
    request_lines,
    request_record,
)
from edgegw.cli.terminal_text import shown_lines, shown_text
from edgegw.execution.output import PRINTED
from edgegw.gateway.edge_run import EdgeRun
from edgegw.gateway.exchange import Exchange

_INTERVAL: Final = 0.05
_SLICE: Final = 16
_SHARE: Final = 64
"""A slice has so many entries, or such a share of what is kept: with more connections than that,
each turn of the event loop brings more."""
_HELD: Final = 1.0
"""Seconds that a line of a function waits for its request to end; then it is shown by itself."""
_NO_REQUEST: Final = "-"
_RELOADS: Final = "edgegw.gateway.reload"
_KIND: Final = re.compile(r"(?:(?! at |: found|: [A-Z]).)*")
"""The beginning of a warning that says of what kind it is: trigger and code."""


class _Printed(NamedTuple):
    """A line that a function printed."""

    at: float
    function: str
    request_id: str
    text: str


class GatheringHandler(logging.Handler):
    """Keeps log records and finished exchanges and writes them together, off the request's way.

    While an event loop runs, its timer does the writing: a thread would fight for the interpreter
    with every request. With `as_json` each entry is a JSON object on a line of its own.
    """

    def __init__(
        self, stream: TextIO | None = None, style: Style | None = None, *, as_json: bool = False
    ) -> None:
        super().__init__()
        self.style = style or Style()
        self.code_folders: CodeFolders = no_folders
        self._warned: set[tuple[str, str]] = set()
        self._stream = stream or sys.stderr
        self._as_json = as_json
        self._kept: list[tuple[float, object]] = []
        self._held: dict[str, list[_Printed]] = {}
        self._timer: asyncio.Handle | None = None
        atexit.register(self._flush_all)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == _RELOADS:
            self._warned.clear()  # what was edited may be better now, or not
        if record.name == PRINTED and isinstance(record.args, tuple):
            function, request_id, text = map(str, record.args)
            function = function.removeprefix(EDGE_PREFIX)
            printed = _Printed(record.created, function, request_id, text)
            if request_id != _NO_REQUEST:
                self._held.setdefault(request_id, []).append(printed)
                self._flush_soon()
                return
            self.take(printed)
            return
        self.take(record)

    def take(self, entry: object) -> None:
        """Keeps a log record, a printed line or a finished exchange."""
        self._kept.append((time.time(), entry))
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._timer is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self._flush_all()
                return
            self._timer = loop.call_later(_INTERVAL, self._flush_slice)

    def _flush_all(self) -> None:
        self.flush(waiting=0.0)

    def _flush_slice(self) -> None:
        """Writes the oldest of what was gathered; the rest follows behind what waits meanwhile."""
        kept = self._kept
        size = max(_SLICE, len(kept) // _SHARE)
        if len(kept) <= size:
            self.flush()
            return
        self._timer = asyncio.get_running_loop().call_soon(self._flush_slice)
        oldest = kept[:size]
        del kept[:size]
        self._write([self._rendered(at, entry) for at, entry in oldest])

    def flush(self, waiting: float = _HELD) -> None:
        """Renders and writes what was gathered, and what waited `waiting` seconds in vain."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        kept, self._kept = self._kept, []
        out = [self._rendered(at, entry) for at, entry in kept]
        out += [self._rendered(printed.at, printed) for printed in self._overdue(waiting)]
        if self._write(out) and self._held:
            self._flush_soon()

    def _write(self, lines: list[str]) -> bool:
        """Whether anybody reads what is written."""
        if lines:
            try:
                self._stream.write("".join(lines))
                self._stream.flush()
            except (OSError, ValueError):
                return False
        return True

    def _overdue(self, waiting: float) -> list[_Printed]:
        found: list[_Printed] = []
        limit = time.time() - waiting
        for request_id, lines in list(self._held.items()):
            if lines[0].at <= limit:
                found += lines
                del self._held[request_id]
        return found

    def _rendered(self, at: float, entry: object) -> str:
        try:
            return self._json(at, entry) if self._as_json else self._text(at, entry)
        except Exception as error:
            return f"(a log line could not be rendered: {error!r})\n"

    def _text(self, at: float, entry: object) -> str:
        match entry:
            case Exchange():
                printed = [f"{each.function} │ {each.text}" for each in self._printed_by(entry)]
                warnings = self._fresh_warnings(entry)
                style, folders = self.style, self.code_folders
                return request_lines(entry, clock(at), printed, style, folders, warnings)
            case _Printed():
                line = f"{clock(at)}  {entry.function} │ {shown_text(entry.text)}"
                return f"{self.style.paint(line, 'dim')}\n"
            case logging.LogRecord():
                return self.format(entry) + "\n"
            case _:
                return f"{clock(at)}  {shown_text(str(entry))}\n"

    def _fresh_warnings(self, exchange: Exchange) -> Sequence[str]:
        """The warnings of a kind that its functions have not had since the last reload."""
        if not exchange.warnings:
            return ()
        ran = ",".join(run.function for run in exchange.every_run) or exchange.front_door
        fresh: list[str] = []
        for warning in exchange.warnings:
            match = _KIND.match(warning)
            kind = (ran, match[0] if match is not None else warning)
            if kind not in self._warned:
                self._warned.add(kind)
                fresh.append(warning)
        return fresh

    def _json(self, at: float, entry: object) -> str:
        found: Mapping[str, Any]
        match entry:
            case Exchange():
                printed = [
                    {"function": each.function, "text": each.text}
                    for each in self._printed_by(entry)
                ]
                found = request_record(entry, printed, self.code_folders)
            case _Printed():
                found = {
                    "kind": "printed",
                    "time": at,
                    "function": entry.function,
                    "request_id": entry.request_id,
                    "text": entry.text,
                }
            case logging.LogRecord():
                found = {
                    "kind": "log",
                    "time": entry.created,
                    "level": entry.levelname.lower(),
                    "text": entry.getMessage(),
                }
                if entry.exc_info:
                    traceback = logging.Formatter().formatException(entry.exc_info)
                    found = {**found, "traceback": traceback}
            case _:
                found = {"kind": "log", "time": at, "level": "info", "text": str(entry)}
        return json.dumps(found) + "\n"

    def _printed_by(self, exchange: Exchange) -> list[_Printed]:
        """What the functions of an exchange printed, not shown yet."""
        if not (self._held or exchange.edge_outcomes or exchange.inner):
            return []
        lines: list[_Printed] = []
        for run in every_run(exchange):
            if isinstance(run, EdgeRun):
                at, name = exchange.started, run.function
                lines += [_Printed(at, name, exchange.id, text) for text in run.logs]
            else:
                lines += self._held.pop(run.outcome.report.request_id, [])
        return lines


_clock: tuple[int, str] = (0, "")


def clock(at: float) -> str:
    """`12:34:56.789` local time of `at`, seconds since the epoch."""
    global _clock
    second = int(at)
    if _clock[0] != second:
        _clock = (second, time.strftime("%H:%M:%S", time.localtime(second)))
    return f"{_clock[1]}.{int((at - second) * 1000):03d}"


class LineFormatter(logging.Formatter):
    """`12:34:56.789 message`; warnings and errors name their level."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self._look = style

    def format(self, record: logging.LogRecord) -> str:
        level = ""
        if record.levelno >= logging.WARNING:
            color = "red" if record.levelno >= logging.ERROR else "yellow"
            level = self._look.paint(f"{record.levelname.lower()}:", color) + " "
        text = shown_text(record.getMessage())
        line = f"{self._look.paint(clock(record.created), 'dim')}  {level}{text}"
        if record.exc_info:
            line = "\n".join([line, *shown_lines(self.formatException(record.exc_info))])
        return line


def wants_colors(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Colours on a terminal, unless NO_COLOR says no (https://no-color.org)."""
    if environment.get("NO_COLOR"):
        return False
    return stream.isatty() and environment.get("TERM") != "dumb"


def set_up(level: int, *, doors: int = 1, as_json: bool = False) -> GatheringHandler:
    """Configures logging for a command that runs front doors."""
    # What no line shows need not be found out (the logging module's own advice).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # type: ignore[attr-defined]  # noqa: SLF001
    style = Style(wants_colors(sys.stderr, os.environ), doors)
    handler = GatheringHandler(style=style, as_json=as_json)
    handler.setFormatter(LineFormatter(style))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("edgegw").setLevel(level)
    return handler
