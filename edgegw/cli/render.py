"""What the terminal shows: one aligned line a request, what functions printed below it, a summary.

Everything here makes text of values; when and where it is written is decided in `logs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from edgegw.alb.authentication.redaction import shown_target
from edgegw.cli.terminal_text import on_one_line, shown_lines
from edgegw.config.model import Config, Door
from edgegw.gateway.edge_run import EdgeRun
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.failure_place import source_line
from edgegw.gateway.fronts import FRONTS
from edgegw.gateway.function_run import FunctionRun
from edgegw.http.target import to_text
from edgegw.values import value

_PATH_WIDTH: Final = 38
_MOST_PATH: Final = 78
_LINE: Final = f"%s  %s%-7s %-{_PATH_WIDTH}s %s %-17s %8s"
_SUMMARY_LINES: Final = 20
"""Lines of the summary, so that it fits a screen with the ready lines."""
_STATUS_COLORS: Final = {2: "green", 3: "cyan", 4: "yellow", 5: "red"}
_CODES: Final = {"dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1"}


CodeFolders = Callable[[str], Sequence[str]]
"""The folders that hold the code of a function, by its name."""


def no_folders(_name: str) -> Sequence[str]:
    """Where nobody knows: then no line of a stack counts as the user's own."""
    return ()


@value
class Style:
    """How lines are made: with colours on a terminal, with the front door's name if many."""

    colors: bool = False
    doors: int = 1

    def paint(self, text: str, color: str) -> str:
        return f"\x1b[{_CODES[color]}m{text}\x1b[0m" if self.colors and text else text


def request_lines(
    exchange: Exchange,
    clock: str,
    printed: Sequence[str],
    style: Style,
    folders_of: CodeFolders = no_folders,
    warnings: Sequence[str] | None = None,
) -> str:
    """A finished exchange: its line, then what was printed, what went wrong and what to know.

    `printed` are what functions printed, `NAME │ TEXT`; `warnings` those of the exchange's to show.
    """
    response, request = exchange.response, exchange.request
    status = response.status if response is not None else 0
    door = f"{exchange.front_door[:12]:<12} " if style.doors > 1 else ""
    path = _clean(to_text(shown_target(request)))
    if len(path) > _MOST_PATH:
        path = f"{path[: _MOST_PATH // 2]}…{path[1 - _MOST_PATH // 2 :]}"
    shown = f"{status:>3}" if status else "  -"
    if style.colors:
        clock, shown = style.paint(clock, "dim"), style.paint(shown, _status_color(status))
    # Every request has this line: written as text, a format takes twice as long as with `%`.
    line = _LINE % (
        clock,
        door,
        _clean(request.method)[:7],
        path,
        shown,
        exchange.verdict.removeprefix("Lambda"),
        _took(exchange.duration),
    )
    runs = every_run(exchange)
    if runs:
        line += " " + " · ".join(_hook(run, style) for run in runs)
    if not (runs or printed or exchange.has_remarks):
        return line + "\n"
    lines = [line]
    lines += _below(printed, "dim", style)
    places = [_source(run, folders_of) for run in runs]
    lines += _below(filter(None, places), "yellow", style)
    reasons = [exchange.reason, *(inner.reason for inner in exchange.inner)]
    lines += _below(filter(None, reasons), "red", style)
    warnings = exchange.warnings if warnings is None else warnings
    notes = [f"warning: {warning}" for warning in warnings]
    notes += [f"stale: {stale}" for stale in exchange.stale]
    notes += [f"fault on demand: {fault}" for fault in exchange.faults]
    lines += _below(map(on_one_line, notes), "yellow", style)
    return "\n".join(lines) + "\n"


def _below(texts: Iterable[str], color: str, style: Style) -> Iterator[str]:
    """The lines of `texts` as they stand below a request."""
    for text in texts:
        for line in shown_lines(text):
            yield f"    {style.paint(line, color)}"


