"""How much of everything a load balancer may have, and how its parts are named.

Requests never meet these: they are what AWS refuses when something is made.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

# Names and patterns

RESOURCE_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
"""The form of the name of a load balancer or target group.

Source: Elastic Load Balancing API reference, CreateLoadBalancer and CreateTargetGroup, Name.
"""
HOST_PATTERN: Final = re.compile(r"[A-Za-z0-9\-.*?]*\.[A-Za-z]+")
"""The form of a value of a host-header condition.

Source: ELB User Guide for ALB, "Condition types for listener rules", host conditions.
"""
PATH_PATTERN: Final = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]+")
"""The form of a value of a path-pattern condition.

Source: ELB User Guide for ALB, "Condition types for listener rules", path conditions.
"""
METHOD_PATTERN: Final = re.compile(r"[A-Z_\-]{1,40}")
"""The form of a value of an http-request-method condition.

Source: ELB User Guide for ALB, "Condition types for listener rules", HTTP request method
conditions.
"""
MAX_PATTERN: Final = 128
"""Characters of a value of a condition.

Source: ELB User Guide for ALB, "Condition types for listener rules".
"""
MAX_HEADER_NAME: Final = 40
"""Characters of the name in an http-header condition.

Source: ELB User Guide for ALB, "Condition types for listener rules", HTTP header conditions.
"""

# Rules

MAX_CONDITION_VALUES: Final = 3
"""Values of one condition, but for source-ip.

Source: ELB User Guide for ALB, "Listener rules", rule conditions.
"""
MAX_SOURCE_IPS: Final = 5
"""Ranges of a source-ip condition.

Source: ELB User Guide for ALB, "Condition types for listener rules", source IP address conditions.
"""
MAX_RULE_VALUES: Final = 5
"""Values of all conditions of a rule.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
MAX_WILDCARDS: Final = 5
"""Wildcards of all conditions of a rule; one page of AWS says 6.

Source: ELB User Guide for ALB, "Listener rules", rule conditions.
"""

MAX_PRIORITY: Final = 50_000
"""The greatest priority of a rule, and order of an action; the least is 1.

Source: Elastic Load Balancing API reference, CreateRule, Priority; Action, Order.
"""

# Actions

MAX_WEIGHT: Final = 999
"""The greatest weight of a target group in a forward action; the least is 0.

Source: Elastic Load Balancing API reference, TargetGroupTuple, Weight.
"""
MAX_FORWARDS: Final = 5
"""Target groups of a forward action.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
STICKINESS_RANGE: Final = (1, 604_800)
"""Seconds for which a client may stay with its target, or its target group.

Source: ELB User Guide for ALB, "Edit target group attributes", sticky sessions.
"""
MAX_MESSAGE: Final = 1024
"""Characters of the body of a fixed response.

Source: Elastic Load Balancing API reference, FixedResponseActionConfig, MessageBody.
"""
MAX_REDIRECT_PART: Final = 128
"""Characters of host, path and query of a redirect, each.

Source: Elastic Load Balancing API reference, RedirectActionConfig.
"""
MAX_REWRITE: Final = 1024
"""Characters of the regex of a transform, and of what replaces it.

Source: Elastic Load Balancing API reference, RewriteConfig.
"""

# Load balancers

MAX_LISTENERS: Final = 50
"""Listeners of a load balancer.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
MAX_RULES: Final = 100
"""Rules of all listeners of a load balancer, default rules not counted.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
MAX_CERTIFICATES: Final = 25
"""Certificates of a listener beside its default one.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
MAX_VERIFYING: Final = 2
"""Listeners of a load balancer that verify client certificates.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
MAX_TARGET_GROUPS: Final = 100
"""Target groups of a load balancer.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""
MAX_TARGETS: Final = 1000
"""Targets of a load balancer.

Source: ELB User Guide for ALB, "Quotas for your Application Load Balancers".
"""

# Health checks

HEALTH_CHECK_RANGES: Final = {
    "interval": (5, 300),
    "timeout": (2, 120),
    "healthy_threshold": (2, 10),
    "unhealthy_threshold": (2, 10),
}
"""Least and most of a health check's settings, times in seconds.

Source: ELB User Guide for ALB, "Health checks for target groups", health check settings.
"""
MAX_CHECK_PATH: Final = 1024
"""Characters of the path of a health check.

Source: Elastic Load Balancing API reference, CreateTargetGroup, HealthCheckPath.
"""
HTTP_CODES: Final = (200, 499)
"""First and last status code that a matcher may name.

Source: ELB User Guide for ALB, "Health checks for target groups", success codes.
"""
GRPC_CODES: Final = (0, 99)
"""First and last status of gRPC that a matcher may name.

Source: ELB User Guide for ALB, "Health checks for target groups", success codes.
"""
_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))
)


def is_target_address(address: IPv4Address | IPv6Address) -> bool:
    """Whether an ip target may have `address`; loopback, which is the emulator's, may stand here.

    Which addresses a VPC of IPv6 has nobody can tell.
    Source: ELB User Guide for ALB, "Target type".
    """
    if address.version == 6 or address.is_loopback:
        return True
    return any(address in block for block in _PRIVATE)
