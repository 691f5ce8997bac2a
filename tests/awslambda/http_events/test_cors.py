"""CORS of function URLs and HTTP APIs."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.awslambda.http_events.model import CorsRules
from edgegw.awslambda.http_events.steps import HttpAnswer, ReadHttpBody
from tests.awslambda.http_events.fronts import answer, http_api, lines, request, started, url

NAMES = (
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
    "access-control-max-age",
    "vary",
)
EVERYTHING = CorsRules(("https://a.example",), ("GET", "PUT"), ("x-a", "x-b"), ("x-c",), True, 60)
PREFLIGHT = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}


def preflight(
    rules: CorsRules, origin: str = "https://a.example", *, api: bool = False
) -> HttpAnswer:
    front: Any = http_api(cors=rules) if api else url(cors=rules)
    step = started(front, request("/", "OPTIONS", {**PREFLIGHT, "Origin": origin}))
    assert isinstance(step, HttpAnswer)
    assert step.verdict == "preflight"
    return step


@pytest.mark.parametrize(("api", "status"), [(False, 200), (True, 204)])
def test_a_preflight_is_answered_without_the_function(*, api: bool, status: int) -> None:
    response = preflight(EVERYTHING, api=api).response
    assert response.status == status
    assert lines(response, *NAMES) == [
        ("Access-Control-Allow-Origin", "https://a.example"),
        ("Vary", "Origin"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "GET,PUT"),
        ("Access-Control-Allow-Headers", "x-a,x-b"),
        ("Access-Control-Max-Age", "60"),
    ]


ORIGINS = [
    # allowed, the request's, what is answered
    (("*",), "https://x.example", "*"),
    (("https://a.example", "https://b.example"), "https://b.example", "https://b.example"),
    (("https://a.example",), "HTTPS://A.example", "HTTPS://A.example"),
    (("https://*",), "https://x.example", "https://x.example"),
    (("https://*",), "http://x.example", None),
    (("https://a.example",), "https://x.example", None),
    (("https://a.example",), "https://a.example.evil", None),
    ((), "https://a.example", None),
]


@pytest.mark.parametrize(("allowed", "origin", "answered"), ORIGINS)
@pytest.mark.parametrize("api", [False, True])
def test_origins(allowed: tuple[str, ...], origin: str, answered: str | None, *, api: bool) -> None:
    response = preflight(CorsRules(allowed, ("GET",)), origin, api=api).response
    given = lines(response, "access-control-allow-origin")
    assert given == ([] if answered is None else [("Access-Control-Allow-Origin", answered)])
    if answered is None:
        assert lines(response, *NAMES) == []


def test_with_credentials_a_wildcard_becomes_the_origin() -> None:
    response = preflight(CorsRules(("*",), allow_credentials=True)).response
    assert ("Access-Control-Allow-Origin", "https://a.example") in lines(response)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://a.example"}, {"Access-Control-Request-Method": "PUT"}],
)
def test_other_options_requests_reach_the_function(headers: dict[str, str]) -> None:
    step = started(url(cors=EVERYTHING), request("/", "OPTIONS", headers))
    assert isinstance(step, ReadHttpBody)
    assert isinstance(started(url(), request("/", "OPTIONS", PREFLIGHT)), ReadHttpBody)


RESULT = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "X-A": "1"}}
ASKED = request("/", headers={"Origin": "https://a.example"})


def test_a_function_url_adds_its_headers_beside_those_of_the_function() -> None:
    response = answer(url(cors=CorsRules(("*",), expose_headers=("x-a",))), RESULT, ASKED).response
    assert lines(response, *NAMES, "x-a") == [
        ("Access-Control-Allow-Origin", "*"),
        ("X-A", "1"),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "x-a"),
    ]


def test_an_http_api_puts_them_in_their_place() -> None:
    response = answer(http_api(cors=EVERYTHING), RESULT, ASKED).response
    assert lines(response, *NAMES, "x-a") == [
        ("X-A", "1"),
        ("Access-Control-Allow-Origin", "https://a.example"),
        ("Vary", "Origin"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "x-c"),
    ]


@pytest.mark.parametrize("front", [url(), http_api()], ids=["url", "api"])
def test_without_a_configuration_the_functions_headers_are_all(front: Any) -> None:
    response = answer(front, RESULT, ASKED).response
    assert lines(response, *NAMES) == [("Access-Control-Allow-Origin", "*")]


def test_pages_of_the_front_door_are_decorated_too() -> None:
    step = started(http_api(cors=EVERYTHING, routes=()), ASKED)
    assert isinstance(step, HttpAnswer)
    assert ("Access-Control-Allow-Origin", "https://a.example") in lines(step.response)


def test_a_preflight_needs_no_signature() -> None:
    assert isinstance(
        started(url(cors=EVERYTHING, auth_type="AWS_IAM"), request("/", "OPTIONS", PREFLIGHT)),
        HttpAnswer,
    )
    front = url(cors=EVERYTHING, auth_type="AWS_IAM")
    step = started(front, request("/", "OPTIONS", PREFLIGHT))
    assert isinstance(step, HttpAnswer)
    assert step.verdict == "preflight"
