"""Every rule of the guide, row by row: what breaks it is named, what keeps it passes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from edgegw.awslambda.model import FunctionRef, Report, Returned
from edgegw.cloudfront import rule_table
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import ALL_METHODS, compile_path_pattern
from edgegw.cloudfront.edge_rule import EdgeRule, Violation
from edgegw.cloudfront.error_causes import FailedOutcome
from edgegw.cloudfront.flow import (
    DistributionStep,
    Fetch,
    FunctionStep,
    IncludeBody,
    OriginRequest,
    OriginResponse,
    ViewerRequest,
    ViewerResponse,
    start,
)
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.model import Association, Behavior, CustomOrigin, Distribution
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.rule_table import OUTCOME_RULES, RESULT_RULES
from edgegw.cloudfront.strictness import OPEN_POINTS, Strictness
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget
from tests.functions.edge_rows import ROWS, Row

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
ORIGIN = CustomOrigin("origin.test", 8443, "https", "/base", ((b"X-From", b"edge"),))
REQUEST = Request(
    "POST",
    RequestTarget(b"/a", b"b=1"),
    Headers(
        [
            (b"Host", b"www.test"),
            (b"Content-Length", b"2"),
            (b"X-Row", b"1"),
            (b"Via", b"1.0 proxy"),
            (b"CDN-Loop", b"other"),
            (b"Accept-Encoding", b"gzip"),
            (b"If-Modified-Since", b"Sat, 21 Nov 2026 00:00:00 GMT"),
            (b"If-None-Match", b'"1"'),
            (b"If-Range", b'"1"'),
            (b"If-Unmodified-Since", b"Sat, 21 Nov 2026 00:00:00 GMT"),
        ]
    ),
    Body.of(b"hi"),
)
REPLY = Response(
    200,
    b"OK",
    Headers(
        [
            (b"Content-Type", b"text/plain"),
            (b"Content-Length", b"2"),
            (b"Content-Encoding", b"gzip"),
            (b"Warning", b"110 - stale"),
            (b"Via", b"1.0 x"),
            (b"X-Row", b"1"),
        ]
    ),
    Body.of(b"hi"),
)


def distribution(trigger: Trigger, strictness: Strictness) -> Distribution:
    policy = find_policy(CACHE_POLICIES, "CachingDisabled")
    more = find_policy(ORIGIN_REQUEST_POLICIES, "AllViewer")
    assert policy is not None
    association = Association(FunctionRef("f", at_edge=True), trigger.endswith("request"))
    behavior = Behavior(
        "*",
        compile_path_pattern("*"),
        ORIGIN,
        compile_forwarding(policy, more),
        allowed_methods=ALL_METHODS,
        associations={trigger: association},
    )
    return Distribution("site", "EID", "d1.cloudfront.net", (), (), behavior, strictness=strictness)


def step_at(trigger: Trigger, strictness: Strictness, request: Request = REQUEST) -> FunctionStep:
    step: DistributionStep = start(distribution(trigger, strictness), request, FACTS)
    if isinstance(step, IncludeBody):
        step = step.next(b"hi", truncated=False, body=Body.of(b"hi"))
    if isinstance(step, Fetch):
        step = step.next(REPLY)
    assert isinstance(step, (ViewerRequest, OriginRequest, OriginResponse, ViewerResponse))
    return step


def part_of(step: FunctionStep) -> Any:
    cf = json.loads(step.invocation.payload)["Records"][0]["cf"]
    return cf["response"] if "response" in cf else cf["request"]


def judged(row: Row, strictness: Strictness) -> tuple[DistributionAnswer | None, list[Violation]]:
    """Where the request went (None: on), and all that was said of the result."""
    step = step_at(row.trigger, strictness)  # type: ignore[arg-type]
    after = step.next(Returned(json.dumps(row.make(part_of(step))).encode(), Report()))
    if isinstance(after, DistributionAnswer) and isinstance(after.cause, FailedOutcome):
        return after, list(after.cause.violations)
    return None, [with_warnings.violation for with_warnings in after.context.warnings]


def rule_id(row: Row) -> str:
    code = row.code.removeprefix("lambda-edge.") or "accepted"
    return f"{code}-{row.trigger}-{row.name}"


BY_CODE = {rule.code: rule for rule in (*RESULT_RULES, *OUTCOME_RULES)}


@pytest.mark.parametrize("row", ROWS, ids=rule_id)
def test_row_of_the_rule_tables(row: Row) -> None:
    finish, violations = judged(row, Strictness())
    found = [(violation.code, violation.path, violation.is_refused) for violation in violations]
    if row.code == "":
        assert (finish, violations) == (None, [])
        return
    code = row.code if "." in row.code else f"lambda-edge.{row.code.rstrip('?')}"
    if row.code.endswith("?"):
        assert finish is None
        assert (code, row.path, False) in found
        return
    assert finish is not None
    assert (code, row.path, True) in found
    assert finish.response.status == 502
    assert finish.response.headers.get(b"x-cache") == b"LambdaValidationError from cloudfront"
    assert isinstance(finish.cause, FailedOutcome)
    assert finish.cause.rule.page.encode() in (finish.response.body.content or b"")
    refused = [violation for violation in violations if violation.is_refused]
    for violation in refused:
        assert violation.expected, "says what would be right"
        assert violation.rule.source.startswith("https://docs.aws.amazon.com/")
        assert str(violation) in finish.cause.detail


@pytest.mark.parametrize("row", ROWS, ids=rule_id)
def test_lenient_gateway_lets_through_what_can_be_let_through(row: Row) -> None:
    strict, _ = judged(row, Strictness())
    finish, violations = judged(row, Strictness(strict=False))
    stays = [
        violation
        for violation in violations
        if violation.rule.lenient == "refused" and violation.rule.page
    ]
    if finish is not None:
        assert strict is not None
        assert stays
    else:
        assert not any(violation.is_refused for violation in violations)
        if strict is not None:
            assert violations, "a warning says what AWS would refuse"


def test_every_rule_has_a_row() -> None:
    covered = {
        row.code if "." in row.code else f"lambda-edge.{row.code.rstrip('?')}"
        for row in ROWS
        if row.code
    }
    # Judged elsewhere: no JSON, a truncated body, Lambda's own limit.
    elsewhere = {"lambda-edge.result-not-json", "lambda-edge.result-too-large"}
    elsewhere.add("lambda-edge.truncated-body")
    assert {rule.code for rule in RESULT_RULES} - elsewhere == covered


def test_table_holds_every_rule_once() -> None:
    rules = [value for value in vars(rule_table).values() if isinstance(value, EdgeRule)]
    listed = [*RESULT_RULES, *OUTCOME_RULES, *rule_table.DEPLOYMENT_RULES]
    assert sorted(each.code for each in rules) == sorted(each.code for each in listed)
    assert len({each.code for each in rules}) == len(rules)


def test_open_points_of_rules_are_points_of_the_stance() -> None:
    assert {rule.point for rule in RESULT_RULES if rule.point} <= set(OPEN_POINTS)


def rule_of(row: Row) -> EdgeRule | None:
    code = row.code if "." in row.code else f"lambda-edge.{row.code.rstrip('?')}"
    return BY_CODE.get(code)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.code.endswith("?") and (rule := rule_of(row)) and rule.point],
    ids=rule_id,
)
def test_open_point_decided_the_other_way(row: Row) -> None:
    rule = BY_CODE[f"lambda-edge.{row.code.rstrip('?')}"]
    finish, violations = judged(row, replace(Strictness(), **{rule.point: "refuse"}))
    assert finish is not None
    assert rule.code in [violation.code for violation in violations if violation.is_refused]


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.code in BY_CODE and BY_CODE[row.code].point],
    ids=rule_id,
)
def test_open_point_decided_leniently_ignores_with_a_warning(row: Row) -> None:
    rule = BY_CODE[row.code]
    finish, violations = judged(row, replace(Strictness(), **{rule.point: "ignore"}))
    assert finish is None
    assert [(violation.code, violation.is_refused) for violation in violations] == [
        (rule.code, False)
    ]


def test_result_that_is_no_json() -> None:
    step = step_at("viewer-request", Strictness(strict=False))
    finish = step.next(Returned(b"{", Report()))
    assert isinstance(finish, DistributionAnswer)
    assert isinstance(finish.cause, FailedOutcome)
    assert finish.cause.rule is rule_table.NOT_JSON


def test_replacing_a_truncated_body_is_warned_of() -> None:
    step: DistributionStep = start(distribution("viewer-request", Strictness()), REQUEST, FACTS)
    assert isinstance(step, IncludeBody)
    step = step.next(b"h", truncated=True, body=Body.of(b"hi"))
    assert isinstance(step, ViewerRequest)
    part = part_of(step)
    part["body"]["action"] = "replace"
    after = step.next(Returned(json.dumps(part).encode(), Report()))
    assert isinstance(after, Fetch)
    assert [with_warnings.violation.code for with_warnings in after.context.warnings] == [
        "lambda-edge.truncated-body"
    ]
    assert after.request.body.content == b"h"


def test_every_breach_of_a_result_is_named() -> None:
    row = Row(
        "many",
        "viewer-request",
        "",
        "",
        lambda part: {
            **part,
            "uri": "a",
            "method": "PUT",
            "headers": {**part["headers"], "host": [], "x-cache": [{"value": "1"}], "x": "1"},
        },
    )
    finish, violations = judged(row, Strictness())
    assert finish is not None
    assert [
        (violation.code, violation.path) for violation in violations if violation.is_refused
    ] == [
        ("lambda-edge.disallowed-header", "headers.x-cache"),
        ("lambda-edge.header-array", "headers.x"),
        ("lambda-edge.read-only-header", "headers.host"),
        ("lambda-edge.uri", "uri"),
        ("lambda-edge.method", "method"),
    ]


LENIENT: list[tuple[Trigger, str, Any, str, Any]] = [
    ("viewer-request", "method", "PUT", "method", "POST"),
    ("viewer-request", "headers.host", [], "host", b"www.test"),
    ("viewer-request", "headers.x-cache", [{"value": "1"}], "x-cache", b"1"),
    ("viewer-request", "headers.connection", [{"value": "upgrade"}], "connection", None),
]


@pytest.mark.parametrize(("trigger", "path", "value", "seen", "expected"), LENIENT)
def test_what_a_lenient_gateway_goes_on_with(
    trigger: Trigger, path: str, value: Any, seen: str, expected: Any
) -> None:
    step = step_at(trigger, Strictness(strict=False))
    part = part_of(step)
    *way, last = path.split(".")
    (part[way[0]] if way else part)[last] = value
    after = step.next(Returned(json.dumps(part).encode(), Report()))
    assert isinstance(after, Fetch)
    if seen == "method":
        assert after.request.method == expected
    else:
        assert after.context.viewer.headers.get(seen.encode()) == expected
