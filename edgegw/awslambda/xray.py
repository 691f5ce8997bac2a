"""X-Ray as Lambda takes part in it: the trace header, who is sampled, and the segments it sends.

    caller's header ─▶ Root kept (or a new one), Sampled respected (or decided), Parent replaced
                         │
                         ├─ Sampled=1: two segments, AWS::Lambda (the service, child of the caller's
                         │  Parent) and AWS::Lambda::Function (its child; the function's own
                         │  subsegments hang on it, as its id is the Parent that the function sees)
                         └─ Sampled=0: the header goes on, nothing is sent

A function with mode `Active` decides where the caller did not: the first request of each second,
and 5 % of the others. With `PassThrough` nobody decides, which is Sampled=0.

Source: Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from edgegw.values import value

TracingMode = Literal["Active", "PassThrough"]

FIXED_RATE: Final = 0.05
"""The share of requests that is traced beyond the first one of each second.

Source: Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray", sampling.
"""
MAX_SEGMENT_NAME: Final = 200
"""Characters of a segment's name.

Source: AWS X-Ray Developer Guide, "AWS X-Ray segment documents".
"""
Segment: TypeAlias = Mapping[str, object]
"""A segment document, fit for JSON. Times are seconds since 1970."""


class TraceHeader(NamedTuple):
    """`X-Amzn-Trace-Id`: what is missing is empty; `rest` are the other keys as they came.

    `own` is `Self`, which a load balancer puts in front of a `Root` that it did not make.
    """

    root: str = ""
    parent: str = ""
    sampled: str = ""
    own: str = ""
    rest: tuple[tuple[str, str], ...] = ()

    @property
    def front_door_segment(self) -> str:
        """The id of the segment of the front door that this header comes from.

        None of AWS's names one: here it is the end of the id that it made itself.
        """
        return (self.own or self.root)[-16:]


def parse_trace_header(text: str) -> TraceHeader:
    """The parts of a header, in whatever order; parts that are none are left out."""
    parts: dict[str, str] = {}
    for part in text.split(";"):
        key, mark, content = part.strip().partition("=")
        if mark and key:
            parts.setdefault(key, content.strip())
    root, parent = parts.pop("Root", ""), parts.pop("Parent", "")
    sampled, own = parts.pop("Sampled", ""), parts.pop("Self", "")
    return TraceHeader(root, parent, sampled, own, tuple(parts.items()))


def trace_header_text(root: str, parent: str, sampled: str, header: TraceHeader) -> str:
    """The header that goes on: `Root`, `Parent`, `Sampled`, and what else `header` has."""
    rest = "".join(f";{key}={content}" for key, content in header.rest)
    return f"Root={root};Parent={parent};Sampled={sampled}{rest}"


def passed_on(text: str, fallback: str, sampled: str | None = None) -> str:
    """A caller's header as a function that is not traced sees it.

    What the caller decided stays, `Root` and unknown keys too; what is missing is that of
    `fallback`, a header of Lambda's own. `sampled` is what was decided here, if anything was.
    """
    header, own = parse_trace_header(text), parse_trace_header(fallback)
    if sampled is None:
        sampled = header.sampled if header.sampled in ("0", "1") else "0"
    root, parent = header.root or own.root, header.parent or own.parent
    return trace_header_text(root, parent, sampled, header)


class Sampler:
    """Decides for one function; `takes` gets the time and a number from 0 to 1."""

    __slots__ = ("_second",)

    def __init__(self) -> None:
        self._second = -1

    def takes(self, now: float, draw: float) -> bool:
        """Whether a request at `now` (seconds since 1970) is traced."""
        second = int(now)
        if second != self._second:
            self._second = second
            return True
        return draw < FIXED_RATE


def is_sampled(
    header: TraceHeader, mode: TracingMode, sampler: Sampler, now: float, dice: Callable[[], float]
) -> bool:
    """Whether an invocation is traced: the caller's word counts, else the mode."""
    if header.sampled in ("0", "1"):
        return header.sampled == "1"
    return mode == "Active" and sampler.takes(now, dice())


@value(kw_only=True)
class InvocationTrace:
    """A traced invocation: the ids of its two segments; `parent`, if any, is what they hang on."""

    root: str
    parent: str
    service_id: str
    function_id: str
    header: str


@value(kw_only=True)
class TracedRun:
    """How a traced invocation went; times are seconds since 1970, `init` seconds.

    `accepted` is when the service got it, `started` when the handler began. `error` is type and
    message of what went wrong; `init_id` and `error_id` are ids for what they name.
    """

    name: str
    arn: str
    account_id: str
    request_id: str
    accepted: float
    started: float
    ended: float
    init: float | None = None
    init_id: str = ""
    error: tuple[str, str] | None = None
    error_id: str = ""


