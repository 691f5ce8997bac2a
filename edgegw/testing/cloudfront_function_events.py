"""Events of CloudFront Functions with every field, for tests of one function."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from edgegw.awslambda.payload import decode_payload
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.edge_functions.event import encode_request, encode_response
from edgegw.cloudfront.model import Distribution
from edgegw.gateway.example_distribution import example_distribution
from edgegw.testing.described import (
    CLIENT_IP,
    USER_AGENT,
    GivenHeaders,
    GivenQuery,
    described_request,
    described_response,
)
from edgegw.testing.lambda_edge_events import DOMAIN, ID, REQUEST_ID
from edgegw.types import CloudFrontFunctionRequestEvent, CloudFrontFunctionResponseEvent


def cloudfront_function_request(
    uri: str = "/",
    *,
    method: str = "GET",
    querystring: GivenQuery = "",
    headers: GivenHeaders | None = None,
    viewer_ip: str = CLIENT_IP,
    distribution_id: str = ID,
    distribution_domain_name: str = DOMAIN,
    request_id: str = REQUEST_ID,
) -> CloudFrontFunctionRequestEvent:
    """The event of viewer-request; cookies are those of a `Cookie` header.

    CloudFront's own headers (`CloudFront-Viewer-Country` …) stand in it where `headers` has them.
    """
    usual = {"Host": distribution_domain_name, "User-Agent": USER_AGENT}
    request = described_request(method, uri, querystring, headers, usual=usual, client_ip=viewer_ip)
    distribution = _distribution(distribution_id, distribution_domain_name)
    forwarding = replace(distribution.default_behavior.forwarding, added_headers=())
    event = encode_request(distribution, forwarding, _facts(request_id), request)
    return cast("CloudFrontFunctionRequestEvent", decode_payload(event.text.encode()))


def cloudfront_function_response(
    uri: str = "/",
    *,
    status: int = 200,
    status_description: str | None = None,
    response_headers: GivenHeaders | None = None,
    method: str = "GET",
    querystring: GivenQuery = "",
    headers: GivenHeaders | None = None,
    viewer_ip: str = CLIENT_IP,
    distribution_id: str = ID,
    distribution_domain_name: str = DOMAIN,
    request_id: str = REQUEST_ID,
) -> CloudFrontFunctionResponseEvent:
    """The event of viewer-response; its cookies are those of `Set-Cookie` headers."""
    usual = {"Host": distribution_domain_name, "User-Agent": USER_AGENT}
    request = described_request(method, uri, querystring, headers, usual=usual, client_ip=viewer_ip)
    response = described_response(status, status_description, response_headers)
    distribution = _distribution(distribution_id, distribution_domain_name)
    event = encode_response(distribution, _facts(request_id), request, response)
    return cast("CloudFrontFunctionResponseEvent", decode_payload(event.text.encode()))


def _distribution(identity: str, domain_name: str) -> Distribution:
    return replace(example_distribution(), id=identity, domain_name=domain_name)


def _facts(request_id: str) -> DistributionFacts:
    return DistributionFacts(request_id, "", b"")
