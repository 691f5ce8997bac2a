"""Events of Lambda@Edge with every field, for tests of one function.

They are encoded by what encodes them for a request; ids are the same each time, so that a snapshot
of a result stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, cast

from edgegw.awslambda.payload import decode_payload
from edgegw.cloudfront.model import Distribution
from edgegw.cloudfront.trigger_event import (
    ShownBody,
    encode_headers,
    encode_origin,
    encode_request_event,
    encode_response_event,
)
from edgegw.cloudfront.triggers import Trigger
from edgegw.config.spelling import nearest
from edgegw.errors import UsageError
from edgegw.gateway.example_distribution import example_distribution
from edgegw.http.message import Request
from edgegw.testing.described import (
    CLIENT_IP,
    USER_AGENT,
    GivenBody,
    GivenHeaders,
    GivenQuery,
    content_of,
    described_request,
    described_response,
)
from edgegw.types import LambdaEdgeRequestEvent, LambdaEdgeResponseEvent

DOMAIN: Final = "d111111abcdef8.cloudfront.net"
ID: Final = "EDFDVBD6EXAMPLE"
REQUEST_ID: Final = "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ=="
"""Those of the examples in AWS's documentation."""
_VIA: Final = "2.0 2afae0d44e2540f472c0635ab62c232b.cloudfront.net (CloudFront)"


def viewer_request(
    uri: str = "/",
    *,
    method: str | None = None,
    querystring: GivenQuery = "",
    headers: GivenHeaders | None = None,
    client_ip: str = CLIENT_IP,
    body: GivenBody | None = None,
    body_truncated: bool = False,
    distribution_id: str = ID,
    distribution_domain_name: str = DOMAIN,
    request_id: str = REQUEST_ID,
) -> LambdaEdgeRequestEvent:
    """The event of viewer-request; with a `body` as an association that includes it gets it.

    `headers` come to Host and User-Agent, or take their places.
    """
    request = described_request(
        method,
        uri,
        querystring,
        headers,
        usual=_viewer_headers(distribution_domain_name),
        body=body or b"",
        client_ip=client_ip,
    )
    payload, _ = encode_request_event(
        _distribution(distribution_id, distribution_domain_name),
        "viewer-request",
        request_id,
        request,
        body=_shown_body(body, truncated=body_truncated),
    )
    return cast("LambdaEdgeRequestEvent", decode_payload(payload))


def origin_request(
    uri: str = "/",
    *,
    method: str | None = None,
    querystring: GivenQuery = "",
    headers: GivenHeaders | None = None,
    client_ip: str = CLIENT_IP,
    origin: Mapping[str, Mapping[str, Any]] | None = None,
    body: GivenBody | None = None,
    body_truncated: bool = False,
    distribution_id: str = ID,
    distribution_domain_name: str = DOMAIN,
    request_id: str = REQUEST_ID,
) -> LambdaEdgeRequestEvent:
    """The event of origin-request: headers are those that CloudFront sends to the origin.

    `origin` is `{"custom": {…}}` or `{"s3": {…}}` with the fields that are not the usual ones.
    Raises UsageError for fields that an origin does not have.
    """
    fields = _origin_fields(origin)
    request = described_request(
        method,
        uri,
        querystring,
        headers,
        usual=_origin_headers(fields, client_ip),
        body=body or b"",
        client_ip=client_ip,
    )
    payload, _ = encode_request_event(
        _distribution(distribution_id, distribution_domain_name),
        "origin-request",
        request_id,
        request,
        body=_shown_body(body, truncated=body_truncated),
    )
    event: Any = decode_payload(payload)
    event["Records"][0]["cf"]["request"]["origin"] = fields
    return cast("LambdaEdgeRequestEvent", event)


