"""A function behind an Application Load Balancer: event and result.

Source: ELB User Guide for ALB, "Use Lambda functions as targets of an Application Load Balancer".
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class LoadBalancerTargetGroup(TypedDict):
    targetGroupArn: str


class LoadBalancerContext(TypedDict):
    elb: LoadBalancerTargetGroup


class LoadBalancerEvent(TypedDict):
    """Header and query maps are the single ones, or the multi-value ones of the target group."""

    requestContext: LoadBalancerContext
    httpMethod: str
    path: str
    body: str
    isBase64Encoded: bool
    headers: NotRequired[dict[str, str]]
    queryStringParameters: NotRequired[dict[str, str]]
    multiValueHeaders: NotRequired[dict[str, list[str]]]
    multiValueQueryStringParameters: NotRequired[dict[str, list[str]]]


class LoadBalancerResult(TypedDict):
    statusCode: int
    statusDescription: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    multiValueHeaders: NotRequired[dict[str, list[str]]]
    body: NotRequired[str]
    isBase64Encoded: NotRequired[bool]
