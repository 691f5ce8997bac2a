"""Weights, algorithms, health, slow start."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.alb.flow import BalancerAnswer, ChooseTarget, ForwardTo, start
from edgegw.alb.model import Forward, HealthCheck, IpTargetGroup, Target, TargetGroup
from edgegw.alb.targets import (
    DRAINING,
    HEALTHY,
    REGISTERED,
    UNCHECKED,
    Health,
    ProbeAnswer,
    Registered,
    Routable,
    after_check,
    choose_target,
    choose_target_group,
    judged,
    routable,
    share_at,
)
from edgegw.http.message import Response
from tests.alb.balancers import FACTS, FN, WEB, listener, request

A, B, C = (Target(f"10.0.0.{at}", 80) for at in (1, 2, 3))
SICK = Health("unhealthy", "Target.Timeout")
CHECK = HealthCheck(healthy_threshold=3, unhealthy_threshold=2)


def test_ten_thousand_requests_fall_within_three_deviations_of_the_weights() -> None:
    weights = [90, 9, 1]
    groups = tuple((replace(WEB, name=str(at)), weight) for at, weight in enumerate(weights))
    dice = random.Random(7)
    door = listener(default=Forward(groups))
    found: Counter[str] = Counter()
    for _ in range(10_000):
        step = start(door, request(), replace(FACTS, draw=dice.random()))
        assert isinstance(step, ChooseTarget)
        found[step.group.name] += 1
    for at, weight in enumerate(weights):
        share = weight / 100
        deviation = math.sqrt(10_000 * share * (1 - share))
        assert abs(found[str(at)] - 10_000 * share) <= 3 * deviation


def test_the_dice_for_the_group_and_for_its_target_are_independent() -> None:
    """A group's share falls on all of its targets, whatever dice chose the group."""
    targets = (A, B)
    groups = tuple(
        (replace(WEB, name=name, targets=targets, algorithm="weighted_random"), 1)
        for name in ("left", "right")
    )
    door = listener(default=Forward(groups))
    took: Counter[tuple[str, Target]] = Counter()
    for at in range(10_000):
        step = start(door, request(), replace(FACTS, draw=at / 10_000))
        assert isinstance(step, ChooseTarget)
        forward = step.next(Routable(targets, ""))
        assert isinstance(forward, ForwardTo)
        took[forward.group.name, forward.target] += 1
    assert set(took) == {(name, target) for name in ("left", "right") for target in targets}
    assert min(took.values()) > 2_300


def test_a_weight_of_zero_gets_nothing_and_an_empty_group_does_not_hand_its_share_on() -> None:
    empty = replace(WEB, name="empty", targets=())
    door = listener(default=Forward(((WEB, 0), (empty, 1))))
    for draw in (0.0, 0.3, 0.999):
        step = start(door, request(), replace(FACTS, draw=draw))
        assert isinstance(step, ChooseTarget)
        assert step.group is empty
        finish = step.next(Routable((), ""))
        assert isinstance(finish, BalancerAnswer)
        assert finish.response.status == 503


def test_all_weights_zero_give_503() -> None:
    finish = start(listener(default=Forward(((WEB, 0), (WEB, 0)))), request(), FACTS)
    assert isinstance(finish, BalancerAnswer)
    assert finish.response.status == 503


# Algorithms


def test_round_robin_takes_turns() -> None:
    found = [choose_target(WEB, Routable((A, B, C), "", turn), draw=0.9) for turn in range(4)]
    assert found == [A, B, C, A]


def test_least_outstanding_requests_takes_the_idle_one_and_ties_take_turns() -> None:
    group = replace(WEB, algorithm="least_outstanding_requests")
    busy = Routable((A, B, C), "", 0, {A: 2, B: 1, C: 1})
    assert choose_target(group, busy, draw=0) == B
    assert choose_target(group, busy._replace(turn=2), draw=0) == C


def test_weighted_random_throws_dice() -> None:
    group = replace(WEB, algorithm="weighted_random")
    found = [choose_target(group, Routable((A, B), ""), draw=draw) for draw in (0, 0.49, 0.5, 0.99)]
    assert found == [A, A, B, B]


@pytest.mark.parametrize("algorithm", ["round_robin", "least_outstanding_requests"])
def test_algorithms_on_targets_of_different_speed(algorithm: str) -> None:
    """A slow target keeps as many requests waiting as it can: only one algorithm spares it."""
    group = replace(WEB, algorithm=algorithm)
    took: Counter[Target] = Counter()
    waiting: list[tuple[float, Target]] = []
    for at in range(1000):
        waiting = [each for each in waiting if each[0] > at]
        outstanding = Counter(target for _, target in waiting)
        target = choose_target(group, Routable((A, B), "", at, outstanding), draw=0)
        assert target is not None
        took[target] += 1
        waiting.append((at + (50 if target == A else 2), target))
    if algorithm == "round_robin":
        assert took[A] == took[B]
    else:
        assert took[B] > 5 * took[A]


@given(
    st.sampled_from(["round_robin", "least_outstanding_requests", "weighted_random"]),
    st.integers(0, 10**6),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 6),
)
def test_some_target_is_chosen_whenever_there_is_one(algorithm, turn, draw, count) -> None:
    targets = tuple(Target("h", port) for port in range(1, count + 1))
    group = replace(WEB, algorithm=algorithm)
    assert choose_target(group, Routable(targets, "", turn), draw=draw) in targets
    assert choose_target(group, Routable((), "", turn), draw=draw) is None


