"""Schedules that come: with a clock that a test moves, with time that passes faster, for real."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edgegw import Gateway
from edgegw.gateway.workers.schedules import Schedules
from tests.conftest import FUNCTIONS, OWN_DATA
from tests.gateway.noted_events import PATIENCE, Noted, function

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def instant(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Clock:
    """A clock that stands until somebody moves it."""

    def __init__(self, text: str) -> None:
        self.now = instant(text)

    def __call__(self) -> float:
        return self.now

    def move_to(self, text: str) -> None:
        self.now = instant(text)


def configuration(**schedules: dict[str, Any]) -> dict[str, Any]:
    return {
        "functions": {"report": function(), "other": function()},
        "schedules": {name: {"function": "report", **given} for name, given in schedules.items()},
        "gateway": {"state": tempfile.mkdtemp(dir=OWN_DATA)},
    }


def gateway_of(noted: Noted, clock: Clock | None, config: dict[str, Any]) -> Gateway:
    handlers = noted.handlers("report", "other")
    return Gateway.from_dict(config, base=FUNCTIONS, functions=handlers, clock=clock)


async def test_a_schedule_sends_the_event_of_a_rule() -> None:
    noted, clock = Noted(), Clock("2026-01-01T02:59:30")
    config = configuration(nightly={"expression": "cron(0 3 * * ? *)"})
    async with gateway_of(noted, clock, config):
        await asyncio.sleep(0.1)
        assert noted.events == []
        clock.move_to("2026-01-01T03:00:00")
        (event,) = await noted.count(1)
        clock.move_to("2026-01-02T03:00:05")
        await noted.count(2)
    assert UUID.fullmatch(event.pop("id"))
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-01-01T03:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/nightly"],
        "detail": {},
    }
    assert [each["time"] for _, each in noted.events[1:]] == ["2026-01-02T03:00:00Z"]


async def test_a_time_zone_makes_it_one_of_the_scheduler() -> None:
    noted, clock = Noted(), Clock("2026-07-01T00:59:00")
    config = configuration(nightly={"expression": "cron(0 3 * * ? *)", "timezone": "Europe/Berlin"})
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-07-01T01:00:00")
        (event,) = await noted.count(1)
    assert event["source"] == "aws.scheduler"
    assert event["detail"] == "{}"
    assert event["time"] == "2026-07-01T01:00:00Z"
    assert event["resources"] == [
        "arn:aws:scheduler:us-east-1:123456789012:schedule/default/nightly"
    ]


INPUTS: dict[str, tuple[dict[str, Any], Any]] = {
    "a mapping": ({"input": {"full": True, "of": [1, None]}}, {"full": True, "of": [1, None]}),
    "text that is JSON": ({"input": '{"full": true}'}, {"full": True}),
    "a number": ({"input": 5}, 5),
    "attributes stay with a rule": (
        {"input": {"at": "<aws.scheduler.scheduled-time>"}},
        {"at": "<aws.scheduler.scheduled-time>"},
    ),
    "attributes of the scheduler": (
        {
            "timezone": "UTC",
            "input": {
                "at": "<aws.scheduler.scheduled-time>",
                "by": "<aws.scheduler.schedule-arn> <aws.scheduler.attempt-number>",
            },
        },
        {
            "at": "2026-01-01T00:01:00Z",
            "by": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/often 1",
        },
    ),
}


@pytest.mark.parametrize("name", INPUTS)
async def test_an_input_takes_the_place_of_the_event(name: str) -> None:
    given, expected = INPUTS[name]
    noted, clock = Noted(), Clock("2026-01-01T00:00:00")
    config = configuration(often={"expression": "cron(* * * * ? *)", **given})
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-01-01T00:01:00")
        assert await noted.count(1) == [expected]


async def test_what_is_disabled_or_over_never_comes() -> None:
    noted, clock = Noted(), Clock("2026-01-01T00:00:00")
    config = configuration(
        off={"expression": "rate(1 minute)", "enabled": False, "input": "off"},
        over={"expression": "at(2025-12-31T23:59:59)", "input": '"over"'},
        once={"expression": "at(2026-01-01T00:01:30)", "input": '"once"'},
        often={"expression": "rate(1 minute)", "input": '"often"'},
    )
    config["schedules"]["off"]["input"] = '"off"'
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-01-01T00:03:00")
        await noted.count(4)
    assert sorted(event for _, event in noted.events) == ["often", "often", "often", "once"]


async def test_what_was_due_before_the_gateway_ran_is_not_made_up_for() -> None:
    noted, clock = Noted(), Clock("2026-01-01T00:00:00")
    config = configuration(often={"expression": "cron(* * * * ? *)"})
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-01-01T00:01:00")
        await noted.count(1)
    clock.move_to("2026-01-01T05:00:30")
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-01-01T05:01:00")
        await noted.count(2)
    assert [event["time"] for _, event in noted.events] == [
        "2026-01-01T00:01:00Z",
        "2026-01-01T05:01:00Z",
    ]


async def test_a_changed_configuration_leaves_other_schedules_as_they_are() -> None:
    noted, clock = Noted(), Clock("2026-01-01T00:00:00")
    often = {"expression": "rate(10 minutes)", "input": '"often"'}
    first = configuration(often=often, gone={"expression": "rate(1 minute)", "input": '"gone"'})
    async with gateway_of(noted, clock, first) as gateway:
        clock.move_to("2026-01-01T00:00:30")
        new = configuration(often=often, new={"expression": "rate(5 minutes)", "input": '"new"'})
        await gateway.reload(gateway_of(noted, clock, new).config)
        schedules = gateway.workers.running(Schedules)
        assert schedules is not None
        assert schedules.next_times() == {
            "often": instant("2026-01-01T00:10:00"),
            "new": instant("2026-01-01T00:05:30"),
        }
        clock.move_to("2026-01-01T00:10:00")
        await noted.count(2)
    assert sorted(event for _, event in noted.events) == ["new", "often"]


async def test_a_clock_that_a_test_moves_far_leaves_nothing_out() -> None:
    noted, clock = Noted(), Clock("2026-01-01T00:00:30")
    config = configuration(hourly={"expression": "cron(0 * * * ? *)"})
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-01-01T05:30:00")
        events = await noted.count(5)
    hours = sorted(event["time"][11:13] for event in events)  # asynchronous: in no order
    assert hours == ["01", "02", "03", "04", "05"]


async def test_what_fails_is_said_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    noted, clock = Noted(), Clock("2026-01-01T00:00:00")
    config = configuration(
        broken={"expression": "rate(1 minute)", "function": "other"},
        often={"expression": "rate(1 minute)"},
    )
    handlers = noted.handlers("report")

    def fail(_event: Any, _context: Any) -> None:
        raise ValueError("not today")

    gateway = Gateway.from_dict(
        config, base=FUNCTIONS, functions={**handlers, "other": fail}, clock=clock
    )
    async with gateway:
        clock.move_to("2026-01-01T00:02:00")
        await noted.count(2)
        async with asyncio.timeout(PATIENCE):
            while "not today" not in caplog.text:
                await asyncio.sleep(0.01)


async def test_a_policy_that_lets_nobody_in_keeps_schedules_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    noted, clock = Noted(), Clock("2026-01-01T00:00:00")
    config = configuration(
        closed={"expression": "rate(1 minute)", "function": "other"},
        often={"expression": "rate(1 minute)"},
    )
    config["functions"]["other"]["permissions"] = []
    config["functions"]["report"]["permissions"] = [{"principal": "events.amazonaws.com"}]
    async with gateway_of(noted, clock, config):
        clock.move_to("2026-01-01T00:01:00")
        await noted.count(1)
        async with asyncio.timeout(PATIENCE):
            while "other was not invoked" not in caplog.text:
                await asyncio.sleep(0.01)
    assert noted.names == ["report"]


async def test_a_gateway_without_schedules_has_no_such_worker() -> None:
    async with Gateway.from_dict({}) as gateway:
        assert gateway.workers.running(Schedules) is None


async def test_schedules_come_faster_with_a_time_scale(serving: Any, tmp_path: Path) -> None:
    """A real function in a process of its own, the machine's clock, an hour a second."""
    notes = tmp_path / "notes.jsonl"
    config = configuration(often={"expression": "cron(0/20 * * * ? *)", "function": "notes"})
    config["functions"]["notes"] = function(
        handler="notes_down.handler", environment={"NOTES": str(notes)}
    )
    config["gateway"] = {"lambda_api": 0, "time_scale": 3600}
    async with serving(config):
        async with asyncio.timeout(PATIENCE):
            while not notes.exists() or len(notes.read_text().splitlines()) < 4:
                await asyncio.sleep(0.05)
    events = sorted(
        (json.loads(line) for line in notes.read_text().splitlines()), key=lambda each: each["time"]
    )
    times = [datetime.fromisoformat(event["time"]).timestamp() for event in events]
    distances = [after - before for before, after in pairwise(times)]
    assert distances[:3] == [1200, 1200, 1200]
    assert all(time % 1200 == 0 for time in times)
