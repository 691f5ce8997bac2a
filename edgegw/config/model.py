"""What a checked configuration becomes: immutable values, with nothing left to parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from edgegw.alb import model as alb
from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account
from edgegw.awslambda.shifting import Shift
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.awslambda.versions import Deployed
from edgegw.awslambda.xray import TracingTargets
from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront.access_log import AccessLog
from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.cloudfront.viewer import viewer_place
from edgegw.config.buckets import BucketFolder
from edgegw.config.gateway.faults import FaultPlan
from edgegw.config.gateway.hosts import Hosts
from edgegw.errors import Finding
from edgegw.values import value
from edgegw.wire.tls_options import ClientCertificates

if TYPE_CHECKING:
    from edgegw.awslambda.bucket_notifications import BucketNotification
    from edgegw.awslambda.event_rules import EventRule
    from edgegw.awslambda.schedules import Schedule
    from edgegw.identity.model import IdentityProvider
    from edgegw.messaging.queue import QueueSettings, RemoteQueue
    from edgegw.messaging.stream import RemoteStream, StreamDefinition


@value
class Listen:
    """Where a front door listens. Without certificate paths, TLS makes a local certificate.

    `more` are further certificates with their keys, picked by the name that a client asks for.
    """

    address: str
    port: int
    tls: bool = False
    certificate: str | None = None
    key: str | None = None
    more: tuple[tuple[str, str], ...] = ()
    client_certificates: ClientCertificates | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it is made of."""
        first = [each for each in (self.certificate, self.key) if each is not None]
        store = self.client_certificates and self.client_certificates.trust_store
        rest = [each for pair in self.more for each in pair]
        return (*first, *rest, *([store] if store else []))


class AnyDoor:
    """What every kind of front door answers of itself; most kinds go by where they listen."""

    __slots__ = ()

    kind: ClassVar[str]
    takes_both_schemes: ClassVar[bool] = False
    """Whether AWS has it at port 80 and at port 443, whatever it listens on here."""
    knows_viewers: ClassVar[bool] = False
    """Whether it tells where viewers are, and so takes `X-Edgegw-Viewer`."""
    name: str
    listen: Listen

    @property
    def port(self) -> int:
        """The port that the configuration says; 0 where the system chooses one."""
        return self.listen.port

    @property
    def is_secure(self) -> bool:
        """Whether clients speak TLS."""
        return self.listen.tls

    def is_public_at(self, port: int, scheme: str) -> bool:
        """Whether clients on AWS would see it at this port, whatever it has here."""
        return False


@value
class DistributionDoor(AnyDoor):
    """A distribution and where it listens."""

    name: str
    listen: Listen
    distribution: cloudfront.Distribution
    origins: tuple[str, ...] = ()
    access_log: AccessLog | None = None

    kind: ClassVar[str] = "distribution"
    takes_both_schemes: ClassVar[bool] = True
    knows_viewers: ClassVar[bool] = True

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which AWS reaches it."""
        return (*self.distribution.aliases, self.distribution.domain_name)

    @property
    def functions(self) -> list[FunctionRef]:
        """The functions at its triggers."""
        distribution = self.distribution
        behaviors = (*distribution.behaviors, distribution.default_behavior)
        return [each.function for b in behaviors for each in b.associations.values()]


def moved_door(door: DistributionDoor, said: Mapping[str, str]) -> DistributionDoor:
    """`door` with its viewers where they are `said` to be. Raises ViewerError."""
    place = viewer_place(said, door.distribution.viewer)
    return replace(door, distribution=replace(door.distribution, viewer=place))


def without_caches(config: Config) -> Config:
    """`config` with distributions that keep no answers."""
    doors = [
        replace(door, distribution=_uncached(door.distribution)) for door in config.distributions
    ]
    return replace(config, distributions=tuple(doors))


def _uncached(distribution: cloudfront.Distribution) -> cloudfront.Distribution:
    return replace(
        distribution,
        behaviors=tuple([replace(behavior, cache=None) for behavior in distribution.behaviors]),
        default_behavior=replace(distribution.default_behavior, cache=None),
    )


@value
class ListenerDoor(AnyDoor):
    """A listener of a load balancer and where it listens. `name` is the load balancer's."""

    name: str
    listen: Listen
    listener: alb.Listener

    kind: ClassVar[str] = "load-balancer"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which AWS reaches it."""
        return (self.listener.load_balancer.dns_name,)

    @property
    def port(self) -> int:
        return self.listen.port or self.listener.port

    @property
    def is_secure(self) -> bool:
        return self.listener.protocol == "HTTPS"

    def is_public_at(self, port: int, scheme: str) -> bool:
        return (self.listener.port, self.listener.protocol.lower()) == (port, scheme)

    @property
    def rules(self) -> tuple[alb.Rule, ...]:
        """All its rules, the default one last."""
        return (*self.listener.rules, self.listener.default)

    @property
    def functions(self) -> list[FunctionRef]:
        """The functions that its rules forward to."""
        forwards = [rule.action for rule in self.rules if isinstance(rule.action, alb.Forward)]
        groups = [group for action in forwards for group, _ in action.target_groups]
        refs = [group.function for group in groups if isinstance(group, alb.LambdaTargetGroup)]
        return [ref for ref in refs if ref is not None]


@value
class FunctionUrlDoor(AnyDoor):
    """A function URL and where it listens. `name` is the function's, `NAME:ALIAS` for an alias."""

    name: str
    listen: Listen
    url: FunctionUrl

    kind: ClassVar[str] = "function-url"

    @property
    def functions(self) -> list[FunctionRef]:
        return [self.url.function]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which AWS reaches it."""
        return (self.url.domain,)


@value
class HttpApiDoor(AnyDoor):
    """An HTTP API and where it listens."""

    name: str
    listen: Listen
    api: HttpApi

    kind: ClassVar[str] = "http-api"

    @property
    def functions(self) -> list[FunctionRef]:
        """The functions of its routes."""
        return [route.function for route in self.api.routes]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which AWS reaches it."""
        return (self.api.domain,)


