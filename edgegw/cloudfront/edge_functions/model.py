"""A CloudFront Function, one run of it, and what became of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.cloudfront.edge_functions.frames import EventFrame
from edgegw.values import value

EdgeRuntime: TypeAlias = Literal["cloudfront-js-1.0", "cloudfront-js-2.0"]
"""The runtimes there are.

Source: CloudFront Developer Guide, "JavaScript runtime features for CloudFront Functions".
"""


@value
class EdgeFunction:
    """A function by its name, with the text of its code and the name of the store it may read.

    `path` is the file that the code came from, empty where there is none.
    """

    name: str
    runtime: EdgeRuntime = "cloudfront-js-2.0"
    code: str = ""
    key_value_store: str = ""
    comment: str = ""
    path: str = ""


class GaveUpError(Exception):
    """A run took longer than the event loop waits for."""


class FramedEvent(Protocol):
    """An event that can be said as the values of a frame."""

    @property
    def text(self) -> str:
        """The event as JSON."""
        ...

    @property
    def frame(self) -> EventFrame | None:
        """The frame; None where the event can be said as JSON only."""
        ...

    @property
    def values(self) -> tuple[str, str]:
        """What fills the frame, in two texts."""
        ...

    def edited(self, edits: Mapping[str, Any]) -> dict[str, Any]:
        """The request or the response that it shows, with `edits` in it."""
        ...


@value
class EdgeCall:
    """One run: the function by name, its event (`shown`, or JSON text), the query as it was sent.

    `query` is None where the URL has no question mark.
    """

    function: str
    shown: FramedEvent | str
    query: str | None = None

    @property
    def event(self) -> str:
        """The event as JSON text."""
        return self.shown if isinstance(self.shown, str) else self.shown.text


@value
class EdgeReport:
    """What is known of a run, whatever became of it.

    `utilization` is 0 to 100, `duration` in seconds, `logs` what it wrote with console.log.
    `remarks` come with the first run of some code only. `custom_log` is what it gave
    `cf.logCustomData`.
    """

    utilization: int = 0
    duration: float = 0.0
    logs: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    custom_log: str = ""


@value
class EdgeReturned:
    """The handler returned `result`, a JSON value; `is_undefined` where it returned none.

    `origin` is what it asked the helpers of the module `cloudfront` for, one of `update`, `select`
    and `group`.
    """

    result: object
    report: EdgeReport
    origin: Mapping[str, Any] | None = None
    is_undefined: bool = False


@value
class EdgeEdited:
    """The handler returned the request or response that `shown` shows, with edits in it.

    `lines` are these as the engine writes them (`edge_runtime/edits.js`); empty without any.
    """

    is_undefined: ClassVar = False

    shown: FramedEvent
    lines: str
    report: EdgeReport
    origin: Mapping[str, Any] | None = None

    @property
    def edits(self) -> dict[str, Any]:
        """What is another now, or is said to be, by the names of `edits.js`; `gone` has names."""
        edits: dict[str, Any] = {}
        lines = iter(self.lines.split("\n")[1:])
        for mark in lines:
            if mark[0] == "+":
                edits.setdefault("headers", {})[mark[1:]] = {"value": next(lines)}
            elif mark[0] == "-":
                edits.setdefault("gone", []).append(mark[1:])
            elif mark == "uri":
                edits["uri"] = next(lines)
            else:
                edits[mark] = json.loads(next(lines))
        return edits

    @property
    def result(self) -> object:
        """What was returned, a JSON value, and the caller's own."""
        return decode_payload(encode_payload(self.shown.edited(self.edits)))


@value
class EdgeFailed:
    """It gave no result; `message` is that of its error, in the words of the real runtime.

    `throttled` is code that does not compile, which CloudFront stops running, or was asked for by a
    fault `is_on_demand`. `unreadable` is a result that JSON cannot say. `is_engine` says that it is
    the engine's fault, or that it hangs. `line` is where the code was, 0 where that is not known.
    """

    kind: Literal["execution", "throttled", "unreadable"]
    message: str
    report: EdgeReport
    is_engine: bool = False
    is_on_demand: bool = False
    line: int = 0


EdgeAnswer: TypeAlias = EdgeReturned | EdgeEdited
EdgeOutcome: TypeAlias = EdgeAnswer | EdgeFailed
