"""What an engine says of a run or of code, in values, and in the words of the real runtime."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from edgegw.awslambda.payload import decode_payload
from edgegw.cloudfront.edge_functions.limits import LONGEST_RUN
from edgegw.cloudfront.edge_functions.model import (
    EdgeFailed,
    EdgeOutcome,
    EdgeReport,
    EdgeReturned,
)
from edgegw.cloudfront.edge_functions.syntax_rules import SyntaxFinding

NO_OBJECT: Final = "TypeError: an object is expected"
OUT_OF_MEMORY: Final = "InternalError: out of memory"
_TRIED_TO: Final = ("read-only", "not extensible", "no setter for property")


def is_given_up(said: Mapping[str, Any]) -> bool:
    """Whether a tentative run ended as it had no time or no memory left."""
    text = said.get("error") or said.get("unreadable") or ""
    return said.get("over") == "time" or text == "null" or "out of memory" in text


def tried_to_change(error: str) -> bool:
    """Whether a run failed as it was kept from changing a built-in."""
    return any(text in error for text in _TRIED_TO)


def decode_said(text: str) -> dict[str, Any]:
    """What became of a run, as `core.js` says it in JSON."""
    return json.loads(text) if "\\ud" in text else _decoded(text)


def _decoded(text: str) -> dict[str, Any]:
    said: Any = decode_payload(text.encode("utf-8", "replace"))
    return said


def outcome_of(said: Mapping[str, Any], report: EdgeReport) -> EdgeOutcome:
    """The outcome that an engine `said`."""
    over = said.get("over")
    if over:
        return EdgeFailed("execution", _OVER[over], report, line=said.get("line", 0))
    if "error" in said:
        return EdgeFailed("execution", said["error"], report, line=said.get("line", 0))
    if "unreadable" in said:
        is_too_large = said["unreadable"] == OUT_OF_MEMORY
        kind = "execution" if is_too_large else "unreadable"
        return EdgeFailed(kind, said["unreadable"], report)
    origin = said.get("origin")
    if origin is not None and not is_helper_call(origin):
        return EdgeFailed("execution", NO_OBJECT, report)
    return EdgeReturned(said.get("result"), report, origin, is_undefined="result" not in said)


def is_helper_call(origin: Mapping[str, Any]) -> bool:
    """Whether helpers of origins were given objects, as far as JSON says so (`toJSON`)."""
    if "select" in origin:
        return True
    return any(isinstance(origin.get(name), dict) for name in ("update", "group"))


_OVER: Final = {
    "units": "the function exceeded its compute utilization",
    "time": f"the function ran for longer than {LONGEST_RUN} ms",
}


def remarks_of(findings: list[SyntaxFinding]) -> tuple[str, ...]:
    """What of the code is pointed out with its first run: it works here, and may not on AWS."""
    return tuple(
        f"{finding.text} ({finding.word}, line {finding.line})"
        for finding in findings
        if not finding.is_refused
    )


_COMPILE_ERROR: Final = re.compile(r"(?P<text>[^\n]*)(?:\n\s+at [^:]*:(?P<line>\d+))?")


def compile_error(text: str) -> str:
    """The engine's error in the words of the real runtime, with the line."""
    match = _COMPILE_ERROR.match(text)
    assert match is not None  # the pattern takes anything
    said = match["text"].replace("unexpected token in expression: '", "Unexpected token '")
    said = re.sub(r"'([^']*)'", r'"\1"', said)
    return f"{said} in {match['line']}" if match["line"] else said
