"""Faults on demand: what a setting means."""

from __future__ import annotations

import pytest

from edgegw.config.gateway.faults import FaultPlan, set_faults
from edgegw.errors import UsageError

TARGETS = ["function:auth", "function:web", "origin:site/app", "target_group:web"]


@pytest.mark.parametrize(
    ("setting", "target", "plan"),
    [
        ("auth.error=0.3", "function:auth", FaultPlan(error=0.3)),
        ("auth.error=30%", "function:auth", FaultPlan(error=0.3)),
        ("auth.throttle", "function:auth", FaultPlan(throttle=1)),
        ("auth.latency=200ms", "function:auth", FaultPlan(latency=0.2)),
        ("auth.latency=1.5s", "function:auth", FaultPlan(latency=1.5)),
        ("auth.latency=2", "function:auth", FaultPlan(latency=2)),
        ("site/app.reset=1", "origin:site/app", FaultPlan(reset=1)),
        ("app.truncate", "origin:site/app", FaultPlan(truncate=1)),
        ("origin:site/app.status=500", "origin:site/app", FaultPlan(status=500)),
        ("target_group:web.timeout=100%", "target_group:web", FaultPlan(timeout=1)),
    ],
)
def test_a_setting(setting: str, target: str, plan: FaultPlan) -> None:
    assert set_faults({}, [setting], TARGETS) == {target: plan}


def test_settings_add_up_and_zero_takes_away() -> None:
    plans = set_faults({}, ["auth.error=1", "auth.latency=1s", "app.reset"], TARGETS)
    plans = set_faults(plans, ["auth.error=0", "app.reset=0"], TARGETS)
    assert plans == {"function:auth": FaultPlan(latency=1)}


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("auth", "NAME.KIND=VALUE"),
        ("auht.error", "did you mean 'auth'?"),
        ("web.error", "may be function:web or target_group:web"),
        ("auth.eror=1", "did you mean 'error'?"),
        ("auth.reset", "no fault of a function"),
        ("app.throttle", "no fault of an origin"),
        ("auth.error=2", "from 0 to 1"),
        ("auth.error=120%", "from 0 to 1"),
        ("auth.error=often", "from 0 to 1"),
        ("auth.latency=soon", "200ms or 1.5s"),
        ("app.status=200", "from 400 to 599"),
    ],
)
def test_what_a_setting_cannot_mean(setting: str, text: str) -> None:
    with pytest.raises(UsageError) as raised:
        set_faults({}, [setting], TARGETS)
    assert text in str(raised.value)
