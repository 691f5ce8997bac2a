"""Distributions of a checked configuration → the values that requests use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront.access_log import AccessLog, chosen_fields
from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.hosts import AcceptedHosts, accepted_hosts
from edgegw.cloudfront.managed import find_policy
from edgegw.cloudfront.managed_response_headers import RESPONSE_HEADERS_POLICIES
from edgegw.cloudfront.response_headers_policy import ResponseHeadersPolicy
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.viewer import viewer_place
from edgegw.config import schema
from edgegw.config.distributions import keys
from edgegw.config.distributions.cache_make import (
    cache_settings,
    cache_tag_header,
    forwarding_of,
    key_of,
    policy_id,
)
from edgegw.config.distributions.key_groups import trusted_keys
from edgegw.config.distributions.origin_make import OriginResolver
from edgegw.config.distributions.response_headers_make import response_headers_policy
from edgegw.config.functions.make import function_ref
from edgegw.config.listening import resolve_listen
from edgegw.config.model import DistributionDoor


class DistributionResolver:
    """Makes distributions with their origins, behaviors and policies."""

    def __init__(self, config: schema.Config, base: Path, origins: OriginResolver) -> None:
        self._config = config
        self._base = base
        self._origins = origins
        points = dict(config.gateway.open_points)
        self._strictness = Strictness(strict=config.gateway.strict, **points)
        self._viewer = viewer_place(config.gateway.viewer.said())

    def doors(self) -> tuple[DistributionDoor, ...]:
        """Each distribution at each place where it listens."""
        return tuple(
            door
            for name, distribution in self._config.distributions.items()
            for door in self._doors(name, distribution)
        )

    def _doors(self, name: str, given: keys.Distribution) -> list[DistributionDoor]:
        """A distribution at each place where it listens."""
        whole = self._distribution(name, given)
        if any(origin.protocol_policy == "match-viewer" for origin in given.origins.values()):
            over_https = self._distribution(name, given, is_secure=True)
            whole = replace(whole, over_https=over_https)
        listens = [resolve_listen(listen, self._base) for listen in given.listen]
        secure = [listen.port for listen in listens if listen.tls]
        return [
            DistributionDoor(
                name,
                listen,
                replace(
                    whole,
                    port=listen.port,
                    over_https=whole.over_https and replace(whole.over_https, port=listen.port),
                    https_port=listen.port if listen.tls else next(iter(secure), None),
                ),
                tuple(given.origins),
                None if given.access_log is None else _access_log(given.access_log, self._base),
            )
            for listen in listens
        ]

    def _distribution(
        self, name: str, distribution: keys.Distribution, *, is_secure: bool = False
    ) -> cloudfront.Distribution:
        """The distribution as viewers over HTTP have it, or those over HTTPS."""
        at_viewer = "https" if is_secure else "http"
        origins = {
            origin: self._origins.origin(name, origin, at_viewer) for origin in distribution.origins
        }
        digest = hashlib.sha256(name.encode()).hexdigest()
        identity = distribution.id or "E" + digest[:13].upper()
        domain_name = (distribution.domain_name or f"d{digest[:13]}.cloudfront.net").lower()
        return cloudfront.Distribution(
            name,
            identity,
            domain_name,
            tuple(alias.lower() for alias in distribution.aliases),
            tuple(
                self._behavior(each, each.path_pattern, distribution, identity, origins)
                for each in distribution.behaviors
            ),
            self._behavior(distribution.default_behavior, "*", distribution, identity, origins),
            distribution.default_root_object,
            self._strictness,
            {
                each.error_code: cloudfront.ErrorPage(each.response_page_path, each.response_code)
                for each in distribution.custom_error_responses
                if each.response_page_path is not None and each.response_code is not None
            },
            distribution.http_version,
            viewer=self._viewer,
            geo_restriction=_geo_restriction(distribution),
            hosts=(
                None if self._config.gateway.accept_any_host else _hosts(domain_name, distribution)
            ),
            cache_tag_header=cache_tag_header(distribution),
            origins=origins,
        )

    def _behavior(
        self,
        behavior: keys.DefaultBehavior,
        pattern: str,
        distribution: keys.Distribution,
        identity: str,
        origins: Mapping[str, cloudfront.Origin],
    ) -> cloudfront.Behavior:
        """The behavior of `pattern`; `identity` is the id of its distribution."""
        group = distribution.origin_groups.get(behavior.origin)
        associations: dict[cloudfront.Trigger, cloudfront.Association] = {
            trigger: cloudfront.Association(
                function_ref(each.function, at_edge=True), each.include_body
            )
            for trigger, each in behavior.lambda_functions.items()
        }
        forwarding = forwarding_of(self._config, behavior)
        return cloudfront.Behavior(
            pattern,
            compile_path_pattern(pattern),
            origins[behavior.origin if group is None else group.members[0]],
            forwarding,
            behavior.viewer_protocol_policy,
            frozenset(behavior.allowed_methods),
            associations,
            None if group is None else _fallback(group, behavior, origins),
            cache_settings(distribution, behavior, forwarding),
            key_of(identity, pattern, forwarding),
            trusted_keys(self._config, behavior, self._base),
            self._response_headers_policy(behavior.response_headers_policy),
            behavior.compress,
            dict(behavior.edge_functions),
        )

    def _response_headers_policy(self, name: str | None) -> ResponseHeadersPolicy | None:
        own = self._config.response_headers_policies.get(name or "")
        if name is None or own is None:
            return None if name is None else find_policy(RESPONSE_HEADERS_POLICIES, name)
        return response_headers_policy(name, policy_id(name), own)


def _geo_restriction(distribution: keys.Distribution) -> cloudfront.GeoRestriction | None:
    given = distribution.geo_restriction
    if given is None or given.type == "none":
        return None
    return cloudfront.GeoRestriction(given.type, frozenset(given.locations))


def _access_log(given: keys.DistributionLog, base: Path) -> AccessLog:
    fields_ = chosen_fields(given.format, tuple(given.fields))
    return AccessLog(str(base / given.file), given.format, fields_, given.include_cookies)


def _hosts(domain_name: str, distribution: keys.Distribution) -> AcceptedHosts:
    """What it answers to: its names, and those that it listens at."""
    places = (listen.address for listen in distribution.listen)
    return accepted_hosts((domain_name, *distribution.aliases, *places))


def _fallback(
    group: keys.OriginGroup,
    behavior: keys.DefaultBehavior,
    origins: Mapping[str, cloudfront.Origin],
) -> cloudfront.Fallback:
    methods = frozenset({"GET", "HEAD"}) | ({"OPTIONS"} & set(behavior.cached_methods))
    codes = frozenset[int](group.failover_status_codes)
    return cloudfront.Fallback(origins[group.members[1]], codes, methods, behavior.origin)
