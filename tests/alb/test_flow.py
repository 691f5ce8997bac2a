"""A request through a load balancer, told as a screenplay: steps expected, replies given."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.alb.flow import (
    BalancerAnswer,
    BalancerStep,
    ChooseTarget,
    ForwardTo,
    Invoke,
    ReadBody,
    start,
)
from edgegw.alb.forwarding import forwarded_host, trace_id
from edgegw.alb.model import (
    Forward,
    IpTargetGroup,
    Listener,
    Target,
)
from edgegw.alb.target_steps import TargetFailure
from edgegw.alb.targets import Routable, choose_target_group
from edgegw.awslambda.model import (
    FunctionError,
    FunctionRef,
    InvokeRefusal,
    Report,
    Returned,
    Throttled,
)
from edgegw.http.message import Headers, Request, Response
from tests.alb import balancers
from tests.alb.balancers import BALANCER, FACTS, FN, WEB


def listener(*, default: Any = None, port: int = 80) -> Listener:
    """A listener that forwards to a function unless told otherwise."""
    return balancers.listener(default=default or Forward(((FN, 1),)), port=port)


def request(target: bytes = b"/a?b=1", method: str = "GET", **headers: str) -> Request:
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return balancers.request(target, method, lines)


def chosen_target(step: BalancerStep, turn: int = 1) -> ForwardTo:
    """The step behind the choice of a target, all of them being healthy."""
    assert isinstance(step, ChooseTarget)
    found = step.next(Routable(step.group.targets, "", turn))
    assert isinstance(found, ForwardTo)
    return found


def test_a_request_to_a_function_from_the_first_step_to_the_last() -> None:
    step = start(listener(), request(), FACTS)
    assert isinstance(step, ReadBody)
    assert step.limit == 1024 * 1024

    step = step.next(b"", truncated=False)
    assert isinstance(step, Invoke)
    assert step.invocation.function == FunctionRef("hello")
    event = json.loads(step.invocation.payload)
    assert event["path"] == "/a"
    assert event["headers"] == {
        "host": "example.com",
        "x-amzn-trace-id": "Root=1-5dbafc0f-a4ac9c9046b152c44e90ca34",
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-port": "80",
        "x-forwarded-proto": "http",
    }

    step = step.next(Returned(b'{"statusCode": 200, "body": "hi"}', Report()))
    assert isinstance(step, BalancerAnswer)
    assert step.refusal is None
    assert step.response.body.content == b"hi"


def test_a_request_to_an_ip_target_from_the_first_step_to_the_last() -> None:
    sent = request(
        b"/a/../b", Connection="keep-alive, X-Mine", X_Mine="1", TE="trailers", Expect="x"
    )
    step = chosen_target(start(listener(default=Forward(((WEB, 1),))), sent, FACTS))
    assert step.target == Target("10.0.0.2", 80)
    assert step.request.target.raw == b"/a/../b"
    assert [name for name, _ in step.request.headers] == [
        b"Host",
        b"X-Forwarded-For",
        b"X-Forwarded-Proto",
        b"X-Forwarded-Port",
        b"X-Amzn-Trace-Id",
    ]

    reply = Response(
        200, b"Fine", Headers([(b"Server", b"mine"), (b"Transfer-Encoding", b"chunked")])
    )
    step = step.next(reply)
    assert isinstance(step, BalancerAnswer)
    assert step.response.headers.raw == ((b"Server", b"mine"),)
    assert step.response.reason == b"Fine"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Throttled(), "LambdaThrottling"),
        (FunctionError("ValueError", "x", b"{}", Report()), "LambdaUnhandled"),
        (Returned(b"not json", Report()), "LambdaInvalidResponse"),
        (InvokeRefusal("AccessDeniedException", ""), "LambdaAccessDenied"),
        (InvokeRefusal("ResourceNotFoundException", ""), "LambdaResourceNotFound"),
        (InvokeRefusal("RequestTooLargeException", ""), "LambdaRequestTooLarge"),
        (InvokeRefusal("InvalidParameterValueException", ""), "LambdaBadRequest"),
    ],
    ids=["throttled", "raised", "malformed", "denied", "gone", "too large", "other"],
)
def test_failures_of_the_function_give_502(outcome: Any, reason: str) -> None:
    """ELB User Guide for ALB, "Access logs", error reason codes."""
    step = start(listener(), request(), FACTS)
    assert isinstance(step, ReadBody)
    invoke = step.next(b"", truncated=False)
    assert isinstance(invoke, Invoke)
    finish = invoke.next(outcome)
    assert finish.response.status == 502
    assert finish.refusal is not None
    assert finish.refusal.reason == reason


@pytest.mark.parametrize(("size", "status"), [(32 * 1024, 200), (32 * 1024 + 1, 502)])
def test_response_headers_above_32_k_give_502(size: int, status: int) -> None:
    """ELB User Guide for ALB, "HTTP headers and Application Load Balancers", limits."""
    headers = Headers([(b"x", b"v" * (size - len("x: \r\n")))])
    step = chosen_target(start(listener(default=Forward(((WEB, 1),))), request(), FACTS))
    assert step.next(Response(200, b"OK", headers)).response.status == status


@pytest.mark.parametrize(("size", "status"), [(32 * 1024, 200), (32 * 1024 + 1, 502)])
def test_headers_of_a_function_above_32_k_give_502(size: int, status: int) -> None:
    """The lines that the load balancer adds count with the function's own."""

    def answered(length: int) -> BalancerAnswer:
        step = start(listener(), request(), FACTS)
        assert isinstance(step, ReadBody)
        step = step.next(b"", truncated=False)
        assert isinstance(step, Invoke)
        answer = {"statusCode": 200, "headers": {"x": "v" * length}}
        return step.next(Returned(json.dumps(answer).encode(), Report()))

    shell = answered(0).response.headers.size()
    assert answered(size - shell).response.status == status


