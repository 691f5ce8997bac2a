"""Events of functions behind load balancers, function URLs and HTTP APIs, with every field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from edgegw.awslambda.http_events.context import HttpFacts
from edgegw.awslambda.http_events.flow import start_api
from edgegw.awslambda.http_events.model import DEFAULT, HttpApi, PayloadFormat
from edgegw.awslambda.http_events.steps import InvokeHttp, ReadHttpBody
from edgegw.awslambda.payload import decode_payload
from edgegw.errors import UsageError
from edgegw.gateway.balancer_preview import TARGET_GROUP_ARN, balancer_event
from edgegw.gateway.http_preview import example_api, example_url, url_event
from edgegw.http.message import Request
from edgegw.testing.described import (
    CLIENT_IP,
    USER_AGENT,
    GivenBody,
    GivenHeaders,
    GivenQuery,
    content_of,
    described_request,
)
from edgegw.types import LoadBalancerEvent, Payload1Event, Payload2Event

TRACE_ID: Final = "Root=1-5759e988-bd862e3fe1be46a994272793"
REQUEST_ID: Final = "Id=JKJaXmPLvHcESHA="
TIME: Final = 1_583_348_638.39


def alb_request(
    path: str = "/",
    *,
    method: str | None = None,
    query: GivenQuery = "",
    headers: GivenHeaders | None = None,
    body: GivenBody = "",
    client_ip: str = CLIENT_IP,
    multi_value: bool = False,
    target_group_arn: str = TARGET_GROUP_ARN,
) -> LoadBalancerEvent:
    """The event of a function in a target group, with multi-value headers where that has them.

    The headers that a load balancer adds stand in it, unless `headers` has others.
    """
    request = described_request(
        method,
        path,
        query,
        headers,
        usual={
            "host": "lambda-alb-123578498.us-east-1.elb.amazonaws.com",
            "user-agent": USER_AGENT,
            "x-amzn-trace-id": TRACE_ID,
            "x-forwarded-for": client_ip,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        body=body,
        client_ip=client_ip,
    )
    payload = balancer_event(request, multi_value=multi_value, target_group_arn=target_group_arn)
    return cast("LoadBalancerEvent", decode_payload(payload))


def function_url_request(
    path: str = "/",
    *,
    method: str | None = None,
    query: GivenQuery = "",
    headers: GivenHeaders | None = None,
    body: GivenBody = "",
    client_ip: str = CLIENT_IP,
    signed: bool = False,
    time: float = TIME,
    request_id: str = REQUEST_ID,
) -> Payload2Event:
    """The event of a function URL; where it is `signed`, `authorizer` says by whom."""
    url = example_url()
    request = _request(path, method, query, headers, body, client_ip, url.domain)
    if signed:
        url = replace(url, auth_type="AWS_IAM")
    payload = url_event(url, request, content_of(body), _facts(time, request_id))
    return cast("Payload2Event", decode_payload(payload))


def apigw_v2_request(
    path: str = "/",
    *,
    method: str | None = None,
    query: GivenQuery = "",
    headers: GivenHeaders | None = None,
    body: GivenBody = "",
    client_ip: str = CLIENT_IP,
    route: str = DEFAULT,
    stage: str = DEFAULT,
    stage_variables: Mapping[str, str] | None = None,
    time: float = TIME,
    request_id: str = REQUEST_ID,
) -> Payload2Event:
    """The event of an HTTP API with payload format 2.0.

    `route` is a route key as `GET /items/{id}`, whose parameters stand in `pathParameters`. Raises
    UsageError where the request does not match it.
    """
    api = _api(route, "2.0", stage, stage_variables)
    request = _request(path, method, query, headers, body, client_ip, api.domain, stage)
    return cast("Payload2Event", _api_event(api, request, body, time, request_id))


def apigw_v1_request(
    path: str = "/",
    *,
    method: str | None = None,
    query: GivenQuery = "",
    headers: GivenHeaders | None = None,
    body: GivenBody = "",
    client_ip: str = CLIENT_IP,
    route: str = DEFAULT,
    stage: str = DEFAULT,
    stage_variables: Mapping[str, str] | None = None,
    time: float = TIME,
    request_id: str = REQUEST_ID,
) -> Payload1Event:
    """The same with payload format 1.0."""
    api = _api(route, "1.0", stage, stage_variables)
    request = _request(path, method, query, headers, body, client_ip, api.domain, stage)
    return cast("Payload1Event", _api_event(api, request, body, time, request_id))


def _api(
    route: str, payload: PayloadFormat, stage: str, variables: Mapping[str, str] | None
) -> HttpApi:
    return replace(example_api(route, payload), stages={stage: dict(variables or {})})


def _request(
    path: str,
    method: str | None,
    query: GivenQuery,
    headers: GivenHeaders | None,
    body: GivenBody,
    client_ip: str,
    domain: str,
    stage: str = DEFAULT,
) -> Request:
    usual = {"host": domain, "user-agent": USER_AGENT, "x-amzn-trace-id": TRACE_ID}
    if content_of(body):
        usual["content-length"] = str(len(content_of(body)))
    below = path if stage == DEFAULT else f"/{stage}{path}"
    return described_request(
        method, below, query, headers, usual=usual, body=body, client_ip=client_ip
    )


def _facts(time: float, request_id: str) -> HttpFacts:
    return HttpFacts(request_id=request_id, date=b"", now=time, entropy="0" * 24)


def _api_event(
    api: HttpApi, request: Request, body: GivenBody, time: float, request_id: str
) -> Any:
    step = start_api(api, request, _facts(time, request_id))
    if isinstance(step, ReadHttpBody):
        step = step.next(content_of(body), truncated=False)
    if isinstance(step, InvokeHttp):
        return decode_payload(step.invocation.payload)
    detail = step.refusal.detail if step.refusal is not None else "it is a preflight"
    raise UsageError(f"the request does not reach the route: {detail}")
