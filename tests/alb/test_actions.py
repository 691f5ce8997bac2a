"""Redirects, fixed responses, transforms, and what listener attributes do to answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgegw.alb.flow import BalancerAnswer, ChooseTarget, ReadBody, start
from edgegw.alb.model import FixedResponse, Forward, Redirect, ResponseHeaders, Rule
from edgegw.alb.rules import compile_rewrite, redirect_fault
from tests.alb.balancers import FACTS, FN, WEB, listener, request, rule
from tests.alb.signing_in import ACTION

HTTPS = Redirect(301, protocol="HTTPS", port="443")
FIXED = FixedResponse(200)


def finish(step) -> BalancerAnswer:
    assert isinstance(step, BalancerAnswer)
    return step


@pytest.mark.parametrize(
    ("redirect", "sent", "port", "expected"),
    [
        pytest.param(HTTPS, {}, 80, b"https://example.com:443/a?b=1", id="port is always written"),
        pytest.param(
            HTTPS, {"target": b"/a"}, 80, b"https://example.com:443/a", id="no ? without a query"
        ),
        pytest.param(
            HTTPS,
            {"host": "example.com:8080"},
            8080,
            b"https://example.com:443/a?b=1",
            id="#{host} has no port",
        ),
        pytest.param(
            Redirect(302, host="new.#{host}"),
            {},
            8080,
            b"http://new.example.com:8080/a?b=1",
            id="#{port} and #{protocol} of the listener",
        ),
        pytest.param(
            Redirect(302, path="/new/#{path}"),
            {"target": b"/x/y%20z"},
            80,
            b"http://example.com:80/new/x/y%20z",
            id="#{path} without its slash, encoding kept",
        ),
        pytest.param(
            Redirect(302, path="/#{host}/#{port}/#{path}", query="q=#{query}&p=#{protocol}"),
            {},
            80,
            b"http://example.com:80/example.com/80/a?q=b=1&p=http",
            id="keywords in path and query",
        ),
        pytest.param(
            Redirect(302, path="/x", query=""),
            {},
            80,
            b"http://example.com:80/x",
            id="query removed",
        ),
        pytest.param(
            Redirect(301, host="[::1]"),
            {"host": "[::2]:80"},
            80,
            b"http://[::1]:80/a?b=1",
            id="IPv6",
        ),
    ],
)
def test_redirect_location(redirect: Redirect, sent: dict, port: int, expected: bytes) -> None:
    step = finish(start(listener(default=redirect, port=port), request(**sent), FACTS))
    assert step.response.status == redirect.status
    assert step.response.headers.raw[-1] == (b"Location", expected)
    assert step.chosen.action == "redirect"


def test_redirect_has_the_page_of_its_status() -> None:
    step = finish(start(listener(default=HTTPS), request(), FACTS))
    assert [name for name, _ in step.response.headers] == [
        b"Server",
        b"Date",
        b"Content-Type",
        b"Content-Length",
        b"Connection",
        b"Location",
    ]
    assert step.response.body.length == 134
    assert step.response.reason == b"Moved Permanently"


@pytest.mark.parametrize(("size", "status"), [(8192, 301), (8193, 507)])
def test_location_above_8_k_gives_507(size: int, status: int) -> None:
    """ELB User Guide for ALB, "CloudWatch metrics", HTTP_Redirect_Url_Limit_Exceeded_Count."""
    path = b"/" + b"x" * (size - len("https://example.com:443/"))
    step = finish(start(listener(default=HTTPS), request(path), FACTS))
    assert step.response.status == status
    assert (step.refusal is not None) == (status == 507)


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("protocol", {"protocol"}),
        ("host", {"host"}),
        ("port", {"port"}),
        ("path", {"host", "path", "port"}),
        ("query", {"protocol", "host", "port", "path", "query"}),
    ],
)
def test_keywords_have_their_fields(field: str, allowed: set[str]) -> None:
    """ELB User Guide for ALB, "Redirect actions": the reserved keywords of each component."""
    keywords = ("protocol", "host", "port", "path", "query", "nonsense")
    assert {word for word in keywords if not redirect_fault(field, f"#{{{word}}}")} == allowed


def test_fixed_response_on_the_wire() -> None:
    step = finish(start(listener(default=FixedResponse(404, "text/html", "<p>")), request(), FACTS))
    assert step.response.headers.raw == (
        (b"Server", b"awselb/2.0"),
        (b"Date", FACTS.date),
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Length", b"3"),
        (b"Connection", b"keep-alive"),
    )
    assert (step.chosen.action, step.refusal) == ("fixed-response", None)


# Transforms


def transformed(step) -> tuple[bytes, bytes | None]:
    assert isinstance(step, (ChooseTarget, ReadBody))
    return step.request.target.raw, step.request.headers.get(b"host")


URL = compile_rewrite(r"^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1")
HOST = compile_rewrite(r"^(\w+)\.example\.com$", "$1.internal")


@pytest.mark.parametrize("group", [FN, WEB], ids=["lambda", "ip"])
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({"target": b"/dp/B0"}, (b"/product.php?id=B0", b"example.com"), id="url"),
        pytest.param(
            {"target": b"/x", "host": "a.example.com"}, (b"/x", b"a.internal"), id="host only"
        ),
        pytest.param(
            {"target": b"/dp/B0?x"}, (b"/dp/B0?x", b"example.com"), id="sees the query too"
        ),
    ],
)
def test_transforms_change_what_the_target_sees(group, sent: dict, expected) -> None:
    found = rule(1, action=Forward(((group, 1),)), url_rewrite=URL, host_rewrite=HOST)
    step = start(listener(found), request(**sent), FACTS)
    assert transformed(step) == expected
    assert step.chosen.rule is found


def test_no_second_rule_is_looked_for_behind_a_transform() -> None:
    first = rule(1, action=Forward(((WEB, 1),)), url_rewrite=compile_rewrite("^/a", "/b"))
    second = rule(2, action=FixedResponse(200))
    step = start(listener(first, second), request(b"/a"), FACTS)
    assert transformed(step)[0] == b"/b"


def test_a_rewritten_host_beats_preserve_host_header() -> None:
    found = rule(1, action=Forward(((WEB, 1),)), host_rewrite=HOST)
    door = listener(found, attributes={"preserve_host_header": True}, port=8080)
    assert transformed(start(door, request(host="a.example.com"), FACTS))[1] == b"a.internal"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"url_rewrite": compile_rewrite("^/a", "a")}, "TransformInvalidPath"),
        ({"url_rewrite": compile_rewrite("^/a", "/a b")}, "TransformInvalidPath"),
        ({"host_rewrite": compile_rewrite(".*", "a b")}, "TransformInvalidHost"),
    ],
)
def test_a_transform_whose_result_cannot_be_used_gives_500(more: dict, status: str) -> None:
    found = rule(1, action=Forward(((WEB, 1),)), **more)
    step = finish(start(listener(found), request(), FACTS))
    assert step.response.status == 500
    assert step.chosen.transformed is not None
    assert step.chosen.transformed.status == status


# Response attributes


def test_listener_attributes_set_and_replace_response_headers() -> None:
    policy = ResponseHeaders(((b"X-Frame-Options", b"DENY"), (b"Content-Type", b"x/y")), False)
    door = replace(listener(default=FixedResponse(200)), response_headers=policy)
    headers = finish(start(door, request(), FACTS)).response.headers
    assert headers.get_all(b"x-frame-options") == [b"DENY"]
    assert headers.get_all(b"content-type") == [b"x/y"]
    assert headers.get(b"server") is None
    page = finish(start(door, request(method="TRACE"), FACTS)).response
    assert page.status == 405
    assert page.headers.get(b"x-frame-options") == b"DENY"
    assert page.headers.get(b"server") is None


# The order of actions


def test_the_last_action_answers_and_a_guard_comes_first() -> None:
    alone, guarded = Rule(1, (), (FIXED,)), Rule(1, (), (ACTION, FIXED))
    assert (alone.guard, alone.action) == (None, FIXED)
    assert (guarded.guard, guarded.action) == (ACTION, FIXED)


def test_a_guard_stays_where_the_answer_changes() -> None:
    other = FixedResponse(201)
    assert Rule(1, (), (ACTION, FIXED)).answering_with(other) == Rule(1, (), (ACTION, other))


def test_a_guard_alone_is_no_rule() -> None:
    with pytest.raises(AssertionError):
        Rule(1, (), (ACTION,))