def test_body_above_one_megabyte_gives_413() -> None:
    step = start(listener(), request(method="POST"), FACTS)
    assert isinstance(step, ReadBody)
    finish = step.next(b"x", truncated=True)
    assert isinstance(finish, BalancerAnswer)
    assert finish.response.status == 413
    assert finish.refusal is not None
    assert finish.refusal.reason == "LambdaRequestTooLarge"


@pytest.mark.parametrize("status", [502, 504])
def test_failures_of_a_target(status: int) -> None:
    step = chosen_target(start(listener(default=Forward(((WEB, 1),))), request(), FACTS))
    finish = step.next(TargetFailure("refused", timed_out=status == 504))
    assert finish.response.status == status
    assert finish.refusal is not None
    assert finish.refusal.detail == "refused"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(request(b"/" + b"x" * 16384), 414, id="request line of 16 K"),
        pytest.param(request(X_Big="x" * 16384), 400, id="header line of 16 K"),
        pytest.param(
            request(**{f"x{i}": "x" * 9000 for i in range(8)}), 400, id="headers above 64 K"
        ),
        pytest.param(request(method="TRACE"), 405, id="TRACE"),
        pytest.param(request(Transfer_Encoding="gzip"), 501, id="other transfer coding"),
        pytest.param(
            request(X_Forwarded_For=", ".join(["1.1.1.1"] * 31)), 463, id="31 forwarded addresses"
        ),
        pytest.param(request(b"/../x"), 400, id="path above the root"),
        pytest.param(request(Upgrade="websocket"), 400, id="WebSocket to a function"),
    ],
)
def test_what_the_load_balancer_refuses(sent: Request, status: int) -> None:
    finish = start(listener(), sent, FACTS)
    assert isinstance(finish, BalancerAnswer)
    assert finish.response.status == status


def test_target_group_without_targets_gives_503() -> None:
    empty = IpTargetGroup("web", "arn", ())
    step = start(listener(default=Forward(((empty, 1),))), request(), FACTS)
    assert isinstance(step, ChooseTarget)
    finish = step.next(Routable((), ""))
    assert isinstance(finish, BalancerAnswer)
    assert finish.response.status == 503


