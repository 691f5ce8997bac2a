"""Which route of an HTTP API takes a request, and which stage it is of."""

from __future__ import annotations

import random

import pytest

from edgegw.awslambda.http_events.pages import MAX_HEAD
from edgegw.awslambda.http_events.routes import find_route, route_fault, same_requests, tried_routes
from edgegw.awslambda.http_events.steps import HttpAnswer
from tests.awslambda.http_events.fronts import answer, http_api, invoking, request, route, started

# AWS's own example of priorities, and what it leaves to be seen.
KEYS = [
    "GET /pets/dog/1",
    "GET /pets/dog/{id}",
    "ANY /pets/dog/{id}",
    "GET /pets/{proxy+}",
    "POST /pets/{kind}",
    "ANY /pets/{kind}",
    "ANY /{proxy+}",
    "GET /",
    "$default",
]
ROWS = [
    # method, path, route, variables
    ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
    ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
    ("PUT", "/pets/dog/2", "ANY /pets/dog/{id}", {"id": "2"}),
    ("POST", "/pets/dog/1", "ANY /pets/dog/{id}", {"id": "1"}),
    ("GET", "/pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
    ("GET", "/pets/cat", "ANY /pets/{kind}", {"kind": "cat"}),
    ("POST", "/pets/cat", "POST /pets/{kind}", {"kind": "cat"}),
    ("POST", "/test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
    ("GET", "/pets/cat/", "GET /pets/{proxy+}", {"proxy": "cat/"}),
    ("GET", "/pets/", "ANY /{proxy+}", {"proxy": "pets/"}),
    ("GET", "/", "GET /", {}),
    ("POST", "/", "$default", {}),
    ("GET", "/pets/d%6Fg/1", "GET /pets/dog/1", {}),
    ("GET", "/pets/dog/a%2Fb", "GET /pets/dog/{id}", {"id": "a/b"}),
    ("OPTIONS", "*", "$default", {}),
]


@pytest.mark.parametrize(("method", "path", "key", "variables"), ROWS)
@pytest.mark.parametrize("order", range(3))
def test_the_route_that_says_most_takes_the_request(
    method: str, path: str, key: str, variables: dict[str, str], order: int
) -> None:
    keys = random.Random(order).sample(KEYS, len(KEYS))
    match = find_route(http_api(*map(route, keys)), method, path.encode())
    assert match is not None
    assert (match.route.key, match.parameters) == (key, variables)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/items/1"), ("GET", "/items"), ("GET", "/items/1/"), ("HEAD", "/items/1")],
)
def test_without_a_route_it_is_awss_404(method: str, path: str) -> None:
    step = started(http_api(route("GET /items/{id}")), request(path, method))
    assert isinstance(step, HttpAnswer)
    assert (step.response.status, step.response.body.content) == (404, b'{"message":"Not Found"}')
    assert step.refusal is not None
    assert step.refusal.detail == f"no route takes {method} {path} (routes: 'GET /items/{{id}}')"


STAGES = [
    # stages, path, stage, path below
    (["$default"], "/dev/x", "$default", "dev/x"),
    (["dev"], "/dev/x", "dev", "x"),
    (["dev", "$default"], "/dev/x", "dev", "x"),
    (["dev", "$default"], "/prod/x", "$default", "prod/x"),
]


@pytest.mark.parametrize(("stages", "path", "stage", "below"), STAGES)
def test_the_first_segment_names_the_stage(
    stages: list[str], path: str, stage: str, below: str
) -> None:
    api = http_api(route("ANY /{p+}"), stages={name: {} for name in stages})
    match = find_route(api, "GET", path.encode())
    assert match is not None
    assert (match.stage, match.parameters["p"]) == (stage, below)


@pytest.mark.parametrize("path", ["/prod/x", "/", "/deviant"])
def test_a_path_of_no_stage_has_no_route(path: str) -> None:
    api = http_api(route("$default"), stages={"dev": {}})
    assert find_route(api, "GET", path.encode()) is None
    assert tried_routes(api, "GET", path.encode())[0].why == "the path names no stage"


FAULTS = [
    ("$default", None),
    ("GET /", None),
    ("ANY /{proxy+}", None),
    ("GET /a/{b}/{c+}", None),
    ("/a", "METHOD /PATH"),
    ("GET a", "METHOD /PATH"),
    ("get /a", "no method"),
    ("TRACE /a", "no method"),
    ("GET /a{b}", "whole segment"),
    ("GET /{b}c", "whole segment"),
    ("GET /{}", "whole segment"),
    ("GET /{a+}/b", "last segment"),
    ("GET /{a}/{a}", "once"),
]


@pytest.mark.parametrize(("key", "fault"), FAULTS)
def test_what_is_wrong_with_a_route_is_said(key: str, fault: str | None) -> None:
    said = route_fault(key)
    assert said is None if fault is None else fault in str(said)


def test_routes_that_differ_in_names_of_variables_are_the_same() -> None:
    assert same_requests("GET /a/{b}") == same_requests("GET /a/{c}")
    assert same_requests("GET /a/{b}") != same_requests("GET /a/{b+}")


def test_explain_shows_every_route_in_order() -> None:
    api = http_api(*map(route, KEYS))
    tried = tried_routes(api, "GET", b"/pets/dog/2")
    assert [trial.route.key for trial in tried] == [
        "GET /",
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "ANY /pets/dog/{id}",
        "POST /pets/{kind}",
        "ANY /pets/{kind}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "$default",
    ]
    assert tried[1].why == "the path /pets/dog/2 is another one"
    assert tried[2].parameters == {"id": "2"}
    assert (
        next(trial for trial in tried if trial.route.key == "POST /pets/{kind}").parameters is None
    )
    other = tried_routes(api, "PUT", b"/pets/dog/2")
    assert other[2].why == "the method is PUT"


def test_invocations_name_the_caller_and_its_arn() -> None:
    api = http_api(route("GET /items/{id}"), route("$default"))
    invocation = invoking(api, request("/items/1")).invocation
    assert invocation.principal == "apigateway.amazonaws.com"
    arn = "arn:aws:execute-api:us-east-1:123456789012:api1234567/$default"
    assert invocation.source_arn == f"{arn}/GET/items/{{id}}"
    assert invoking(api, request("/x", "POST")).invocation.source_arn == f"{arn}/*/*"


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
def test_request_line_and_headers_have_a_limit(more: int, status: int) -> None:
    asked = request("/", headers={"Host": "localhost", "X": ""})
    left = MAX_HEAD - asked.headers.size() - 1
    large = request("/", headers={"Host": "localhost", "X": "x" * (left + more)})
    if status == 431:
        step = started(http_api(), large)
        assert isinstance(step, HttpAnswer)
        assert step.response.status == 431
    else:
        assert answer(http_api(), {}, large).response.status == 200
