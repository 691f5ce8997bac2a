"""What is read from the logs of functions: in order, once, and before it is gone."""

from __future__ import annotations

import pytest

from edgegw.awslambda.model import LogSettings, Report
from edgegw.cloudwatch.store import MetricKey
from edgegw.execution.figures import LambdaFigures
from edgegw.execution.log_store import KEPT_ENTRIES, Journal, LogStore

BEGIN = 1_700_000_040.0
MINUTE = 60


class Function:
    """A function whose invocations begin and end when a test says."""

    def __init__(self, logs: LogStore, name: str, *, is_provisioned: bool = False) -> None:
        self._journal = Journal(logs.group(name), "s", LogSettings(), is_provisioned=is_provisioned)

    def begins(self, request_id: str, at: float) -> None:
        self._journal.add((request_id,), BEGIN + at)

    def ends(self, request_id: str, at: float, duration: float = 1.0, **report: object) -> None:
        self._journal.add(Report(request_id, duration, **report), BEGIN + at)  # type: ignore[arg-type]

    def prints(self, line: str, at: float) -> None:
        self._journal.add(line, BEGIN + at)


def of(figures: LambdaFigures, metric: str, function: str, statistic: str) -> list[float | None]:
    """The statistic of each minute that has any."""
    figures.gather()
    dimensions = (("FunctionName", function),) if function else ()
    series = figures.store.get(MetricKey("AWS/Lambda", metric, dimensions))
    if series is None:
        return []
    return [one.value(statistic) for _, one in series.between(0, BEGIN + 100 * MINUTE)]


@pytest.fixture
def logs() -> LogStore:
    return LogStore()


@pytest.fixture
def figures(logs: LogStore) -> LambdaFigures:
    return LambdaFigures(logs)


def test_an_invocation_belongs_to_the_minute_in_which_it_began(
    logs: LogStore, figures: LambdaFigures
) -> None:
    api = Function(logs, "api")
    api.begins("a", 50)
    api.ends("a", 70, 20.0)
    api.begins("b", 80)
    api.ends("b", 81)
    assert of(figures, "Invocations", "api", "Sum") == [1, 1]
    assert of(figures, "Duration", "api", "Maximum") == [20_000, 1000]


def test_how_many_ran_at_the_same_time(logs: LogStore, figures: LambdaFigures) -> None:
    api, other = Function(logs, "api"), Function(logs, "other")
    api.begins("a", 0)
    other.begins("x", 1)
    api.begins("b", 2)
    api.ends("a", 3)
    api.ends("b", 4)
    api.begins("c", 5)
    other.ends("x", 6)
    assert of(figures, "ConcurrentExecutions", "api", "Maximum") == [2]
    assert of(figures, "ConcurrentExecutions", "other", "Maximum") == [1]
    assert of(figures, "ConcurrentExecutions", "", "Maximum") == [3]


def test_what_was_read_is_not_read_again(logs: LogStore, figures: LambdaFigures) -> None:
    api = Function(logs, "api")
    for at in range(3):
        api.begins(str(at), at)
        api.ends(str(at), at + 0.5, has_failed=at == 1)
        assert of(figures, "Invocations", "api", "Sum") == [at + 1]
    assert of(figures, "Errors", "api", "Sum") == [1]
    assert of(figures, "Errors", "api", "SampleCount") == [3]
    assert of(figures, "Throttles", "api", "Sum") == [0]


@pytest.mark.parametrize("looks_at", [None, 0, KEPT_ENTRIES // 2])
def test_nothing_is_lost_and_nothing_counts_twice_when_the_log_is_full(
    logs: LogStore, figures: LambdaFigures, looks_at: int | None
) -> None:
    api, count = Function(logs, "api"), KEPT_ENTRIES * 2
    for at in range(count):
        if at == looks_at:
            figures.gather()
        api.begins(str(at), at / 100)
        api.ends(str(at), at / 100, 0.001)
    figures.gather()
    counted = of(figures, "Invocations", "api", "Sum")
    assert sum(number or 0 for number in counted) == count
    assert of(figures, "ConcurrentExecutions", "api", "Maximum")[0] == 1


def test_a_line_that_leaves_a_full_log_counts(logs: LogStore, figures: LambdaFigures) -> None:
    api = Function(logs, "api")
    about = '{"Timestamp": 1700000000000, "CloudWatchMetrics": [{"Namespace": "N", "Metrics": [{"Name": "m"}]}]}'
    api.prints(f'{{"_aws": {about}, "m": 5}}', 0)
    for at in range(KEPT_ENTRIES * 2):
        api.prints("x", at / 100)
    series = figures.store.get(MetricKey("N", "m", ()))
    assert series is not None
    assert series.whole.total == 5


def test_what_a_bill_is_made_of(logs: LogStore, figures: LambdaFigures) -> None:
    kept = Function(logs, "api", is_provisioned=True)
    edge = Function(logs, "us-east-1.hook")
    kept.begins("a", 0)
    kept.ends("a", 1, 0.0101, memory_mb=512)
    edge.begins("b", 0)
    edge.ends("b", 1, 0.002, init_duration=0.25)
    figures.gather()
    usage = {one.name: one for one in figures.usage()}
    assert (usage["api"].requests, usage["api"].billed_ms, usage["api"].memory_mb) == (1, 11, 512)
    assert usage["api"].in_provisioned
    assert not usage["api"].at_edge
    assert (usage["hook"].at_edge, usage["hook"].billed_ms) == (True, 252)


def test_an_invocation_that_never_ended_does_not_run_for_ever(
    logs: LogStore, figures: LambdaFigures
) -> None:
    api = Function(logs, "api")
    api.begins("lost", 0)
    figures.gather()
    api.begins("a", 1)
    assert of(figures, "ConcurrentExecutions", "api", "Maximum") == [1]
