"""What a gateway makes when somebody first asks for it, and keeps until it begins anew.

Most gateways need none of it, so the code of each is imported with its first use.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from edgegw.config.model import Config

if TYPE_CHECKING:
    from edgegw.gateway.edge_registry import EdgeRegistry
    from edgegw.gateway.function_urls import FunctionUrls
    from edgegw.gateway.gateway import Gateway
    from edgegw.gateway.identity_providers import Identities
    from edgegw.gateway.invalidations import Invalidations
    from edgegw.gateway.origins.transport import Address
    from edgegw.wire.front import Front


class MadeOnDemand:
    """Parts of one gateway that are there once they are asked for."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @cached_property
    def identities(self) -> Identities:
        """The identity providers."""
        from edgegw.gateway.identity_providers import Identities

        return Identities(self._gateway)

    def own_provider(self, address: Address) -> Front | None:
        """The identity provider of this gateway at an address."""
        return self.identities.at(address) if self._gateway.config.identity_providers else None

    @cached_property
    def function_urls(self) -> FunctionUrls:
        """The function URLs, as the Lambda API lists and changes them."""
        from edgegw.gateway.function_urls import FunctionUrls

        return FunctionUrls(self._gateway)

    def with_made_urls(self, config: Config) -> Config:
        """`config` with the function URLs that the Lambda API made, less those it deleted."""
        return self.function_urls.over(config) if "function_urls" in vars(self) else config

    @cached_property
    def invalidations(self) -> Invalidations:
        """What was invalidated, as the CloudFront API lists it."""
        from edgegw.gateway.invalidations import Invalidations

        return Invalidations(self._gateway.world)

    @cached_property
    def edge_registry(self) -> EdgeRegistry:
        """The CloudFront Functions with their stages, as the CloudFront API has them."""
        from edgegw.gateway.edge_registry import EdgeRegistry

        return EdgeRegistry(self._gateway)
