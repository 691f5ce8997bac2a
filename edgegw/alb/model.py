"""Load balancer, listener, rule, action, target group: resolved, compiled once, immutable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal, TypeAlias

from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.conditions import Condition
from edgegw.alb.expressions import Piece
from edgegw.alb.jwt.model import JwtValidation
from edgegw.alb.rule_index import RuleIndex
from edgegw.awslambda.model import FunctionRef
from edgegw.http.authority import authority_of
from edgegw.http.message import Header
from edgegw.values import value

# Target groups


@value
class Target:
    """An ip target. `address` may be a name here, so that `localhost` works."""

    address: str
    port: int

    def __str__(self) -> str:
        return authority_of(self.address, self.port)


@value
class HealthCheck:
    """How targets are probed; durations in seconds. `port` None is the target's own.

    `matcher` are the good status codes (of gRPC for GRPC groups) as ranges, both ends included.
    Source: ELB User Guide for ALB, "Health checks for target groups".
    """

    is_enabled: bool = True
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str = "/"
    port: int | None = None
    interval: float = 30.0
    timeout: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    matcher: tuple[tuple[int, int], ...] = ((200, 200),)

    def accepts(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.matcher)


LAMBDA_HEALTH_CHECK = HealthCheck(is_enabled=False, interval=35.0, timeout=30.0)
"""The default of Lambda target groups: off.

Source: ELB User Guide for ALB, "Use Lambda functions as targets of an Application Load Balancer",
health checks.
"""


@value
class Stickiness:
    """A client stays with its target for `duration` seconds.

    `cookie_name` is the application's cookie (`app_cookie`), None for `lb_cookie`.
    """

    duration: float = 86400.0
    cookie_name: str | None = None


Algorithm = Literal["round_robin", "least_outstanding_requests", "weighted_random"]
ProtocolVersion = Literal["HTTP1", "HTTP2", "GRPC"]


@value
class LambdaTargetGroup:
    """A target group whose one target is a function; None once that is deregistered."""

    name: str
    arn: str
    function: FunctionRef | None
    multi_value_headers: bool = False
    health_check: HealthCheck = LAMBDA_HEALTH_CHECK


@value
class IpTargetGroup:
    """A target group of addresses; durations in seconds."""

    name: str
    arn: str
    targets: tuple[Target, ...]
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    protocol_version: ProtocolVersion = "HTTP1"
    health_check: HealthCheck = HealthCheck(is_enabled=False)
    algorithm: Algorithm = "round_robin"
    stickiness: Stickiness | None = None
    slow_start: float = 0.0
    deregistration_delay: float = 300.0
    minimum_healthy_count: int = 1
    minimum_healthy_percentage: float = 0.0


TargetGroup: TypeAlias = LambdaTargetGroup | IpTargetGroup

# Actions


@value
class Forward:
    """Forward to one of `target_groups`, each with its weight.

    With `stickiness` (seconds) a client stays with its target group.
    """

    target_groups: tuple[tuple[TargetGroup, int], ...]
    stickiness: float | None = None


@value
class FixedResponse:
    """Answer without a target."""

    status: int
    content_type: str = "text/plain"
    message_body: str = ""


@value
class Redirect:
    """Send the client elsewhere; the fields may hold `#{protocol}`, `#{host}` and so on."""

    status: Literal[301, 302]
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


FinalAction: TypeAlias = Forward | FixedResponse | Redirect
"""Actions that answer. A rule has exactly one, and it is the last."""
Guard: TypeAlias = Authenticate | JwtValidation
"""Actions that come before the one that answers, and may answer in its place."""
Action: TypeAlias = Guard | FinalAction

# Rules


@value
class Rewrite:
    """A transform: the first match of `pattern` becomes `replacement`."""

    regex: str
    replace: str
    pattern: re.Pattern[bytes]
    replacement: tuple[Piece, ...]


@value
class Rule:
    """A listener rule; `priority` is None for the default rule.

    `actions` stand in the order in which they are done: the last one answers, and one guard at
    most comes before it.
    Source: ELB User Guide for ALB, "Listener rules", rule actions.
    """

    priority: int | None
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    host_rewrite: Rewrite | None = None
    url_rewrite: Rewrite | None = None
    action: FinalAction = field(init=False, repr=False, compare=False)
    """The one that answers; it and the guard are what every request asks for."""
    guard: Guard | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        guard, final = self.actions[0], self.actions[-1]
        assert not isinstance(final, Authenticate | JwtValidation), "a guard does not answer"
        object.__setattr__(self, "action", final)
        is_guard = isinstance(guard, Authenticate | JwtValidation)
        object.__setattr__(self, "guard", guard if is_guard else None)

    @property
    def name(self) -> str:
        return "default" if self.priority is None else str(self.priority)

    def answering_with(self, final: FinalAction) -> Rule:
        """This rule with another action that answers."""
        return replace(self, actions=(*self.actions[:-1], final))


# Load balancers and listeners

DesyncMode = Literal["monitor", "defensive", "strictest"]


@value
class Attributes:
    """The load balancer's attributes that requests feel, as AWS names them; durations in seconds.

    Source: ELB User Guide for ALB, "Load balancer attributes".
    """

    idle_timeout: float = 60.0
    client_keep_alive: float = 3600.0
    http2: bool = True
    drop_invalid_header_fields: bool = False
    preserve_host_header: bool = False
    xff_mode: Literal["append", "preserve", "remove"] = "append"
    xff_client_port: bool = False
    tls_version_and_cipher_suite: bool = False
    desync_mode: DesyncMode = "defensive"


DEFAULT_ATTRIBUTES = Attributes()


@value
class Logs:
    """The files that a load balancer writes its logs to."""

    access: str | None = None
    connection: str | None = None
    health_check: str | None = None


@value
class LoadBalancer:
    """What the listeners of a load balancer share. `id` is `app/NAME/HEX`."""

    name: str
    arn: str
    dns_name: str
    attributes: Attributes = DEFAULT_ATTRIBUTES
    logs: Logs = Logs()

    @property
    def id(self) -> str:
        return self.arn.partition(":loadbalancer/")[2] or self.name


@value
class ResponseHeaders:
    """What a listener's attributes do to every response: lines set, and Server removed."""

    lines: tuple[Header, ...] = ()
    keeps_server: bool = True


@value
class Listener:
    """A listener. `port` and `protocol` are the apparent ones, as production shows them.

    `renamed` holds the request headers about TLS and client certificates that have other names,
    by their usual name in lower case.
    """

    load_balancer: LoadBalancer
    port: int
    protocol: Literal["HTTP", "HTTPS"]
    rules: tuple[Rule, ...]
    default: Rule
    arn: str = ""
    response_headers: ResponseHeaders = ResponseHeaders()
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    mutual_tls: Literal["off", "passthrough", "verify"] = "off"
    index: RuleIndex = field(init=False, repr=False, compare=False)
    """The rules, made quick to search."""
    guards: tuple[Guard, ...] = field(init=False, repr=False, compare=False)
    """The actions of its rules that come before those that answer."""
    sign_in_rules: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    """The rules that send clients to an identity provider, which then come back to the listener."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", RuleIndex(self.rules))
        rules = (*self.rules, self.default)
        guards = tuple(rule.guard for rule in rules if rule.guard is not None)
        object.__setattr__(self, "guards", guards)
        signing_in = tuple(rule for rule in rules if isinstance(rule.guard, Authenticate))
        object.__setattr__(self, "sign_in_rules", signing_in)
