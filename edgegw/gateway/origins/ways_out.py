"""Where a request leaves to: into the network, a folder, or a front door of this gateway."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from types import CoroutineType, MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from edgegw.alb.model import IpTargetGroup, ProtocolVersion, Target
from edgegw.alb.target_connection import UNVERIFIED_TARGETS
from edgegw.alb.target_steps import ForwardTo, TargetFailure
from edgegw.alb.targets import ProbeAnswer
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.config.buckets import BucketFolder
from edgegw.config.gateway.hosts import Hosts
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.origins.custom import NetworkOrigins
from edgegw.gateway.origins.function_url import FunctionUrlOrigins
from edgegw.gateway.origins.identity_provider import IdentityProviders
from edgegw.gateway.origins.ip_target import IpTargets
from edgegw.gateway.origins.load_balancer import LoadBalancerOrigins
from edgegw.gateway.origins.origin import Enter, InnerWays, OriginKind
from edgegw.gateway.origins.probe import probe
from edgegw.gateway.origins.s3_folder import BucketOrigins
from edgegw.gateway.origins.transport import Transport
from edgegw.gateway.world import REAL, World
from edgegw.http.message import Request, Response

if TYPE_CHECKING:
    import httpx


class OriginRouter:
    """Sends requests out through `transport`, or into a front door of this gateway.

    `local` are the ways into front doors of this gateway by DNS name and port (into load balancers
    alone where it is a mapping); `enter_by` adds to them. `targets` is the transport for ip
    targets, whose certificates are not checked; `hosts` says which names lead to a place on this
    machine, `world` is the clock and the dice of folders.
    """

    def __init__(
        self,
        transport: Transport | httpx.AsyncBaseTransport,
        targets: Transport | httpx.AsyncBaseTransport,
        local: dict[tuple[str, int], Enter] | InnerWays,
        hosts: Hosts = Hosts(),  # noqa: B008 - a value
        buckets: Mapping[str, BucketFolder] = MappingProxyType({}),
        world: World = REAL,
    ) -> None:
        self.ways = ways = local if isinstance(local, InnerWays) else InnerWays(local, {})
        self._network = network = _as_transport(transport)
        http1 = network if targets is transport else _as_transport(targets)
        self._named = NetworkOrigins(network, hosts)
        self.identity_providers = IdentityProviders(network, hosts)
        """Whom load balancers ask who a user is."""
        self._folders = BucketOrigins(buckets, hosts, world)
        self._kinds: Final[tuple[OriginKind, ...]] = (
            LoadBalancerOrigins(ways.balancers),
            FunctionUrlOrigins(ways.urls),
            self._folders,
        )
        self._versions: Final[dict[ProtocolVersion, Transport]] = {"HTTP1": http1}
        self._targets = IpTargets(self._over)

    def lead(self, hosts: Hosts, buckets: Mapping[str, BucketFolder]) -> None:
        """From now on names lead where these say."""
        self._named.lead(hosts)
        self.identity_providers.lead(hosts)
        self._folders.lead(buckets, hosts)

    def enter_by(self, ways: InnerWays) -> None:
        """From now on front doors are entered by these ways, beside those that were."""
        self.ways.balancers.update(ways.balancers)
        self.ways.urls.update(ways.urls)

    def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> CoroutineType[Any, Any, Response | OriginFailure]:
        """Sends `request` to `origin` and answers with its response, or why there is none."""
        if self.ways.balancers or self.ways.urls or self._folders.are_there:
            for kind in self._kinds:
                if kind.takes(origin):
                    return kind.fetch(origin, request, exchange)
        return self._named.fetch(origin, request, exchange)

    def fetch_target(self, step: ForwardTo) -> CoroutineType[Any, Any, Response | TargetFailure]:
        """Sends a request to an ip target and answers with its response, or why there is none."""
        return self._targets.fetch(step)

    async def probe(self, group: IpTargetGroup, target: Target) -> ProbeAnswer:
        """Sends one health check."""
        return await probe(self._over(group.protocol_version), group, target)

    async def close(self) -> None:
        """Ends every connection."""
        for transport in {self._network, *self._versions.values()}:
            await transport.close()

    def _over(self, version: ProtocolVersion) -> Transport:
        """What carries requests to targets; HTTP/2 is imported by the first who needs it."""
        transport = self._versions.get(version)
        if transport is None:
            from edgegw.gateway.origins.http2_client import Http2Client

            transport = Http2Client(unverified=UNVERIFIED_TARGETS)
            self._versions["HTTP2"] = self._versions["GRPC"] = transport
        return transport


def httpx_transport(unverified: AbstractSet[str]) -> Transport:
    """Httpx's own transport, which respx mocks with no set-up."""
    from edgegw.gateway.origins.httpx_client import HttpxClient, TransportByHost

    return HttpxClient(TransportByHost(unverified))


def _as_transport(given: Transport | httpx.AsyncBaseTransport) -> Transport:
    """A transport of httpx works too; httpx is imported only then, as it takes its time."""
    if isinstance(given, Transport):
        return given
    from edgegw.gateway.origins.httpx_client import HttpxClient

    return HttpxClient(given)
