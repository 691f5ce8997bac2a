"""Lambda@Edge: the event of each trigger, and what a function may return.

Source: CloudFront Developer Guide, "Lambda@Edge event structure", "Generate HTTP responses in
request triggers", "Update HTTP responses in origin response triggers".
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class LambdaEdgeHeader(TypedDict):
    """One line of a header. A result may leave `key` out."""

    value: str
    key: NotRequired[str]


LambdaEdgeHeaders: TypeAlias = dict[str, list[LambdaEdgeHeader]]
"""Header lines by name in lower case."""


class LambdaEdgeConfig(TypedDict):
    distributionDomainName: str
    distributionId: str
    eventType: Literal["viewer-request", "origin-request", "origin-response", "viewer-response"]
    requestId: str


class LambdaEdgeBody(TypedDict):
    """The body of a request: `action` is `replace` where the function changes it."""

    data: str
    encoding: Literal["base64", "text"]
    action: Literal["read-only", "replace"]
    inputTruncated: NotRequired[bool]


class LambdaEdgeCustomOrigin(TypedDict):
    customHeaders: LambdaEdgeHeaders
    domainName: str
    keepaliveTimeout: int
    path: str
    port: int
    protocol: Literal["http", "https"]
    readTimeout: int
    sslProtocols: list[str]
    responseCompletionTimeout: NotRequired[int]


class LambdaEdgeS3Origin(TypedDict):
    authMethod: Literal["none", "origin-access-identity"]
    customHeaders: LambdaEdgeHeaders
    domainName: str
    path: str
    region: NotRequired[str]
    readTimeout: NotRequired[int]
    responseCompletionTimeout: NotRequired[int]


class LambdaEdgeOrigin(TypedDict, total=False):
    """One of the two."""

    custom: LambdaEdgeCustomOrigin
    s3: LambdaEdgeS3Origin


class LambdaEdgeRequest(TypedDict):
    """The request in an event, and what a request trigger returns to go on.

    `origin` stands at the origin's triggers, `body` where the association includes it.
    """

    clientIp: str
    headers: LambdaEdgeHeaders
    method: str
    querystring: str
    uri: str
    origin: NotRequired[LambdaEdgeOrigin]
    body: NotRequired[LambdaEdgeBody]


class LambdaEdgeResponse(TypedDict):
    """The response in an event, and what a response trigger returns.

    A `body` replaces that of the origin, at origin-response alone.
    """

    status: str
    statusDescription: NotRequired[str]
    headers: NotRequired[LambdaEdgeHeaders]
    body: NotRequired[str]
    bodyEncoding: NotRequired[Literal["text", "base64"]]


class LambdaEdgeGeneratedResponse(TypedDict):
    """What a request trigger returns to answer by itself."""

    status: str | int
    statusDescription: NotRequired[str]
    headers: NotRequired[LambdaEdgeHeaders]
    body: NotRequired[str]
    bodyEncoding: NotRequired[Literal["text", "base64"]]


class LambdaEdgeRequestPart(TypedDict):
    config: LambdaEdgeConfig
    request: LambdaEdgeRequest


class LambdaEdgeRequestRecord(TypedDict):
    cf: LambdaEdgeRequestPart


class LambdaEdgeRequestEvent(TypedDict):
    """The event of viewer-request and origin-request."""

    Records: list[LambdaEdgeRequestRecord]


class LambdaEdgeResponsePart(TypedDict):
    config: LambdaEdgeConfig
    request: LambdaEdgeRequest
    response: LambdaEdgeResponse


class LambdaEdgeResponseRecord(TypedDict):
    cf: LambdaEdgeResponsePart


class LambdaEdgeResponseEvent(TypedDict):
    """The event of origin-response and viewer-response."""

    Records: list[LambdaEdgeResponseRecord]


LambdaEdgeRequestResult: TypeAlias = LambdaEdgeRequest | LambdaEdgeGeneratedResponse
"""What viewer-request and origin-request return."""
