"""What functions did, in figures: Lambda's metrics and what a bill is made of.

Nothing is counted while a function runs. The log of each function holds the beginning and the
report of every invocation anyhow (`log_store`), in order, so the figures are read from there: when
somebody asks (`gather`), and of entries that make room, before they are gone. What leaves no entry
is noted when it happens: throttles, and what the event queue and the event source mappings count.

    arrived ─▶ an entry of a request id: one more runs      ┐ read in order, so that how many
    finished ▶ an entry of a report: one less, so long ago  ┘ ran at the same time is known

A printed line counts where it is embedded metric format. A value belongs to the minute in which its
invocation began, as on AWS.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final, cast

from edgegw.awslambda.logs import billed_ms
from edgegw.awslambda.metrics import (
    NAMESPACE,
    UNITS,
    InvocationMetric,
    WorkerMetric,
    dimension_sets,
)
from edgegw.awslambda.model import EDGE_PREFIX, Outcome, Report, Returned
from edgegw.awslambda.pricing import FunctionUsage
from edgegw.execution.log_store import KeptEntry, LogGroup, LogStore

if TYPE_CHECKING:
    from edgegw.cloudwatch.statistics import Statistics
    from edgegw.cloudwatch.store import MetricStore

_LONGEST: Final = 1000.0
"""Seconds after which an invocation without a report is over: its environment was ended."""
_MINUTES_HELD: Final = 4
"""Minutes of a function that may wait for the store."""
_EMBEDDED: Final = '"_aws"'


class _MinuteCounts:
    """What the invocations of a function that began in one minute came to."""

    __slots__ = ("durations", "errors", "running")

    def __init__(self) -> None:
        from edgegw.cloudwatch.statistics import Statistics

        self.durations = Statistics(sketched=True)
        self.errors = 0
        self.running = Statistics()

    def statistics(self) -> Iterator[tuple[InvocationMetric, Statistics]]:
        """The metrics; an invocation counts for errors and throttles too, with 1 or 0."""
        from edgegw.cloudwatch.statistics import repeated

        count = self.durations.count
        if self.running.count:
            yield "ConcurrentExecutions", self.running
        if not count:
            return
        yield "Invocations", repeated(1.0, count)
        errors = repeated(0.0, count - self.errors)
        if self.errors:
            errors.merge(repeated(1.0, self.errors))
        yield "Errors", errors
        yield "Throttles", repeated(0.0, count)
        yield "Duration", self.durations


class _LogReading:
    """How far the log of one function is read, and what of it is not in the store yet."""

    def __init__(self, name: str, group: LogGroup) -> None:
        self.name = name
        self.group = group
        self.read = 0
        self.running: dict[str, float] = {}
        self.minutes: dict[int, _MinuteCounts] = {}
        self.usage: dict[tuple[int, bool], list[int]] = {}

    def counts(self, at: float) -> _MinuteCounts:
        """Those of the minute of `at`."""
        minute = int(at) // 60
        counts = self.minutes.get(minute)
        if counts is None:
            counts = self.minutes[minute] = _MinuteCounts()
        return counts

    def unread(self) -> Iterator[tuple[float, _LogReading, KeptEntry]]:
        """The entries behind those that were read, with their times."""
        group = self.group
        begin = max(self.read, group.count - len(group.kept))
        self.read = group.count
        for entry in islice(group.kept, begin - group.count + len(group.kept), None):
            yield entry[0], self, entry


class LambdaFigures:
    """The figures of one Lambda service; `store` answers where they are kept.

    Workers call `note` for what they do: that costs a look into a table and an addition.
    """

    def __init__(self, logs: LogStore, store: Callable[[], MetricStore] | None = None) -> None:
        self._logs = logs
        self._readings: dict[str, _LogReading] = {}
        self._running = 0
        self._account: dict[int, Statistics] = {}
        self._store: MetricStore | None = None
        self._make_store = store
        logs.on_leaving = self._leaves

    @property
    def store(self) -> MetricStore:
        """Where the figures are kept, made when the first one comes."""
        if self._store is None:
            from edgegw.cloudwatch.store import MetricStore

            self._store = MetricStore() if self._make_store is None else self._make_store()
        return self._store

    def keep_in(self, store: Callable[[], MetricStore]) -> None:
        """The figures that come from now on are kept in what `store` answers."""
        self._make_store, self._store = store, None

    # What leaves no entry in a log

    def throttled(self, name: str) -> None:
        """An invocation of the function `name` was refused with 429."""
        self._put(name, "Throttles", time.time(), 1.0)

    def note(
        self, function: str, metric: WorkerMetric, value: float = 1.0, *, mapping: str = ""
    ) -> None:
        """A worker did something for `function`; times are milliseconds.

        With `mapping`, the id of an event source mapping, it counts under that alone, as AWS has
        it of the metrics of mappings.
        """
        if mapping:
            sets = ((("EventSourceMappingUUID", mapping),),)
            self._add(sets, metric, time.time(), value)
        else:
            self._put(function, metric, time.time(), value)

    def ran(self, name: str, outcome: Outcome) -> None:
        """A callable in this process stood in for the function `name`."""
        reading, report = self._reading(name), outcome.report
        began = time.time() - report.duration
        counts = reading.counts(began)
        counts.running.add(len(reading.running) + 1)
        self._account_at(int(began) // 60).add(self._running + 1)
        counts.errors += not isinstance(outcome, Returned)
        self._finished(reading, counts, report, in_provisioned=False)

    def _put(
        self, function: str, metric: InvocationMetric | WorkerMetric, at: float, value: float
    ) -> None:
        self._add(dimension_sets(function), metric, at, value)

    def _add(
        self,
        sets: tuple[tuple[tuple[str, str], ...], ...],
        metric: InvocationMetric | WorkerMetric,
        at: float,
        value: float,
    ) -> None:
        from edgegw.cloudwatch.statistics import repeated
        from edgegw.cloudwatch.store import MetricKey

        for dimensions in sets:
            key = MetricKey(NAMESPACE, metric, dimensions)
            self.store.add(key, UNITS[metric], at, repeated(value, 1))

    # What the logs hold

    def gather(self) -> None:
        """Reads what the logs have that was not read yet."""
        for name in self._logs.names:
            self._reading(name)
        readings = list(self._readings.values())
        unread = [reading.unread() for reading in readings]
        for _, reading, entry in heapq.merge(*unread, key=itemgetter(0)):
            self._take(reading, entry)
        now = time.time()
        for reading in readings:
            for request_id, began in list(reading.running.items()):
                if now - began > _LONGEST:
                    del reading.running[request_id]
                    self._running -= 1
            self._flush(reading)

    def _leaves(self, name: str, entry: KeptEntry, number: int) -> None:
        """The entry `number` of the log of `name` makes room; after it nobody can read it."""
        reading = self._reading(name)
        if number <= reading.read:
            return
        reading.read = number
        self._take(reading, entry)
        if len(reading.minutes) > _MINUTES_HELD:
            self._flush(reading)

    def _reading(self, name: str) -> _LogReading:
        reading = self._readings.get(name)
        if reading is None:
            reading = self._readings[name] = _LogReading(name, self._logs.group(name))
        return reading

    def _take(self, reading: _LogReading, entry: KeptEntry) -> None:
        at, journal, what = entry
        kind = type(what)
        if kind is tuple:
            self._began(reading, cast("str", what[0]), at)  # pyright: ignore[reportIndexIssue]
        elif isinstance(what, Report):
            self._reported(reading, what, at, in_provisioned=journal.is_provisioned)
        elif isinstance(what, str) and _EMBEDDED in what:
            self._embedded(what)

    def _began(self, reading: _LogReading, request_id: str, at: float) -> None:
        self._running += request_id not in reading.running
        reading.running[request_id] = at
        reading.counts(at).running.add(len(reading.running))
        self._account_at(int(at) // 60).add(self._running)

    def _reported(
        self, reading: _LogReading, report: Report, at: float, *, in_provisioned: bool
    ) -> None:
        began = reading.running.pop(report.request_id, None)
        if began is None:
            began = at - report.duration
        else:
            self._running -= 1
        counts = reading.counts(began)
        counts.errors += report.has_failed
        self._finished(reading, counts, report, in_provisioned=in_provisioned)

    def _finished(
        self,
        reading: _LogReading,
        counts: _MinuteCounts,
        report: Report,
        *,
        in_provisioned: bool,
    ) -> None:
        """Its duration, and what a bill is made of."""
        counts.durations.add(report.duration * 1000)
        size = report.memory_mb, in_provisioned
        usage = reading.usage.get(size)
        if usage is None:
            usage = reading.usage[size] = [0, 0]
        usage[0] += 1
        usage[1] += billed_ms(report)

    def _flush(self, reading: _LogReading) -> None:
        """Puts what was read into the store."""
        from edgegw.cloudwatch.store import MetricKey

        for minute, counts in reading.minutes.items():
            for metric, statistics in counts.statistics():
                sets = dimension_sets(reading.name)
                if metric == "ConcurrentExecutions":  # all functions together are not their sum
                    sets = sets[:1]
                for dimensions in sets:
                    key = MetricKey(NAMESPACE, metric, dimensions)
                    self.store.add(key, UNITS[metric], minute * 60, statistics)
        reading.minutes.clear()
        key = MetricKey(NAMESPACE, "ConcurrentExecutions", ())
        for minute, statistics in self._account.items():
            self.store.add(key, UNITS["ConcurrentExecutions"], minute * 60, statistics)
        self._account.clear()

    def _account_at(self, minute: int) -> Statistics:
        """How many invocations of all functions ran at the same time in a minute."""
        statistics = self._account.get(minute)
        if statistics is None:
            from edgegw.cloudwatch.statistics import Statistics

            statistics = self._account[minute] = Statistics()
        return statistics

    def _embedded(self, line: str) -> None:
        from edgegw.cloudwatch.embedded import embedded_metrics

        for key, unit, at, statistics in embedded_metrics(line):
            self.store.add(key, unit, at, statistics)

    # What a bill is made of

    def usage(self) -> list[FunctionUsage]:
        """What each function did since the service was made; call `gather` before."""
        return [
            FunctionUsage(
                name=reading.name.removeprefix(EDGE_PREFIX),
                memory_mb=memory,
                requests=requests,
                billed_ms=milliseconds,
                at_edge=reading.name.startswith(EDGE_PREFIX),
                in_provisioned=in_provisioned,
            )
            for reading in self._readings.values()
            for (memory, in_provisioned), (requests, milliseconds) in reading.usage.items()
        ]