def origin_response(
    uri: str = "/",
    *,
    status: int = 200,
    status_description: str | None = None,
    response_headers: GivenHeaders | None = None,
    method: str | None = None,
    querystring: GivenQuery = "",
    headers: GivenHeaders | None = None,
    client_ip: str = CLIENT_IP,
    origin: Mapping[str, Mapping[str, Any]] | None = None,
    distribution_id: str = ID,
    distribution_domain_name: str = DOMAIN,
    request_id: str = REQUEST_ID,
) -> LambdaEdgeResponseEvent:
    """The event of origin-response. Raises UsageError as `origin_request` does."""
    fields = _origin_fields(origin)
    usual = _origin_headers(fields, client_ip)
    request = described_request(method, uri, querystring, headers, usual=usual, client_ip=client_ip)
    distribution = _distribution(distribution_id, distribution_domain_name)
    response = described_response(status, status_description, response_headers)
    event = _response_event(distribution, "origin-response", request_id, request, response)
    cast("Any", event)["Records"][0]["cf"]["request"]["origin"] = fields
    return event


def viewer_response(
    uri: str = "/",
    *,
    status: int = 200,
    status_description: str | None = None,
    response_headers: GivenHeaders | None = None,
    method: str | None = None,
    querystring: GivenQuery = "",
    headers: GivenHeaders | None = None,
    client_ip: str = CLIENT_IP,
    distribution_id: str = ID,
    distribution_domain_name: str = DOMAIN,
    request_id: str = REQUEST_ID,
) -> LambdaEdgeResponseEvent:
    """The event of viewer-response."""
    usual = _viewer_headers(distribution_domain_name)
    request = described_request(method, uri, querystring, headers, usual=usual, client_ip=client_ip)
    distribution = _distribution(distribution_id, distribution_domain_name)
    response = described_response(status, status_description, response_headers)
    return _response_event(distribution, "viewer-response", request_id, request, response)


def _response_event(
    distribution: Distribution, trigger: Trigger, request_id: str, request: Request, response: Any
) -> LambdaEdgeResponseEvent:
    payload, _ = encode_response_event(distribution, trigger, request_id, request, response)
    return cast("LambdaEdgeResponseEvent", decode_payload(payload))


def _distribution(identity: str, domain_name: str) -> Distribution:
    return replace(example_distribution(), id=identity, domain_name=domain_name)


def _viewer_headers(domain_name: str) -> GivenHeaders:
    return {"Host": domain_name, "User-Agent": USER_AGENT}


def _origin_headers(origin: Mapping[str, Any], client_ip: str) -> GivenHeaders:
    (fields,) = origin.values()
    return {
        "User-Agent": USER_AGENT,
        "Host": fields["domainName"],
        "Via": _VIA,
        "X-Forwarded-For": client_ip,
    }


def _shown_body(body: GivenBody | None, *, truncated: bool) -> ShownBody | None:
    return None if body is None else ShownBody(content_of(body), truncated)


_S3: Final[Mapping[str, object]] = {
    "authMethod": "none",
    "customHeaders": {},
    "domainName": "bucket.s3.us-east-1.amazonaws.com",
    "path": "",
    "region": "us-east-1",
}
_RARE: Final = ("readTimeout", "responseCompletionTimeout")
"""Fields of an origin that stand in it only where they are set."""


def _origin_fields(given: Mapping[str, Mapping[str, Any]] | None) -> dict[str, Any]:
    """The `origin` object, with the usual values for what is not given."""
    if given is None:
        given = {"custom": {}}
    kinds: tuple[Literal["custom", "s3"], ...] = ("custom", "s3")
    if len(given) != 1 or next(iter(given)) not in kinds:
        raise UsageError(f"origin is {{'custom': {{…}}}} or {{'s3': {{…}}}}, not {given!r}")
    ((kind, fields),) = given.items()
    custom = encode_origin(example_distribution().default_behavior.origin)["custom"]
    usual = cast("Mapping[str, Any]", custom if kind == "custom" else _S3)
    known = [*usual, *(name for name in _RARE if name not in usual)]
    for name in fields:
        if name not in known:
            raise UsageError(f"an origin has no field {name!r}{nearest(name, known)}")
    return {kind: {**usual, **fields}}


def header_lines(headers: GivenHeaders) -> dict[str, list[dict[str, str]]]:
    """Headers as events and results of Lambda@Edge have them.

    `header_lines({"X-A": "1"})` is `{"x-a": [{"key": "X-A", "value": "1"}]}`.
    """
    return encode_headers(described_response(200, None, headers).headers)