@pytest.mark.parametrize(
    ("port", "host", "expected"),
    [
        (80, b"example.com", b"example.com"),
        (80, b"example.com:80", b"example.com"),
        (443, b"example.com:1234", b"example.com"),
        (8080, b"example.com", b"example.com:8080"),
        (8080, b"example.com:8080", b"example.com:8080"),
        (8080, b"[::1]:9", b"[::1]:9"),
        (80, b"[::1]:9", b"[::1]"),
    ],
)
def test_host_for_targets(port: int, host: bytes, expected: bytes) -> None:
    assert forwarded_host(host, listener(port=port)) == expected


@pytest.mark.parametrize(
    ("incoming", "expected"),
    [
        (b"", b"Root=1-5dbafc0f-a4ac9c9046b152c44e90ca34"),
        (b"Root=1-a-b", b"Self=1-5dbafc0f-a4ac9c9046b152c44e90ca34;Root=1-a-b"),
        (
            b"Self=1-x-y;Root=1-a-b;CalledFrom=app",
            b"Self=1-5dbafc0f-a4ac9c9046b152c44e90ca34;Root=1-a-b;CalledFrom=app",
        ),
        (b"Self=1-x-y", b"Root=1-5dbafc0f-a4ac9c9046b152c44e90ca34"),
        (b"CalledFrom=app", b"Root=1-5dbafc0f-a4ac9c9046b152c44e90ca34;CalledFrom=app"),
    ],
)
def test_trace_id(incoming: bytes, expected: bytes) -> None:
    assert trace_id(incoming, FACTS) == expected


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [([], b"1.2.3.4"), (["a"], b"a, 1.2.3.4"), (["a, b"], b"a, b, 1.2.3.4")],
)
def test_forwarded_for_is_appended(earlier: list[str], expected: bytes) -> None:
    sent = request(**({"x_forwarded_for": earlier[0]} if earlier else {}))
    step = start(listener(), sent, FACTS)
    assert isinstance(step, ReadBody)
    assert step.request.headers.get_all(b"x-forwarded-for") == [expected]


def test_absolute_form_beats_the_host_header_and_http10_may_lack_it() -> None:
    step = start(listener(), request(b"http://dns.name/x"), FACTS)
    assert isinstance(step, ReadBody)
    assert step.request.headers.get(b"host") == b"dns.name"
    bare = replace(request(), headers=Headers(), http_version="1.0")
    step = start(listener(), bare, FACTS)
    assert isinstance(step, ReadBody)
    assert step.request.headers.get(b"host") == BALANCER.dns_name.encode()


def test_host_is_lowered_for_ip_targets_and_kept_for_functions() -> None:
    lines = Headers([(b"Host", b"Example.COM")])
    step = start(listener(), replace(request(), headers=lines), FACTS)
    assert isinstance(step, ReadBody)
    assert step.request.headers.get(b"host") == b"Example.COM"
    step = start(listener(default=Forward(((WEB, 1),))), replace(request(), headers=lines), FACTS)
    step = chosen_target(step)
    assert step.request.headers.get(b"host") == b"example.com"


def test_split_cookies_of_http2_are_joined() -> None:
    lines = Headers([(b"host", b"h"), (b"cookie", b"a=1"), (b"cookie", b"b=2")])
    step = start(listener(), replace(request(), headers=lines, http_version="2"), FACTS)
    assert isinstance(step, ReadBody)
    assert step.request.headers.get_all(b"cookie") == [b"a=1; b=2"]


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5), st.floats(0, 1, exclude_max=True))
def test_weights_choose_only_groups_that_have_some(weights: list[int], draw: float) -> None:
    groups = tuple((replace(WEB, name=str(at)), weight) for at, weight in enumerate(weights))
    chosen = choose_target_group(Forward(groups), draw=draw)
    if len(weights) == 1:
        assert chosen is groups[0][0]
    elif sum(weights) == 0:
        assert chosen is None
    else:
        assert chosen is not None
        assert weights[int(chosen.name)] > 0
