"""A request as an event of payload format 1.0, as an HTTP API sends it.

Every key is there, with null for what is not; names of headers are in lower case, where a REST API
keeps them as they came.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs", payload
format version 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from edgegw.awslambda.http_events.context import HttpContext
from edgegw.awslambda.http_events.event import (
    PROTOCOL,
    event_body,
    event_headers,
    query_parameters,
    shown_path,
    shown_time,
    user_agent,
)
from edgegw.awslambda.http_events.model import DEFAULT, HttpApi
from edgegw.awslambda.payload import encode_payload

_NOBODY: Final = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAmr",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
)
"""Keys of `identity` that are null without an authorizer.

Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""


def encode_event_v1(context: HttpContext, body: bytes) -> bytes:
    """The event as JSON. Of repeated headers and parameters the single maps have the last.

    Source: API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
    """
    request, match, front = context.request, context.match, context.front
    assert match is not None
    assert isinstance(front, HttpApi)
    headers = event_headers(context)
    query = query_parameters(request.target.query or b"")
    content = event_body(request, body)
    return encode_payload(
        {
            "version": "1.0",
            "resource": match.route.path,
            "path": _below_stage(context, match.stage),
            "httpMethod": request.method,
            "headers": dict(headers),
            "multiValueHeaders": _grouped(headers),
            "queryStringParameters": dict(query) or None,
            "multiValueQueryStringParameters": _grouped(query) or None,
            "requestContext": _request_context(context, front),
            "pathParameters": match.parameters or None,
            "stageVariables": front.stages[match.stage] or None,
            "body": content.text or None,
            "isBase64Encoded": content.is_base64,
        }
    )


def _below_stage(context: HttpContext, stage: str) -> str:
    path = shown_path(context)
    return path if stage == DEFAULT else path.removeprefix(f"/{stage}") or "/"


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, text in pairs:
        grouped.setdefault(name, []).append(text)
    return grouped


def _request_context(context: HttpContext, api: HttpApi) -> dict[str, object]:
    request, facts, match = context.request, context.facts, context.match
    assert match is not None
    return {
        "accountId": api.account_id,
        "apiId": api.api_id,
        "authorizer": {"claims": None, "scopes": None},
        "domainName": api.domain,
        "domainPrefix": api.api_id,
        "extendedRequestId": facts.request_id,
        "httpMethod": request.method,
        "identity": {
            **dict.fromkeys(_NOBODY),
            "sourceIp": request.client.address,
            "user": None,
            "userAgent": user_agent(request),
            "userArn": None,
        },
        "path": shown_path(context),
        "protocol": PROTOCOL,
        "requestId": facts.request_id,
        "requestTime": shown_time(facts.now),
        "requestTimeEpoch": int(facts.now * 1000),
        "resourceId": None,
        "resourcePath": match.route.path,
        "stage": match.stage,
    }
