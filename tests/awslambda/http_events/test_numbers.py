"""Every number and list that AWS's pages give for function URLs and HTTP APIs, at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from edgegw.awslambda.http_events import cors, event, pages, prelude, result, signature, url_config
from edgegw.awslambda.http_events.model import (
    INTEGRATION_TIMEOUT,
    ApiRoute,
    FunctionUrl,
    api_domain,
    url_domain,
)
from edgegw.awslambda.http_events.routes import ROUTE_METHODS
from edgegw.awslambda.http_events.steps import HttpAnswer
from edgegw.awslambda.lifecycle import MAX_PAYLOAD, MAX_STREAMED
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.service_errors import ServiceError
from edgegw.config.http_fronts import keys as http_front_keys
from tests.awslambda.http_events.fronts import answer, http_api, request, route, started, url
from tests.awslambda.http_events.fronts import event as event_of

URL = FunctionUrl(function=FunctionRef("app"), domain="d")


def test_the_numbers() -> None:
    assert INTEGRATION_TIMEOUT == 30
    assert ApiRoute(key="$default", function=FunctionRef("app")).timeout == 30
    assert pages.MAX_HEAD == 10_240
    assert prelude.MARK == b"\0" * 8
    assert prelude.MAX_PRELUDE == 16 * 1024
    assert (MAX_PAYLOAD, MAX_STREAMED) == (6 * 2**20, 200 * 2**20)
    assert (signature.SKEW, signature.MAX_EXPIRES) == (300, 7 * 24 * 3600)
    assert url_config.MAX_AGE == http_front_keys.MAX_AGE == 86_400
    assert http_front_keys.MAX_METHODS == 6
    assert http_front_keys.MAX_LISTED == 100


def test_the_lists() -> None:
    assert (
        *("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"),
        "ANY",
    ) == ROUTE_METHODS
    texts = {"application/json", "application/javascript", "application/xml"}
    assert (texts, ("+json", "+xml")) == (event.TEXT_TYPES, event.TEXT_SUFFIXES)
    assert {
        b"access-control-allow-origin",
        b"access-control-allow-credentials",
        b"access-control-allow-headers",
        b"access-control-allow-methods",
        b"access-control-expose-headers",
        b"access-control-max-age",
    } == cors.ACCESS_CONTROL


def test_names_of_front_doors() -> None:
    """Lambda Developer Guide, "Creating and managing Lambda function URLs"."""
    plain = url_domain(FunctionRef("app"), "eu-west-1", "123456789012")
    identity, _, rest = plain.partition(".")
    assert (len(identity), identity.isalnum(), rest) == (32, True, "lambda-url.eu-west-1.on.aws")
    alias = url_domain(FunctionRef("app", qualifier="live"), "eu-west-1", "123456789012")
    assert alias != plain
    api, _, rest = api_domain("api", "eu-west-1", "123456789012").partition(".")
    assert (len(api), rest) == (10, "execute-api.eu-west-1.amazonaws.com")


@pytest.mark.parametrize("status", [200, 599])
def test_the_first_and_the_last_status_pass(status: int) -> None:
    assert result.STATUS_RANGE == (200, 599)
    assert answer(url(), {"statusCode": status}).response.status == status


@pytest.mark.parametrize(
    ("name", "most"),
    [("AllowOrigins", 100), ("AllowMethods", 6), ("AllowHeaders", 100), ("ExposeHeaders", 100)],
)
def test_lists_of_a_cors_configuration_have_an_end(name: str, most: int) -> None:
    """Lambda API Reference, "Cors"."""
    assert url_config.updated_url(URL, {"Cors": {name: ["x"] * most}}).cors is not None
    with pytest.raises(ServiceError, match=f"less than or equal to {most}"):
        url_config.updated_url(URL, {"Cors": {name: ["x"] * (most + 1)}})


@pytest.mark.parametrize(
    ("age", "says"),
    [(0, None), (86_400, None), (-1, "greater than or equal to 0"), (86_401, "equal to 86400")],
)
def test_the_age_of_a_preflight_has_ends(age: int, says: str | None) -> None:
    if says is None:
        made = url_config.updated_url(URL, {"Cors": {"MaxAge": age}})
        assert made.cors is not None
        assert made.cors.max_age == age
        return
    with pytest.raises(ServiceError, match=says):
        url_config.updated_url(URL, {"Cors": {"MaxAge": age}})


@pytest.mark.parametrize(
    ("fault", "at_url", "at_api"),
    [
        ("BadRequest", 400, 400),
        ("Forbidden", 403, 500),
        ("UnknownHost", 403, 403),
        ("NoRoute", 404, 404),
        ("TooLarge", 413, 413),
        ("HeadersTooLarge", 413, 431),
        ("Throttled", 429, 503),
        ("FunctionError", 502, 500),
        ("InvalidResponse", 502, 500),
        ("Timeout", 504, 503),
        ("Fault", 500, 500),
    ],
)
def test_the_status_of_every_page(fault: Any, at_url: int, at_api: int) -> None:
    assert pages.front_door_page(url(), fault).status == at_url
    assert pages.front_door_page(http_api(), fault).status == at_api


def test_what_names_an_error_at_a_function_url() -> None:
    """Recorded: `x-amzn-ErrorType` beside every page of its own but the 502."""

    def kinds(faults: Sequence[Any]) -> list[dict[str, str]]:
        lines = [pages.front_door_page(url(), fault).lines for fault in faults]
        return [{name.decode(): text.decode() for name, text in line} for line in lines]

    assert kinds(["Forbidden", "UnknownHost", "Throttled", "FunctionError"]) == [
        {"x-amzn-ErrorType": "AccessDeniedException"},
        {"x-amzn-ErrorType": "AccessDeniedException"},
        {"x-amzn-ErrorType": "TooManyRequestsException"},
        {},
    ]


def test_a_stage_stands_in_the_path_of_payload_2_and_not_in_that_of_payload_1() -> None:
    """API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs"."""
    staged = {"stages": {"dev": {"color": "blue"}}}
    newer = event_of(http_api(route("GET /a"), **staged), request("/dev/a"))
    assert newer["rawPath"] == newer["requestContext"]["http"]["path"] == "/dev/a"
    assert (newer["requestContext"]["stage"], newer["stageVariables"]) == ("dev", {"color": "blue"})
    older = event_of(http_api(route("GET /a", payload="1.0"), **staged), request("/dev/a"))
    assert (older["path"], older["resource"]) == ("/a", "/a")
    assert older["requestContext"]["path"] == "/dev/a"
    assert older["stageVariables"] == {"color": "blue"}