def request_record(
    exchange: Exchange,
    printed: Sequence[Mapping[str, str]],
    folders_of: CodeFolders = no_folders,
) -> dict[str, Any]:
    """A finished exchange for tools: what its lines say, as plain values."""
    return {
        "kind": "request",
        "time": exchange.started,
        "id": exchange.id,
        "front_door": exchange.front_door,
        "method": exchange.request.method,
        "path": to_text(shown_target(exchange.request)),
        "status": exchange.response.status if exchange.response is not None else None,
        "verdict": exchange.verdict,
        "duration_ms": _milliseconds(exchange.duration),
        "bytes": exchange.response_bytes,
        "functions": [
            {
                "trigger": run.trigger,
                "function": run.function,
                "duration_ms": _milliseconds(run.duration),
                "cold": run.is_cold,
                "error": run.error,
                "source": _source(run, folders_of),
                **({"utilization": run.utilization} if isinstance(run, EdgeRun) else {}),
            }
            for run in every_run(exchange)
        ],
        "printed": list(printed),
        "reason": exchange.reason,
        "warnings": list(exchange.warnings),
        "findings": [trap.to_dict() for trap in exchange.findings],
        "stale": list(exchange.stale),
        "faults": list(exchange.faults),
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def every_run(exchange: Exchange) -> list[FunctionRun | EdgeRun]:
    """What ran for an exchange, in order: here, then at the front doors behind this one."""
    runs = exchange.every_run
    for inner in exchange.inner:
        runs += inner.every_run
    return runs


def _source(run: FunctionRun | EdgeRun, folders_of: CodeFolders) -> str | None:
    """The line of the code that failed; the error of an edge function names it itself."""
    if run.error is None or isinstance(run, EdgeRun):
        return None
    return source_line(run, folders_of(run.function))


def _hook(run: FunctionRun | EdgeRun, style: Style) -> str:
    text = f"{run.function} {_took(run.duration)}"
    if isinstance(run, EdgeRun):
        text += f" {run.utilization}%"
    elif (init := run.outcome.report.init_duration) is not None:
        text += style.paint(f" cold {_took(init)}", "cyan")
    return text + style.paint(" failed", "red") if run.error is not None else text


def _took(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 1:
        return "%.1fms" % (seconds * 1000)
    return f"{seconds:.2f}s" if seconds < 100 else f"{seconds:.0f}s"


def _status_color(status: int) -> str:
    return _STATUS_COLORS.get(status // 100, "dim")


def _clean(text: str) -> str:
    """`text` on one line and without control characters: it may come from anywhere."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "�" for each in text)


# The summary


def summary(
    config: Config,
    urls: Mapping[str, Sequence[str]],
    runtimes_by_name: Mapping[str, Sequence[str]],
    style: Style,
) -> str:
    """What runs: front doors with their behaviors or rules, and the runtimes that were found.

    `urls` are addresses by front door (`KIND NAME`; a load balancer has one for each listener),
    `runtimes_by_name` functions by what runs them. Never more than a screen.
    """
    lines: list[str] = []
    local = {
        door.hosts[0]: f"{door.kind.replace('-', ' ')} {door.name}" for door in config.inner_doors
    }
    waiting = {name: iter(each) for name, each in urls.items()}
    for door in config.doors:
        kind = FRONTS[type(door)].kind
        url = next(waiting.get(f"{kind} {door.name}", iter(())), "")
        lines.append(f"  {style.paint(door.name, 'bold')}  {style.paint(url, 'cyan')}")
        lines += [f"    {each}" for each in _ways(door, local)]
    runtimes = [f"  {what}: {', '.join(names)}" for what, names in runtimes_by_name.items()]
    room = _SUMMARY_LINES - min(len(runtimes), _SUMMARY_LINES // 2)
    lines = [*_at_most(lines, room), *_at_most(runtimes, _SUMMARY_LINES // 2)]
    return "\n".join(lines) + "\n" if lines else ""


def _at_most(lines: Sequence[str], count: int) -> list[str]:
    if len(lines) <= count:
        return list(lines)
    return [*lines[: count - 1], f"    … and {len(lines) - count + 1} more"]


def _ways(door: Door, local: Mapping[str, str]) -> Iterable[str]:
    """One line for each behavior or rule of a front door."""
    rows = FRONTS[type(door)].ways(door, local)
    width = max((len(row[0]) for row in rows), default=0)
    return [f"{left:<{width}}  → {right}" for left, right in rows]