def invocation_segments(trace: InvocationTrace, run: TracedRun) -> tuple[Segment, Segment]:
    """The segments of the service and of the function.

    Source: AWS X-Ray Developer Guide, "AWS X-Ray segment documents"; Lambda Developer Guide,
    "Visualize Lambda function invocations using AWS X-Ray", understanding traces.
    """
    shared: dict[str, object] = {
        "name": run.name[:MAX_SEGMENT_NAME],
        "trace_id": trace.root,
        "end_time": run.ended,
        "resource_arn": run.arn,
    }
    service: dict[str, object] = {
        **shared,
        "id": trace.service_id,
        "start_time": min(run.accepted, run.started - (run.init or 0.0)),
        "origin": "AWS::Lambda",
        "aws": {"request_id": run.request_id, "resource_names": [run.name]},
        "http": {"response": {"status": 200}},
    }
    if trace.parent:
        service["parent_id"] = trace.parent
    function: dict[str, object] = {
        **shared,
        "id": trace.function_id,
        "parent_id": trace.service_id,
        "start_time": run.started - (run.init or 0.0),
        "origin": "AWS::Lambda::Function",
        "aws": {"account_id": run.account_id, "function_arn": run.arn},
    }
    if run.init is not None:
        function["subsegments"] = [_init_subsegment(run, run.init)]
    if run.error is not None:
        function |= {"fault": True, "cause": _cause(run.error, run.error_id)}
        service["fault"] = True
    return service, function


def _init_subsegment(run: TracedRun, init: float) -> Segment:
    begin = run.started - init
    return {"id": run.init_id, "name": "Init", "start_time": begin, "end_time": run.started}


def _cause(error: tuple[str, str], error_id: str) -> Segment:
    kind, message = error
    exception = {"id": error_id, "type": kind, "message": message, "remote": False}
    return {"working_directory": "/var/task", "exceptions": [exception]}


@value(kw_only=True)
class TracedRequest:
    """A request at a front door, answered; `status` 0 where the client left before."""

    name: str
    segment_id: str
    trace_id: str
    parent: str
    started: float
    ended: float
    method: str
    url: str
    client: str
    user_agent: str
    status: int
    sent: int
    verdict: str


def request_segment(request: TracedRequest) -> Segment:
    """The segment of a front door; AWS's own send none.

    Source: AWS X-Ray Developer Guide, "AWS X-Ray segment documents", http and errors.
    """
    status = request.status
    asked = {"method": request.method, "url": request.url, "client_ip": request.client}
    if request.user_agent:
        asked["user_agent"] = request.user_agent
    segment: dict[str, object] = {
        "name": request.name[:MAX_SEGMENT_NAME],
        "id": request.segment_id,
        "trace_id": request.trace_id,
        "start_time": request.started,
        "end_time": request.ended,
        "http": {
            "request": asked,
            "response": {"status": status, "content_length": request.sent},
        },
        "annotations": {"verdict": request.verdict},
    }
    if request.parent:
        segment["parent_id"] = request.parent
    if status >= 500:
        segment["fault"] = True
    elif status >= 400:
        segment["error"] = True
    if status == 429:
        segment["throttle"] = True
    return segment


class DaemonAddress(NamedTuple):
    """Where an X-Ray daemon takes segments (UDP)."""

    host: str
    port: int


def daemon_address(text: str) -> DaemonAddress:
    """The UDP side of `AWS_XRAY_DAEMON_ADDRESS`. Raises ValueError with what is wrong.

    `HOST:PORT`, or `tcp:HOST:PORT udp:HOST:PORT` in either order.
    Source: AWS X-Ray Developer Guide, "Configuring the AWS X-Ray daemon".
    """
    places = text.split()
    if len(places) == 1 and not places[0].startswith(("tcp:", "udp:")):
        return _host_and_port(places[0])
    named = dict(place.split(":", 1) for place in places if place[:4] in ("tcp:", "udp:"))
    if len(places) != 2 or named.keys() != {"tcp", "udp"}:
        raise ValueError(f"{text!r} is no address of a daemon: HOST:PORT, such as 127.0.0.1:2000")
    return _host_and_port(named["udp"])


def _host_and_port(text: str) -> DaemonAddress:
    host, mark, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not mark or not host or not port.isascii() or not port.isdecimal():
        raise ValueError(f"{text!r} is no HOST:PORT, such as 127.0.0.1:2000")
    if not 0 < int(port) < 65536:
        raise ValueError(f"{port} is no port: 1 to 65535")
    return DaemonAddress(host, int(port))


@value
class TracingTargets:
    """Where segments go; None for nowhere. `otlp` is the URL that takes spans."""

    xray: DaemonAddress | None = None
    otlp: str | None = None

    def __bool__(self) -> bool:
        return self.xray is not None or self.otlp is not None
