"""CloudFront Functions: event and results of both triggers.

Source: CloudFront Developer Guide, "CloudFront Functions event structure".
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class CloudFrontFunctionText(TypedDict):
    value: str


class CloudFrontFunctionValue(TypedDict):
    """A header or query parameter; `multiValue` has all values where there are several."""

    value: str
    multiValue: NotRequired[list[CloudFrontFunctionText]]


class CloudFrontFunctionCookieText(TypedDict):
    value: str
    attributes: NotRequired[str]


class CloudFrontFunctionCookie(TypedDict):
    """A cookie; `attributes`, as `Secure; Path=/`, are those of a response's."""

    value: str
    attributes: NotRequired[str]
    multiValue: NotRequired[list[CloudFrontFunctionCookieText]]


CloudFrontFunctionValues: TypeAlias = dict[str, CloudFrontFunctionValue]
CloudFrontFunctionCookies: TypeAlias = dict[str, CloudFrontFunctionCookie]


class CloudFrontFunctionContext(TypedDict):
    distributionDomainName: str
    distributionId: str
    eventType: Literal["viewer-request", "viewer-response"]
    requestId: str


class CloudFrontFunctionViewer(TypedDict):
    ip: str


class CloudFrontFunctionRequest(TypedDict):
    """The request in an event, and what viewer-request returns to go on."""

    method: str
    uri: str
    querystring: CloudFrontFunctionValues
    headers: CloudFrontFunctionValues
    cookies: CloudFrontFunctionCookies


class CloudFrontFunctionBody(TypedDict):
    data: str
    encoding: Literal["text", "base64"]


class CloudFrontFunctionResponse(TypedDict):
    """The response in an event, and what viewer-response, or viewer-request to answer, returns."""

    statusCode: int
    statusDescription: NotRequired[str]
    headers: NotRequired[CloudFrontFunctionValues]
    cookies: NotRequired[CloudFrontFunctionCookies]
    body: NotRequired[CloudFrontFunctionBody | str]


class CloudFrontFunctionRequestEvent(TypedDict):
    version: str
    context: CloudFrontFunctionContext
    viewer: CloudFrontFunctionViewer
    request: CloudFrontFunctionRequest


class CloudFrontFunctionResponseEvent(TypedDict):
    version: str
    context: CloudFrontFunctionContext
    viewer: CloudFrontFunctionViewer
    request: CloudFrontFunctionRequest
    response: CloudFrontFunctionResponse


CloudFrontFunctionRequestResult: TypeAlias = CloudFrontFunctionRequest | CloudFrontFunctionResponse
"""What viewer-request returns."""
