"""Trace headers, who is sampled, and where a daemon is."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.model import Function, Runtime
from edgegw.awslambda.variables import Place, variables
from edgegw.awslambda.xray import (
    FIXED_RATE,
    DaemonAddress,
    InvocationTrace,
    Sampler,
    TracedRequest,
    TracedRun,
    TraceHeader,
    TracingMode,
    daemon_address,
    invocation_segments,
    is_sampled,
    parse_trace_header,
    passed_on,
    request_segment,
)

OWN = "Root=1-00000001-000000000000000000000001;Parent=00000000000000aa;Sampled=0"


@pytest.mark.parametrize(
    ("text", "header"),
    [
        pytest.param("Root=r;Parent=p;Sampled=1", TraceHeader("r", "p", "1"), id="whole"),
        pytest.param("Sampled=0;Parent=p;Root=r", TraceHeader("r", "p", "0"), id="other order"),
        pytest.param(" Root=r ; Sampled=? ", TraceHeader("r", "", "?"), id="blanks, asks"),
        pytest.param("Self=s;Root=r", TraceHeader("r", own="s"), id="by a load balancer"),
        pytest.param(
            "Root=r;Lineage=1:a:0;X=y",
            TraceHeader("r", rest=(("Lineage", "1:a:0"), ("X", "y"))),
            id="unknown keys stay",
        ),
        pytest.param("Root=r;Root=other", TraceHeader("r"), id="the first one counts"),
        pytest.param("nonsense;=x;", TraceHeader(), id="no header at all"),
        pytest.param("", TraceHeader(), id="none"),
    ],
)
def test_headers_are_read(text: str, header: TraceHeader) -> None:
    assert parse_trace_header(text) == header


@pytest.mark.parametrize(
    ("came", "goes_on"),
    [
        ("Root=r;Parent=p;Sampled=1", "Root=r;Parent=p;Sampled=1"),
        ("Root=r", "Root=r;Parent=00000000000000aa;Sampled=0"),
        ("Self=s;Root=r;Sampled=?", "Root=r;Parent=00000000000000aa;Sampled=0"),
        ("Root=r;Lineage=1:a:0", "Root=r;Parent=00000000000000aa;Sampled=0;Lineage=1:a:0"),
        ("nonsense", OWN),
        ("", OWN),
    ],
)
def test_what_is_missing_is_lambdas_own(came: str, goes_on: str) -> None:
    assert passed_on(came, OWN) == goes_on


@given(st.text(max_size=60))
def test_whatever_came_the_function_sees_a_whole_header(text: str) -> None:
    header = parse_trace_header(passed_on(text, OWN))
    assert header.root
    assert header.parent
    assert header.sampled in ("0", "1")
    assert not header.own


@pytest.mark.parametrize(
    ("mode", "sampled", "is_traced"),
    [
        ("Active", "", True),
        ("Active", "?", True),
        ("Active", "1", True),
        ("Active", "0", False),
        ("PassThrough", "", False),
        ("PassThrough", "?", False),
        ("PassThrough", "1", True),
        ("PassThrough", "0", False),
    ],
)
def test_the_callers_word_counts_else_the_mode(
    mode: TracingMode, sampled: str, is_traced: bool
) -> None:
    header = TraceHeader("r", sampled=sampled)
    assert is_sampled(header, mode, Sampler(), 1000.0, lambda: 0.99) is is_traced


def test_the_first_request_of_each_second_and_five_percent_of_the_rest() -> None:
    assert FIXED_RATE == 0.05
    dice, sampler = random.Random(19), Sampler()
    draws = [
        [sampler.takes(second + at / 1000, dice.random()) for at in range(1000)]
        for second in range(50)
    ]
    assert all(second[0] for second in draws)
    rest = list(itertools.chain.from_iterable(second[1:] for second in draws))
    assert 0.045 < sum(rest) / len(rest) < 0.055


@pytest.mark.parametrize("draw", [0.0, 0.049, 0.05, 0.9])
def test_the_edge_of_the_rate(draw: float) -> None:
    sampler = Sampler()
    sampler.takes(5.0, 0.99)
    assert sampler.takes(5.5, draw) is (draw < 0.05)


def test_who_decided_before_takes_nothing_of_the_second() -> None:
    sampler = Sampler()
    assert is_sampled(TraceHeader("r", sampled="1"), "Active", sampler, 7.0, lambda: 0.99)
    assert is_sampled(TraceHeader("r"), "Active", sampler, 7.5, lambda: 0.99)
    assert not is_sampled(TraceHeader("r"), "Active", sampler, 7.9, lambda: 0.99)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:2000", DaemonAddress("127.0.0.1", 2000)),
        ("daemon:3000", DaemonAddress("daemon", 3000)),
        ("[::1]:2000", DaemonAddress("::1", 2000)),
        ("tcp:127.0.0.1:2000 udp:127.0.0.2:2001", DaemonAddress("127.0.0.2", 2001)),
        ("udp:127.0.0.2:2001 tcp:127.0.0.1:2000", DaemonAddress("127.0.0.2", 2001)),
    ],
)
def test_the_forms_of_a_daemons_address(text: str, address: DaemonAddress) -> None:
    assert daemon_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2000",
        ":2000",
        "host:",
        "host:0",
        "host:65536",
        "host:x",
        "udp:host:1",
        "tcp:a:1 tcp:b:2",
        "a b c",
    ],
)
def test_what_is_no_address_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:2000|no port"):
        daemon_address(text)


REQUEST = TracedRequest(
    name="web",
    segment_id="1" * 16,
    trace_id="1-5759e988-bd862e3fe1be46a994272793",
    parent="",
    started=1.0,
    ended=2.5,
    method="GET",
    url="http://localhost/",
    client="203.0.113.10",
    user_agent="",
    status=200,
    sent=12,
    verdict="forwarded",
)


@pytest.mark.parametrize(
    ("status", "marks"),
    [
        (0, set()),
        (200, set()),
        (399, set()),
        (400, {"error"}),
        (428, {"error"}),
        (429, {"error", "throttle"}),
        (499, {"error"}),
        (500, {"fault"}),
        (599, {"fault"}),
    ],
)
def test_what_went_wrong_marks_the_segment(status: int, marks: set[str]) -> None:
    """AWS X-Ray Developer Guide, "AWS X-Ray segment documents", http and errors."""
    segment = request_segment(replace(REQUEST, status=status))
    assert {mark for mark in ("error", "fault", "throttle") if mark in segment} == marks


def test_a_segment_has_what_the_daemon_asks_for_and_no_more() -> None:
    segment = request_segment(REQUEST)
    assert "parent_id" not in segment
    assert "user_agent" not in cast("Any", segment["http"])["request"]
    whole = request_segment(replace(REQUEST, parent="2" * 16, user_agent="curl", name="n" * 201))
    assert (whole["parent_id"], len(str(whole["name"]))) == ("2" * 16, 200)
    assert cast("Any", whole["http"])["request"]["user_agent"] == "curl"


def test_the_segments_of_an_invocation() -> None:
    trace = InvocationTrace(
        root=REQUEST.trace_id, parent="", service_id="3" * 16, function_id="4" * 16, header=""
    )
    run = TracedRun(
        name="f" * 201,
        arn="arn:f",
        account_id="123456789012",
        request_id="r",
        accepted=10.0,
        started=10.5,
        ended=11.0,
        init=0.75,
        error=("Boom", "no"),
    )
    service, function = invocation_segments(trace, run)
    assert (service["origin"], function["origin"]) == ("AWS::Lambda", "AWS::Lambda::Function")
    assert "parent_id" not in service
    assert function["parent_id"] == service["id"]
    assert service["start_time"] == 9.75  # an init that began before the call is part of it
    assert service["fault"] is function["fault"] is True
    assert {len(str(segment["name"])) for segment in (service, function)} == {200}
    assert invocation_segments(replace(trace, parent="5" * 16), run)[0]["parent_id"] == "5" * 16


def test_functions_find_the_daemon_in_the_environment() -> None:
    """Lambda Developer Guide, "Defined runtime environment variables"."""
    function = Function("f", Runtime("python3.13", "python", (3, 13)), ".", "app.handler")
    folders = ("/var/task", "/var/runtime", "/opt", "/tmp", "/usr/bin")
    place = Place("f", "us-east-1", "stream", *folders, {}, daemon=DaemonAddress("127.0.0.2", 3000))
    found = variables(function, place)
    assert {name: text for name, text in found.items() if "XRAY" in name} == {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.2:3000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.2",
        "_AWS_XRAY_DAEMON_PORT": "3000",
    }
