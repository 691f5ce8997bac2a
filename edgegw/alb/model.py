"""Load balancer, listener, rule, action, target group: resolved, compiled once, immutable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from edgegw.awslambda.model import FunctionRef


@dataclass(frozen=True, slots=True)
class Target:
    """An ip target. `address` may be a name here, so that `localhost` works."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class LambdaTargetGroup:
    """A target group whose one target is a function."""

    name: str
    arn: str
    function: FunctionRef
    multi_value_headers: bool = False


@dataclass(frozen=True, slots=True)
class IpTargetGroup:
    """A target group of addresses."""

    name: str
    arn: str
    targets: tuple[Target, ...]
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"


TargetGroup: TypeAlias = LambdaTargetGroup | IpTargetGroup


@dataclass(frozen=True, slots=True)
class PathPattern:
    """Holds when the path without its dot segments fits one pattern; case counts."""

    values: tuple[str, ...]
    compiled: tuple[re.Pattern[bytes], ...]


@dataclass(frozen=True, slots=True)
class HostHeader:
    """Holds when the host without its port fits one pattern; case does not count."""

    values: tuple[str, ...]
    compiled: tuple[re.Pattern[bytes], ...]


Condition: TypeAlias = PathPattern | HostHeader


@dataclass(frozen=True, slots=True)
class Forward:
    """Forward to one of `target_groups`, each with its weight."""

    target_groups: tuple[tuple[TargetGroup, int], ...]


@dataclass(frozen=True, slots=True)
class FixedResponse:
    """Answer without a target."""

    status: int
    content_type: str = "text/plain"
    message_body: str = ""


Action: TypeAlias = Forward | FixedResponse


@dataclass(frozen=True, slots=True)
class Rule:
    """A listener rule; `priority` is None for the default rule."""

    priority: int | None
    conditions: tuple[Condition, ...]
    action: Action


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener. `port` and `protocol` are the apparent ones, as production shows them."""

    load_balancer: str
    dns_name: str
    port: int
    protocol: Literal["HTTP", "HTTPS"]
    rules: tuple[Rule, ...]
    default: Rule