Door = DistributionDoor | ListenerDoor | HttpApiDoor | FunctionUrlDoor


_EDGE_OWNER: Final = "edge function "


def edge_owner(name: str) -> str:
    """What owns the code of a CloudFront Function, beside the Lambda functions by name."""
    return f"{_EDGE_OWNER}{name}"


def edge_owned(owner: str) -> str:
    """The CloudFront Function that `owner` means; empty for any other owner."""
    return owner.removeprefix(_EDGE_OWNER) if owner.startswith(_EDGE_OWNER) else ""


@value
class KeyValueSource:
    """A key value store as the configuration has it; `path` is its import file, if any."""

    path: str = ""
    comment: str = ""


@value
class ProviderDoor:
    """An identity provider and where it listens."""

    name: str
    listen: Listen
    provider: IdentityProvider

    @property
    def key(self) -> str:
        """What tells it from all else that listens."""
        return f"{type(self).__name__} {self.name}"


@value
class CacheLimits:
    """Bytes that the caches of distributions may take, in memory and on disk.

    `store` is the URL of the Redis that several gateways share, None where each has its own cache.
    """

    memory: int = 256_000_000
    disk: int = 2_000_000_000
    store: str | None = None


@value
class Config:
    """Everything, resolved.

    `files` are those that the configuration itself is made of, `code` those of the functions, with
    their names; both as they were named, links not followed.
    """

    functions: Mapping[str, Deployed]
    distributions: tuple[DistributionDoor, ...]
    listeners: tuple[ListenerDoor, ...]
    account: Account
    warnings: tuple[Finding, ...] = ()
    shifts: tuple[Shift, ...] = ()
    lambda_api: Listen | None = None
    public_keys: Listen | None = None
    """Where the public keys of load balancers listen."""
    pass_credentials: bool = False
    cpu: Literal["full", "proportional"] = "full"
    strict: bool = True
    files: tuple[str, ...] = ()
    code: tuple[tuple[str, str], ...] = ()
    state: str = ".edgegw"
    has_own_state: bool = False
    """Whether the configuration itself names the folder `state`."""
    time_scale: float = 1.0
    tracing: TracingTargets = TracingTargets()
    target_groups: Mapping[str, alb.TargetGroup] = field(default_factory=dict[str, alb.TargetGroup])
    faults: Mapping[str, FaultPlan] = field(default_factory=dict[str, FaultPlan])
    fault_seed: int | None = None
    hosts: Hosts = Hosts()
    cache: CacheLimits = CacheLimits()
    buckets: Mapping[str, BucketFolder] = field(default_factory=dict[str, BucketFolder])
    accepts_any_host: bool = False
    http_apis: tuple[HttpApiDoor, ...] = ()
    function_urls: tuple[FunctionUrlDoor, ...] = ()
    identity_providers: tuple[ProviderDoor, ...] = ()
    queues: Mapping[str, QueueSettings | RemoteQueue] = field(default_factory=dict[str, Any])
    streams: Mapping[str, StreamDefinition | RemoteStream] = field(default_factory=dict[str, Any])
    event_sources: tuple[EventSourceMapping, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    event_rules: tuple[EventRule, ...] = ()
    bucket_notifications: tuple[BucketNotification, ...] = ()
    edge_functions: Mapping[str, EdgeFunction] = field(default_factory=dict[str, EdgeFunction])
    key_value_stores: Mapping[str, KeyValueSource] = field(
        default_factory=dict[str, KeyValueSource]
    )

    @property
    def doors(self) -> tuple[Door, ...]:
        """All front doors of AWS's edge, distributions first."""
        return (*self.distributions, *self.listeners, *self.http_apis, *self.function_urls)

    @property
    def inner_doors(self) -> tuple[ListenerDoor | HttpApiDoor | FunctionUrlDoor, ...]:
        """Those that distributions can have as origins."""
        return (*self.listeners, *self.http_apis, *self.function_urls)

    @property
    def is_sticky(self) -> bool:
        """Whether a load balancer sets stickiness cookies."""
        groups = self.target_groups.values()
        if any(isinstance(each, alb.IpTargetGroup) and each.stickiness for each in groups):
            return True
        return any(
            isinstance(rule.action, alb.Forward) and rule.action.stickiness is not None
            for door in self.listeners
            for rule in door.rules
        )

    def users_of(self, group: alb.TargetGroup) -> list[alb.LoadBalancer]:
        """The load balancers that forward to a target group."""
        users: dict[str, alb.LoadBalancer] = {}
        for door in self.listeners:
            for rule in door.rules:
                action = rule.action
                if isinstance(action, alb.Forward) and any(
                    each.name == group.name for each, _ in action.target_groups
                ):
                    users[door.name] = door.listener.load_balancer
        return list(users.values())

    @property
    def fault_targets(self) -> list[str]:
        """What faults on demand may be set for, as `function:NAME` and so on."""
        return [
            *(f"function:{name}" for name in self.functions),
            *(f"edge_function:{name}" for name in self.edge_functions),
            *(
                f"origin:{door.name}/{origin}"
                for door in self.distributions
                for origin in door.origins
            ),
            *(
                f"target_group:{name}"
                for name, group in self.target_groups.items()
                if isinstance(group, alb.IpTargetGroup)
            ),
            *(f"identity_provider:{door.name}" for door in self.identity_providers),
        ]
