"""Finished exchanges, counted: those of one minute that were alike make one tally.

This is all that a request pays for figures. What makes a tally is in `figures.py`, when the minute
is over or somebody looks. Bytes are those of bodies; how large heads are is measured once for each
tally, as alike requests have alike heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from edgegw.alb.authentication.steps import PROVIDER_STEPS
from edgegw.alb.finish import BalancerAnswer
from edgegw.alb.target_steps import ForwardTo, Invoke
from edgegw.awslambda.http_events.steps import HttpAnswer, InvokeHttp, StreamedReply
from edgegw.awslambda.metering import metered_requests, streamed_beyond
from edgegw.awslambda.model import FunctionError, Returned
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.edge_functions.run_metrics import EdgeResultKind, result_kind
from edgegw.cloudwatch.statistics import Statistics
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.sizes import received_bytes, sent_bytes

NO_STATUS = 0
HTTP_API = "http-api"


class ViewerKind(NamedTuple):
    """In what requests at a distribution are alike."""

    front_door: str
    status: int
    verdict: str
    method: str
    scheme: str


class ClientKind(NamedTuple):
    """In what requests at a load balancer are alike; `rule` is None before one was chosen.

    `rule` is its priority, -1 for the default one; `guard` what came of the action before the one
    that answers, as metrics count it.
    """

    front_door: str
    status: int
    verdict: str
    port: int
    rule: int | None
    target_group: str | None
    guard: str = ""


class CallerKind(NamedTuple):
    """In what requests at a function URL or an HTTP API are alike.

    `part` is the version that ran behind a function URL, the stage of an HTTP API; empty where
    neither was chosen.
    """

    kind: str
    front_door: str
    status: int
    part: str


class Tally:
    """How many requests were alike, and what they came to; times in seconds."""

    __slots__ = (
        "count",
        "heads_received",
        "heads_sent",
        "provider",
        "received",
        "seconds",
        "sent",
        "target",
    )

    def __init__(self, exchange: Exchange) -> None:
        self.count = 0
        self.received = 0
        self.sent = 0
        self.seconds = 0.0
        self.heads_received = received_bytes(exchange) - exchange.request_bytes
        self.heads_sent = max(0, sent_bytes(exchange) - exchange.response_bytes)
        self.target: Statistics | None = None
        self.provider: Statistics | None = None

    def add(self, exchange: Exchange) -> None:
        delivery = exchange.delivery
        self.count += 1
        self.received += delivery.received
        self.sent += delivery.sent
        self.seconds += exchange.duration or 0.0

    def note_target(self, seconds: float) -> None:
        """The target of one of the requests took so long."""
        if self.target is None:
            self.target = Statistics(sketched=True)
        self.target.add(seconds)

    def note_provider(self, seconds: float) -> None:
        """An identity provider was asked for one of the requests, for so long."""
        if self.provider is None:
            self.provider = Statistics(sketched=True)
        self.provider.add(seconds * 1000)

    @property
    def sent_bytes(self) -> int:
        """With heads."""
        return self.sent + self.count * self.heads_sent

    @property
    def received_bytes(self) -> int:
        """With heads."""
        return self.received + self.count * self.heads_received


class TimedTally(Tally):
    """A tally that keeps how long each request took, and its function: in milliseconds both.

    `metered` is as how many requests they count where requests are charged, `streamed` how many
    bytes of their answers are.
    """

    __slots__ = ("latency", "metered", "streamed")

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self.latency = Statistics(sketched=True)
        self.metered = 0
        self.streamed = 0

    def add(self, exchange: Exchange) -> None:
        super().add(exchange)
        delivery = exchange.delivery
        self.latency.add((exchange.duration or 0.0) * 1000)
        self.metered += metered_requests(delivery.received, delivery.sent)


class MinuteTallies:
    """What was counted in one minute: `minute` counts since 1970."""

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.viewers: dict[tuple[str, int, str, str, str], Tally] = {}
        self.clients: dict[tuple[str, int, str, int, int | None, str | None, str], Tally] = {}
        self.callers: dict[tuple[str, str, int, str], TimedTally] = {}
        self.edge_runs: dict[tuple[str, EdgeResultKind, int], int] = {}
        """How many runs of CloudFront Functions, by name, what became of them, utilization."""
        self.connections: dict[str, int] = {}
        self.failed_handshakes: dict[str, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not (
            self.viewers
            or self.clients
            or self.callers
            or self.connections
            or self.failed_handshakes
        )


class Tallies:
    """Counts; `take` gets each minute once it is over."""

    def __init__(self, now: Callable[[], float], take: Callable[[MinuteTallies], None]) -> None:
        self._now = now
        self._take = take
        self._present = MinuteTallies(0)

    def viewer(self, exchange: Exchange) -> None:
        """An exchange at a distribution is finished."""
        response, request = exchange.response, exchange.request
        present = self._at(exchange)
        status = NO_STATUS if response is None else response.status
        key = (exchange.front_door, status, exchange.verdict, request.method, request.scheme)
        tally = present.viewers.get(key)
        if tally is None:
            tally = present.viewers[key] = Tally(exchange)
        tally.add(exchange)
        if exchange.edge_outcomes:
            _count_edge_runs(present.edge_runs, exchange)

    def client(self, exchange: Exchange) -> None:
        """An exchange at a load balancer is finished."""
        steps, response = exchange.steps, exchange.response
        answer = steps[-1][0] if steps else None
        if not isinstance(answer, BalancerAnswer):
            return
        chosen = answer.chosen
        present = self._at(exchange)
        rule, group, guard = chosen.rule, chosen.target_group, chosen.guard
        priority = None if rule is None else -1 if rule.priority is None else rule.priority
        key = (
            exchange.front_door,
            NO_STATUS if response is None else response.status,
            exchange.verdict,
            chosen.listener.port,
            priority,
            None if group is None else group.name,
            "" if guard is None else guard.mark,
        )
        tally = present.clients.get(key)
        if tally is None:
            tally = present.clients[key] = Tally(exchange)
        tally.add(exchange)
        if exchange.verdict == "forwarded":
            _note_target(tally, steps)
        if guard is not None:
            _note_provider(tally, steps)

    def caller(self, exchange: Exchange) -> None:
        """An exchange at a function URL or an HTTP API is finished."""
        response, answer = exchange.response, exchange.steps[-1][0] if exchange.steps else None
        context = answer.context if isinstance(answer, HttpAnswer) else None
        run = _function_step(exchange)
        part = _version_of(run)
        if exchange.kind == HTTP_API:
            match = None if context is None else context.match
            part = "" if match is None else match.stage
        status = NO_STATUS if response is None else response.status
        key = (exchange.kind, exchange.front_door, status, part)
        present = self._at(exchange)
        tally = present.callers.get(key)
        if tally is None:
            tally = present.callers[key] = TimedTally(exchange)
        tally.add(exchange)
        if run is not None:
            tally.note_target(run[2] * 1000)
            if isinstance(run[1], StreamedReply):
                tally.streamed += streamed_beyond(exchange.delivery.sent)

    def connected(self, front_door: str, *, is_refused: bool) -> None:
        """A client has connected to a load balancer, or its handshake failed."""
        present = self._of(int(self._now()) // 60)
        counts = present.failed_handshakes if is_refused else present.connections
        counts[front_door] = counts.get(front_door, 0) + 1

    def hand_over(self) -> None:
        """Has what was counted so far taken, before the minute is over."""
        present, self._present = self._present, MinuteTallies(self._present.minute)
        self._take(present)

    def _at(self, exchange: Exchange) -> MinuteTallies:
        return self._of(int(exchange.started + (exchange.duration or 0.0)) // 60)

    def _of(self, minute: int) -> MinuteTallies:
        """The tallies of `minute`; when another one begins, those of the last are handed over."""
        present = self._present
        if minute != present.minute:
            self._take(present)
            present = self._present = MinuteTallies(minute)
        return present


def _count_edge_runs(
    counts: dict[tuple[str, EdgeResultKind, int], int], exchange: Exchange
) -> None:
    """Counts the CloudFront Functions that ran for an exchange; what is refused was the last's."""
    outcomes = exchange.edge_outcomes
    is_refused = exchange.verdict is Verdict.FUNCTION_VALIDATION_ERROR
    refused = outcomes[-1][1] if is_refused else None
    for name, outcome in outcomes:
        kind = result_kind(outcome, is_refused=outcome is refused)
        key = name, kind, outcome.report.utilization
        counts[key] = counts.get(key, 0) + 1


def _note_target(tally: Tally, steps: list[tuple[object, object, float]]) -> None:
    """How long the target took, which is the step before the answer."""
    step, _, seconds = steps[-2]
    if isinstance(step, (Invoke, ForwardTo)):
        tally.note_target(seconds)


def _note_provider(tally: Tally, steps: list[tuple[object, object, float]]) -> None:
    """How long the identity provider was asked, if it was."""
    asked = [seconds for step, _, seconds in steps if isinstance(step, PROVIDER_STEPS)]
    if asked:
        tally.note_provider(sum(asked))


def _function_step(exchange: Exchange) -> tuple[object, object, float] | None:
    """The step in which a function ran, with its reply and its seconds."""
    return next((noted for noted in exchange.steps if isinstance(noted[0], InvokeHttp)), None)


def _version_of(run: tuple[object, object, float] | None) -> str:
    """The version that ran, empty where none did, or not to an end."""
    reply = None if run is None else run[1]
    outcome = reply.outcome() if isinstance(reply, StreamedReply) else reply
    return outcome.report.version if isinstance(outcome, Returned | FunctionError) else ""
