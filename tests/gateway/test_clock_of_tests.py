"""The clock that a test sets and moves, and what it moves."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from edgegw import Gateway, UsageError
from edgegw.gateway.clock import Clock

ACTIONS = [{"fixed_response": {"status_code": "200", "message_body": "hello"}}]
CONFIG = {"load_balancers": {"web": {"listeners": [{"listen": 1, "default_actions": ACTIONS}]}}}

MOMENTS = [
    (0, 0.0),
    (1.5, 1.5),
    ("1970-01-02", 86400.0),
    ("1970-01-01T00:00:01Z", 1.0),
    ("1970-01-01T01:00:00+01:00", 0.0),
    (datetime(1970, 1, 1, 0, 1), 60.0),  # noqa: DTZ001 - one without a zone is UTC here
    (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0.0),
]


@pytest.mark.parametrize(("moment", "seconds"), MOMENTS)
def test_a_moment_is_told_in_several_ways(moment: object, seconds: float) -> None:
    assert Clock(moment)() == seconds  # type: ignore[arg-type]


def test_it_goes_on_until_it_is_set_and_then_stands() -> None:
    clock = Clock()
    clock.advance(3600)
    before = time.time()
    assert before <= clock() - 3600 <= time.time() + 0.001
    clock.set("2030-01-01")
    assert clock() == clock() == datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    clock.advance(0.5)
    assert clock() == datetime(2030, 1, 1, tzinfo=UTC).timestamp() + 0.5
    clock.begin_anew()
    before = time.time()
    assert before <= clock() <= time.time()
    assert repr(Clock(0)) == "Clock('1970-01-01T00:00:00+00:00')"


def test_it_says_what_is_no_moment() -> None:
    with pytest.raises(UsageError, match="as 2026-01-31T12:00:00Z, not to 'soon'"):
        Clock("soon")
    with pytest.raises(UsageError, match="by 0 seconds or more, not by -1; set it"):
        Clock().advance(-1)


NEVER = [math.nan, math.inf, -1.0, 1e20, "1969-12-31"]


@pytest.mark.parametrize("moment", NEVER)
def test_a_time_that_no_date_can_say_is_refused_at_once(moment: float | str) -> None:
    with pytest.raises(UsageError, match="from 1970 to 9999"):
        Clock(moment)
    if isinstance(moment, float):
        with pytest.raises(UsageError, match="by 0 seconds or more"):
            Clock().advance(moment)


def test_a_gateway_has_the_clock_that_it_was_made_with() -> None:
    gateway = Gateway.from_dict(CONFIG, clock=Clock(0))
    with gateway.sync_client("web") as client:
        assert client.get("/").headers["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        gateway.clock.advance(60)
        assert client.get("/").headers["date"] == "Thu, 01 Jan 1970 00:01:00 GMT"


def test_a_gateway_with_the_machines_clock_and_dice_is_reset_without_them() -> None:
    gateway = Gateway.from_dict(CONFIG)
    gateway.reset()
    with pytest.raises(UsageError, match=r"clock=edgegw\.testing\.Clock"):
        _ = gateway.clock
    for arguments in ({"clock": 0.0}, {"seed": 1}):
        with pytest.raises(UsageError, match="make the gateway with clock= or seed="):
            gateway.reset(**arguments)  # type: ignore[arg-type]
    own = Gateway.from_dict(CONFIG, clock=lambda: 5.0, seed=1)
    own.reset(seed=1)
    with pytest.raises(UsageError, match="to set its time"):
        own.reset(clock=0.0)


async def test_a_gateway_is_reset_while_a_client_of_this_loop_is_open() -> None:
    gateway = Gateway.from_dict(CONFIG, seed=1)
    async with gateway.client("web") as client:
        await client.get("/")
        gateway.reset(seed=1)
        assert len(gateway.exchanges) == 0
        assert (await client.get("/")).text == "hello"
        assert len(gateway.exchanges) == 1


def test_ids_of_a_seed_are_uuids_and_come_again() -> None:
    import uuid

    from edgegw.gateway.world import World

    ids = [World(seed=3).uuid() for _ in range(2)]
    assert ids[0] == ids[1]
    assert {uuid.UUID(World(seed=seed).uuid()).version for seed in range(50)} == {4}
    assert {uuid.UUID(World(seed=seed).uuid()).variant for seed in range(50)} == {uuid.RFC_4122}
