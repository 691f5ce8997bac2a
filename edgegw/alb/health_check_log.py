"""Lines of the health check log, 10 fields.

Source: ELB User Guide for ALB, "Health check logs".
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from edgegw.alb.model import LoadBalancer, TargetGroup


class CheckEntry(NamedTuple):
    """One health check. `kind` is http, https, h2, grpc or lambda; `time` is epoch seconds."""

    kind: str
    time: float
    latency: float
    target: str
    passed: bool
    code: int | None
    reason: str


def timestamp(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def check_line(entry: CheckEntry, group: TargetGroup, balancer: LoadBalancer, address: str) -> str:
    """The line of one check; `address` is the load balancer's own."""
    return " ".join(
        [
            entry.kind,
            timestamp(entry.time),
            f"{entry.latency:.6f}",
            entry.target,
            group.arn.rpartition(":")[2],
            "PASS" if entry.passed else "FAIL",
            "-" if entry.code is None else str(entry.code),
            entry.reason or "-",
            balancer.id,
            address,
        ]
    )
