"""Functions behind function URLs and HTTP APIs: both payload formats.

Source: Lambda Developer Guide, "Invoking Lambda function URLs"; API Gateway Developer Guide,
"Create AWS Lambda proxy integrations for HTTP APIs".
"""

from __future__ import annotations

from typing import Any, NotRequired, TypeAlias, TypedDict


class Payload2Http(TypedDict):
    method: str
    path: str
    protocol: str
    sourceIp: str
    userAgent: str


class Payload2Context(TypedDict):
    accountId: str
    apiId: str
    authorizer: NotRequired[dict[str, Any]]
    domainName: str
    domainPrefix: str
    http: Payload2Http
    requestId: str
    routeKey: str
    stage: str
    time: str
    timeEpoch: int


class Payload2Event(TypedDict):
    """The event of a function URL, and of an HTTP API with payload format 2.0."""

    version: str
    routeKey: str
    rawPath: str
    rawQueryString: str
    cookies: NotRequired[list[str]]
    headers: dict[str, str]
    queryStringParameters: NotRequired[dict[str, str]]
    requestContext: Payload2Context
    pathParameters: NotRequired[dict[str, str]]
    body: NotRequired[str]
    isBase64Encoded: bool
    stageVariables: NotRequired[dict[str, str]]


class Payload2Response(TypedDict, total=False):
    statusCode: int
    headers: dict[str, str | int | bool]
    body: str
    cookies: list[str]
    isBase64Encoded: bool


Payload2Result: TypeAlias = Payload2Response | str | dict[str, Any] | list[Any]
"""A response, or anything else: then it is the body of a 200."""


class Payload1Identity(TypedDict):
    accessKey: str | None
    accountId: str | None
    caller: str | None
    cognitoAmr: str | None
    cognitoAuthenticationProvider: str | None
    cognitoAuthenticationType: str | None
    cognitoIdentityId: str | None
    cognitoIdentityPoolId: str | None
    principalOrgId: str | None
    sourceIp: str
    user: str | None
    userAgent: str
    userArn: str | None


class Payload1Context(TypedDict):
    accountId: str
    apiId: str
    authorizer: NotRequired[dict[str, Any] | None]
    domainName: str
    domainPrefix: str
    extendedRequestId: str
    httpMethod: str
    identity: Payload1Identity
    path: str
    protocol: str
    requestId: str
    requestTime: str
    requestTimeEpoch: int
    resourceId: str | None
    resourcePath: str
    stage: str


class Payload1Event(TypedDict):
    """The event of an HTTP API with payload format 1.0."""

    version: str
    resource: str
    path: str
    httpMethod: str
    headers: dict[str, str]
    multiValueHeaders: dict[str, list[str]]
    queryStringParameters: dict[str, str] | None
    multiValueQueryStringParameters: dict[str, list[str]] | None
    requestContext: Payload1Context
    pathParameters: dict[str, str] | None
    stageVariables: dict[str, str] | None
    body: str | None
    isBase64Encoded: bool


class Payload1Result(TypedDict):
    statusCode: int
    headers: NotRequired[dict[str, str | int | bool]]
    multiValueHeaders: NotRequired[dict[str, list[str]]]
    body: NotRequired[str]
    isBase64Encoded: NotRequired[bool]
