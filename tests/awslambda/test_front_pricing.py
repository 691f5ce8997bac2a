"""Prices of what is beside invocations, held against AWS's table."""

from __future__ import annotations

import math

import pytest

from edgegw.awslambda import front_pricing, metering
from edgegw.awslambda.front_pricing import CallerUsage, caller_charges
from edgegw.awslambda.metering import metered_requests

STEP = 512 * 1024
MB = 2**20


def test_the_table() -> None:
    assert ((300e6, 1.00 / 1e6), (math.inf, 0.90 / 1e6)) == front_pricing.API_REQUEST
    assert metering.API_STEP == STEP
    assert front_pricing.STREAMED_GB == 0.008
    assert metering.STREAMED_AT_NO_COST == 6 * MB
    assert front_pricing.FREE_STREAMED_GB == 100
    assert front_pricing.POLLER_HOUR == 0.185


@pytest.mark.parametrize(
    ("received", "sent", "metered"),
    [
        pytest.param(0, 0, 1, id="without bodies"),
        pytest.param(0, STEP, 1, id="to the very end of a step"),
        pytest.param(STEP + 1, 0, 2, id="one byte more, of the request"),
        pytest.param(0, 3 * STEP, 3, id="a large answer"),
        pytest.param(2 * STEP, 2 * STEP, 2, id="both do not add up"),
    ],
)
def test_requests_are_metered_in_steps(received: int, sent: int, metered: int) -> None:
    assert metered_requests(received, sent) == metered


@pytest.mark.parametrize(
    ("sent", "beyond"), [(0, 0), (6 * MB, 0), (6 * MB + 1, 1), (10 * MB, 4 * MB)]
)
def test_the_beginning_of_a_stream_costs_nothing(sent: int, beyond: int) -> None:
    assert metering.streamed_beyond(sent) == beyond


def test_charges_of_a_month() -> None:
    api, streamed = caller_charges(CallerUsage(metered=2e6, streamed=101 * 2**30))
    assert (api.service, api.amount) == ("API Gateway", pytest.approx(2.00))
    assert (streamed.quantity, streamed.amount) == (101, pytest.approx(0.008))
    assert "100 free" in streamed.formula
    _, listed = caller_charges(CallerUsage(metered=1, streamed=2**30), has_free_tier=False)
    assert listed.amount == pytest.approx(0.008)


def test_a_function_url_costs_nothing_itself() -> None:
    assert caller_charges(CallerUsage()) == []


def test_pollers_by_the_hour() -> None:
    charge = front_pricing.poller_charges("jobs", 2, 730)
    assert charge.amount == pytest.approx(2 * 730 * 0.185)
