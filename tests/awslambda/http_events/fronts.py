"""Function URLs, HTTP APIs and requests that the tests of this folder begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgegw.awslambda.http_events.context import HttpFacts
from edgegw.awslambda.http_events.flow import start_api, start_url
from edgegw.awslambda.http_events.model import ApiRoute, FunctionUrl, HttpApi
from edgegw.awslambda.http_events.routes import segments_of
from edgegw.awslambda.http_events.steps import HttpAnswer, InvokeHttp, ReadHttpBody
from edgegw.awslambda.model import FunctionRef, Outcome, Report, Returned
from edgegw.http.message import Body, Client, Headers, Request
from edgegw.http.target import RequestTarget

URL_DOMAIN = "abc.lambda-url.us-east-1.on.aws"
API_DOMAIN = "api1234567.execute-api.us-east-1.amazonaws.com"
NOW = 1_795_737_370.308
ENTROPY = "0123456789abcdef01234567"


def facts(**given: Any) -> HttpFacts:
    return HttpFacts(
        **{"request_id": "the-id", "date": b"the date", "now": NOW, "entropy": ENTROPY, **given}
    )


def url(**given: Any) -> FunctionUrl:
    return FunctionUrl(**{"function": FunctionRef("app"), "domain": URL_DOMAIN, **given})


def route(key: str, **given: Any) -> ApiRoute:
    method, _, path = key.partition(" ")
    return ApiRoute(
        **{
            "key": key,
            "function": FunctionRef("app"),
            "method": None if method in ("ANY", "$default") else method,
            "segments": None if key == "$default" else segments_of(path),
            **given,
        }
    )


def http_api(*routes: ApiRoute, **given: Any) -> HttpApi:
    return HttpApi(
        **{"name": "api", "domain": API_DOMAIN, "routes": routes or (route("$default"),), **given}
    )


def request(
    target: str = "/",
    method: str = "GET",
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    body: bytes = b"",
    **given: Any,
) -> Request:
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
    names = {name.lower() for name, _ in pairs}
    lines = [(name.encode(), text.encode()) for name, text in pairs]
    if "host" not in names:
        lines.insert(0, (b"Host", b"localhost"))
    return Request(
        **{
            "method": method,
            "target": RequestTarget.parse(target.encode()),
            "headers": Headers(lines),
            "body": Body.of(body),
            "scheme": "https",
            "client": Client("203.0.113.10", 5000),
            **given,
        }
    )


def started(
    front: FunctionUrl | HttpApi, asked: Request, **given: Any
) -> ReadHttpBody | HttpAnswer:
    """The first step."""
    if isinstance(front, HttpApi):
        step = start_api(front, asked, facts(**given))
    else:
        step = start_url(front, asked, facts(**given))
    assert isinstance(step, ReadHttpBody | HttpAnswer)
    return step


def invoking(front: FunctionUrl | HttpApi, asked: Request, **given: Any) -> InvokeHttp:
    """The step that invokes the function."""
    step = started(front, asked, **given)
    assert isinstance(step, ReadHttpBody), step
    following = step.next(asked.body.content or b"", truncated=False)
    assert isinstance(following, InvokeHttp), following
    return following


def event(front: FunctionUrl | HttpApi, asked: Request, **given: Any) -> dict[str, Any]:
    """The event that the function gets."""
    return json.loads(invoking(front, asked, **given).invocation.payload)


def answer(
    front: FunctionUrl | HttpApi, outcome: Outcome | object, asked: Request | None = None
) -> HttpAnswer:
    """The answer where the function returns `outcome`, JSON of it where it is no outcome."""
    if not isinstance(outcome, Outcome):
        payload = outcome if isinstance(outcome, bytes) else json.dumps(outcome).encode()
        outcome = Returned(payload, Report())
    return invoking(front, asked or request()).next(outcome)


def lines(response: Any, *names: str) -> list[tuple[str, str]]:
    """The headers of a response by these names, as text."""
    return [
        (name.decode(), text.decode())
        for name, text in response.headers
        if not names or name.decode().lower() in names
    ]