def test_a_preflight_needs_both_of_its_headers() -> None:
    both = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}
    front = url(cors=cors.CorsRules(("*",)))
    assert isinstance(started(front, request("/", "OPTIONS", both)), HttpAnswer)
    for left_out in both:
        headers = {name: text for name, text in both.items() if name != left_out}
        assert not isinstance(started(front, request("/", "OPTIONS", headers)), HttpAnswer)


@pytest.mark.parametrize(
    "name",
    [
        *("X-Amzn-Trace-Id", "X-Forwarded-Port", "X-Forwarded-Proto"),
        *("X-Amzn-Tls-Version", "X-Amzn-Tls-Cipher-Suite", "Expect"),
        *("Connection", "Keep-Alive", "Proxy-Authorization", "TE", "Trailer", "Upgrade"),
    ],
)
def test_what_a_client_says_of_the_connection_does_not_reach_the_function(name: str) -> None:
    """Lambda Developer Guide, "Invoking Lambda function URLs", request payload format."""
    for front in (url(), http_api()):
        headers = event_of(front, request("/", headers={name: "spoofed"}))["headers"]
        assert "spoofed" not in headers.values()


def test_names_of_parameters_and_plus_signs() -> None:
    asked = event_of(url(), request("/?a+b=c+d&=nameless&e"))
    assert asked["queryStringParameters"] == {"a b": "c d", "e": ""}
    assert asked["rawQueryString"] == "a+b=c+d&=nameless&e"


def test_cookie_lines_are_joined_as_cookies_are() -> None:
    headers = [("Cookie", "a=1"), ("Cookie", "b=2"), ("X", "1"), ("X", "2")]
    asked = event_of(url(), request("/", headers=headers))
    assert (asked["headers"]["cookie"], asked["headers"]["x"]) == ("a=1; b=2", "1,2")
    assert asked["cookies"] == ["a=1", "b=2"]


def test_the_hops_before_stand_in_front() -> None:
    asked = event_of(url(), request("/", headers={"X-Forwarded-For": "192.0.2.1"}))
    assert asked["headers"]["x-forwarded-for"] == "192.0.2.1, 203.0.113.10"


def test_of_repeats_payload_1_has_the_last_in_the_single_maps() -> None:
    headers = [("X", "1"), ("X", "2")]
    asked = event_of(http_api(route("GET /", payload="1.0")), request("/?a=1&a=2", "GET", headers))
    assert (asked["headers"]["x"], asked["queryStringParameters"]) == ("2", {"a": "2"})
    assert asked["multiValueHeaders"]["x"] == ["1", "2"]
    assert asked["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert asked["stageVariables"] is asked["pathParameters"] is asked["body"] is None
    nobody = {name for name, text in asked["requestContext"]["identity"].items() if text is None}
    assert nobody == {
        *("accessKey", "accountId", "caller", "cognitoAmr", "cognitoAuthenticationProvider"),
        *("cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId"),
        *("principalOrgId", "user", "userArn"),
    }


@pytest.mark.parametrize("name", ["Date", "WWW-Authenticate", "x-amzn-RequestId", "Connection"])
def test_headers_that_a_url_remaps(name: str) -> None:
    """Lambda Developer Guide, "Invoking Lambda function URLs" (from memory)."""
    response = answer(url(), {"statusCode": 200, "headers": {name: "own"}}).response
    lines = [(key.decode().lower(), text) for key, text in response.headers if text == b"own"]
    assert lines == [(f"x-amzn-remapped-{name.lower()}", b"own")]


def test_a_function_does_not_say_the_length_of_its_answer() -> None:
    given = {"statusCode": 200, "headers": {"Content-Length": "9"}, "body": "no"}
    for front in (url(), http_api()):
        assert answer(front, given).response.headers.get_all(b"content-length") == [b"2"]


def test_payloads_differ_in_where_more_headers_stand() -> None:
    given = {
        "statusCode": 200,
        "headers": {"A": "1"},
        "multiValueHeaders": {"A": ["1", "2"]},
        "cookies": ["c=1"],
    }
    newer = answer(http_api(), given).response.headers
    older = answer(http_api(route("$default", payload="1.0")), given).response.headers
    assert (newer.get_all(b"a"), newer.get_all(b"set-cookie")) == ([b"1"], [b"c=1"])
    assert (older.get_all(b"a"), older.get_all(b"set-cookie")) == ([b"1", b"2"], [])
