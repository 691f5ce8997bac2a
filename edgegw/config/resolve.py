"""A checked configuration → the immutable values that requests use. Nothing is parsed later."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgegw.awslambda.names import Account
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront.access_log import AccessLog, chosen_fields
from edgegw.cloudfront.behaviors import compile_path_pattern
from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.cloudfront.hosts import AcceptedHosts, accepted_hosts
from edgegw.cloudfront.managed import find_policy
from edgegw.cloudfront.managed_response_headers import RESPONSE_HEADERS_POLICIES
from edgegw.cloudfront.response_headers_policy import ResponseHeadersPolicy
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.viewer import viewer_place
from edgegw.config import fields, schema
from edgegw.config.balancers.make import BalancerResolver
from edgegw.config.check import check
from edgegw.config.distributions import keys
from edgegw.config.distributions.cache_make import (
    cache_settings,
    cache_tag_header,
    forwarding_of,
    key_of,
    policy_id,
)
from edgegw.config.distributions.key_groups import key_files, trusted_keys
from edgegw.config.distributions.origin_make import OriginResolver
from edgegw.config.distributions.response_headers_make import response_headers_policy
from edgegw.config.document import Document, document_of, read_document
from edgegw.config.events.make import bucket_notifications, event_rules, schedules
from edgegw.config.events.queue_make import resolved_queues
from edgegw.config.events.stream_make import resolved_streams
from edgegw.config.functions.make import code_paths, deployed, function_ref, shifts
from edgegw.config.gateway.faults import FaultPlan
from edgegw.config.gateway.hosts import name_places, parsed_hosts
from edgegw.config.gateway.tracing_rules import resolve_tracing
from edgegw.config.http_fronts.make import function_url_doors, http_api_doors
from edgegw.config.judging import validate
from edgegw.config.listening import resolve_listen, resolve_listener_listen
from edgegw.config.model import (
    CacheLimits,
    Config,
    DistributionDoor,
    KeyValueSource,
    ListenerDoor,
    ProviderDoor,
    edge_owner,
)
from edgegw.config.source import read_source
from edgegw.config.texts import check_texts
from edgegw.errors import ConfigError, Finding


def load_file(
    path: str | Path, environment: Mapping[str, str] | None = None, *, deploy: bool = False
) -> Config:
    """The configuration in `path`; `environment` (default: the process's) fills in `${NAME}`.

    With `deploy` it is judged as AWS would at deployment. Raises ConfigError with all findings,
    UsageError without file.
    """
    file = Path(path)
    text = read_source(file, str(path))
    variables = os.environ if environment is None else environment
    document = read_document(text, str(path), variables)
    config = load_document(document, file.resolve().parent, deploy=deploy)
    return replace(config, files=(str(file.absolute()), *config.files))


def load_dict(value: Mapping[str, Any], base: str | Path = ".") -> Config:
    """The configuration `value`; relative paths are relative to `base`."""
    return load_document(document_of(value), Path(base).resolve())


def load_document(document: Document, base: Path, *, deploy: bool = False) -> Config:
    """The configuration in `document`. Raises ConfigError with all findings."""
    check_texts(document)
    config = validate(document)
    if config is not None:
        check(document, config, base)
        if deploy:
            from edgegw.config.deploy_check import check_deployment

            check_deployment(document, config, base)
    findings = sorted(
        document.findings,
        key=lambda finding: (
            finding.file != document.file,
            finding.file,
            finding.line,
            finding.column,
        ),
    )
    if config is None or any(each.severity == "error" for each in findings):
        raise ConfigError(findings)
    return _Resolver(config, base, tuple(findings)).resolve()


class _Resolver:
    def __init__(self, config: schema.Config, base: Path, warnings: tuple[Finding, ...]) -> None:
        self._config = config
        self._base = base
        self._warnings = warnings
        self._account = Account(
            config.gateway.region, config.gateway.account_id, config.gateway.concurrency
        )
        self._balancers = BalancerResolver(
            config.target_groups, self._account, base, parsed_hosts(config.gateway.hosts, base)
        )
        points = dict(config.gateway.open_points)
        self._origins = OriginResolver(config, base, self._balancers)
        self._stance = Strictness(strict=config.gateway.strict, **points)
        self._viewer = viewer_place(config.gateway.viewer.said())

    def resolve(self) -> Config:
        config = self._config
        distributions = tuple(
            door
            for name, distribution in config.distributions.items()
            for door in self._distribution_doors(name, distribution)
        )
        listeners: list[ListenerDoor] = []
        for name, balancer in config.load_balancers.items():
            shared = self._balancers.load_balancer(name, balancer)
            for each in balancer.listeners:
                listen = resolve_listener_listen(each, self._base)
                listener = self._balancers.listener(shared, each, tls=listen.tls)
                listeners.append(ListenerDoor(name, listen, listener))
        api, keys = config.gateway.lambda_api, config.gateway.public_keys
        apis = http_api_doors(config, self._account, self._base)
        urls = function_url_doors(config, self._account, self._base)
        providers = self._providers()
        doors = (*distributions, *listeners, *apis, *urls, *providers)
        hosts = parsed_hosts(config.gateway.hosts, self._base)
        local_names = name_places(hosts)
        return Config(
            {
                name: deployed(
                    name,
                    each,
                    self._base,
                    config.gateway.role,
                    config.gateway.local_environment,
                    local_names,
                )
                for name, each in config.functions.items()
            },
            distributions,
            tuple(listeners),
            self._account,
            warnings=self._warnings,
            shifts=tuple(
                shift for name, each in config.functions.items() for shift in shifts(name, each)
            ),
            lambda_api=None if api is None else resolve_listen(api, self._base),
            public_keys=None if keys is None else resolve_listen(keys, self._base),
            pass_credentials=config.gateway.pass_aws_credentials,
            cpu=config.gateway.cpu,
            strict=config.gateway.strict,
            files=(
                *(path for door in doors for path in door.listen.files),
                *key_files(config, self._base),
                *(
                    str(self._base / each.source)
                    for each in config.key_value_stores.values()
                    if each.source
                ),
            ),
            code=tuple(
                (name, str(self._base / path))
                for name, each in config.functions.items()
                for path in code_paths(each)
            )
            + tuple(
                (edge_owner(name), str(self._base / each.code))
                for name, each in config.edge_functions.items()
            ),
            state=str(self._base / config.gateway.state),
            has_own_state="state" in config.gateway.model_fields_set,
            time_scale=config.gateway.time_scale,
            tracing=resolve_tracing(config.gateway.tracing),
            target_groups=self._balancers.target_groups,
            faults=self._faults(),
            fault_seed=config.gateway.fault_seed,
            hosts=hosts,
            cache=CacheLimits(**dict(config.gateway.cache)),
            buckets=self._origins.buckets(),
            accepts_any_host=config.gateway.accept_any_host,
            http_apis=apis,
            function_urls=urls,
            identity_providers=providers,
            queues=resolved_queues(config.queues),
            streams=resolved_streams(config.streams),
            event_sources=self._event_sources(),
            schedules=schedules(config),
            event_rules=event_rules(config),
            bucket_notifications=bucket_notifications(config, self._base),
            edge_functions=self._edge_functions(),
            key_value_stores=self._key_value_stores(),
        )

    def _providers(self) -> tuple[ProviderDoor, ...]:
        if not self._config.identity_providers:
            return ()
        from edgegw.config.identity.make import provider_doors

        return provider_doors(self._config, self._base)

    def _event_sources(self) -> tuple[EventSourceMapping, ...]:
        if not self._config.event_sources:
            return ()
        from edgegw.config.events.event_source_make import event_sources

        return event_sources(self._config, self._account, self._base)

    def _edge_functions(self) -> Mapping[str, EdgeFunction]:
        if not self._config.edge_functions:
            return {}
        from edgegw.config.distributions.edge_function_make import edge_functions

        return edge_functions(self._config, self._base)

    def _key_value_stores(self) -> Mapping[str, KeyValueSource]:
        if not self._config.key_value_stores:
            return {}
        from edgegw.config.distributions.edge_function_make import key_value_sources

        return key_value_sources(self._config, self._base)

    def _faults(self) -> Mapping[str, FaultPlan]:
        config = self._config
        given: dict[str, fields.Model | None] = {}
        for name, function in config.functions.items():
            given[f"function:{name}"] = function.faults
        for name, edge_function in config.edge_functions.items():
            given[f"edge_function:{name}"] = edge_function.faults
        for name, distribution in config.distributions.items():
            for origin, each in distribution.origins.items():
                given[f"origin:{name}/{origin}"] = each.faults
        for name, group in config.target_groups.items():
            given[f"target_group:{name}"] = group.faults
        for name, provider in config.identity_providers.items():
            given[f"identity_provider:{name}"] = provider.faults
        return {
            target: FaultPlan(**dict(faults))
            for target, faults in given.items()
            if faults is not None
        }

    def _distribution_doors(self, name: str, given: keys.Distribution) -> list[DistributionDoor]:
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
            self._stance,
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