def test_a_target_that_starts_slowly_gets_its_share() -> None:
    group = replace(WEB, slow_start=100.0)
    dice = random.Random(3)
    share = share_at(130.0, 100.0, 100.0)
    assert share == pytest.approx(0.3)
    found = Counter(
        choose_target(group, Routable((A, B), "", turn, shares={B: share}), draw=dice.random())
        for turn in range(2000)
    )
    assert found[B] == pytest.approx(300, abs=60)


def test_share_grows_from_nothing_to_all() -> None:
    assert [share_at(now, 10, 30) for now in (10, 25, 40, 99)] == [0, 0.5, 1, 1]


# Health


def after(health: Health, *results: str) -> Health:
    for each in results:
        health = after_check(health, CHECK, each, 500)  # type: ignore[arg-type]
    return health


@pytest.mark.parametrize(
    ("start", "results", "state"),
    [
        pytest.param(REGISTERED, ["pass"], "healthy", id="one success makes a new target healthy"),
        pytest.param(REGISTERED, ["failed"], "initial", id="one failure does not decide yet"),
        pytest.param(REGISTERED, ["failed", "pass"], "healthy", id="new, a failure, a success"),
        pytest.param(REGISTERED, ["failed"] * 2, "unhealthy", id="threshold of a new target"),
        pytest.param(HEALTHY, ["timeout"], "healthy", id="below the unhealthy threshold"),
        pytest.param(HEALTHY, ["timeout", "mismatch"], "unhealthy", id="unhealthy threshold"),
        pytest.param(HEALTHY, ["failed", "pass", "failed"], "healthy", id="only in a row"),
        pytest.param(SICK, ["pass"] * 2, "unhealthy", id="below the healthy threshold"),
        pytest.param(SICK, ["pass"] * 3, "healthy", id="healthy threshold"),
        pytest.param(SICK, ["pass", "pass", "failed", "pass"], "unhealthy", id="healthy in a row"),
    ],
)
def test_thresholds(start: Health, results: list[str], state: str) -> None:
    assert after(start, *results).state == state


@pytest.mark.parametrize(
    ("result", "reason", "description"),
    [
        ("mismatch", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
        ("timeout", "Target.Timeout", "Request timed out"),
        ("failed", "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_reasons_of_unhealthy_targets(result: str, reason: str, description: str) -> None:
    found = after(HEALTHY, result, result)
    assert (found.reason, found.description) == (reason, description)


@pytest.mark.parametrize(
    ("health", "group", "expected"),
    [
        pytest.param([HEALTHY, SICK], WEB, [A], id="unhealthy ones get nothing"),
        pytest.param([HEALTHY, REGISTERED], WEB, [A], id="nor do those not yet checked"),
        pytest.param([SICK, SICK], WEB, [A, B], id="all unhealthy: fails open"),
        pytest.param([SICK, DRAINING], WEB, [A], id="draining ones never"),
        pytest.param([DRAINING, DRAINING], WEB, [], id="all draining: none"),
        pytest.param([UNCHECKED, UNCHECKED], WEB, [A, B], id="without health checks all"),
        pytest.param(
            [HEALTHY, SICK], replace(WEB, minimum_healthy_count=2), [A, B], id="minimum count"
        ),
        pytest.param(
            [HEALTHY, SICK, SICK],
            replace(WEB, minimum_healthy_percentage=50.0),
            [A, B, C],
            id="minimum percentage",
        ),
    ],
)
def test_which_targets_get_traffic(
    health: list[Health], group: IpTargetGroup, expected: list[Target]
) -> None:
    registered = tuple(map(Registered, (A, B, C), health))
    targets, why = routable(group, registered)
    assert targets == expected
    assert why


def test_matcher() -> None:
    check = HealthCheck(matcher=((200, 299), (404, 404)))
    assert [check.accepts(code) for code in (199, 200, 299, 300, 404)] == [
        False,
        True,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("group", "answer", "expected"),
    [
        (WEB, ProbeAnswer(200), ("pass", "")),
        (WEB, ProbeAnswer(500), ("mismatch", "ResponseCodeMismatch")),
        (WEB, ProbeAnswer(failure="refused"), ("failed", "ConnectionReset")),
        (WEB, ProbeAnswer(failure="slow", timed_out=True), ("timeout", "TimedOut")),
        (FN, ProbeAnswer(failure="crashed"), ("failed", "TargetError")),
        (
            replace(WEB, protocol_version="GRPC", health_check=HealthCheck(matcher=((12, 12),))),
            ProbeAnswer(0),
            ("mismatch", "GRPCUnexpectedStatus"),
        ),
    ],
)
def test_what_a_probe_found(
    group: TargetGroup, answer: ProbeAnswer, expected: tuple[str, str]
) -> None:
    assert judged(group, answer) == expected


def test_a_response_of_a_target_passes_unchanged() -> None:
    step = start(listener(default=Forward(((WEB, 1),))), request(), FACTS)
    assert isinstance(step, ChooseTarget)
    chosen = step.next(Routable((A, B), "", 1))
    assert isinstance(chosen, ForwardTo)
    assert chosen.target == B
    assert chosen.next(Response(418)).response.status == 418
    assert choose_target_group(Forward(((WEB, 1),)), draw=0.5) is WEB
