"""A checked configuration → the immutable values that requests use. Nothing is parsed later."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgegw.awslambda.model import NamePlace
from edgegw.awslambda.names import Account
from edgegw.awslambda.source_mapping import EventSourceMapping
from edgegw.awslambda.versions import Deployed
from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.config import fields, schema
from edgegw.config.balancers.make import BalancerResolver
from edgegw.config.check import check
from edgegw.config.distributions.key_groups import key_files
from edgegw.config.distributions.make import DistributionResolver
from edgegw.config.distributions.origin_make import OriginResolver
from edgegw.config.document import Document, document_of, read_document
from edgegw.config.events.make import bucket_notifications, event_rules, schedules
from edgegw.config.events.queue_make import resolved_queues
from edgegw.config.events.stream_make import resolved_streams
from edgegw.config.functions.make import code_paths, deployed, shifts
from edgegw.config.gateway.faults import FaultPlan
from edgegw.config.gateway.hosts import name_places, parsed_hosts
from edgegw.config.gateway.tracing_rules import resolve_tracing
from edgegw.config.http_fronts.make import function_url_doors, http_api_doors
from edgegw.config.judging import validate
from edgegw.config.listening import resolve_listen, resolve_listener_listen
from edgegw.config.model import (
    CacheLimits,
    Config,
    Door,
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
    document.stage = "deployment" if deploy else "start"
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
        self._origins = OriginResolver(config, base, self._balancers)

    def resolve(self) -> Config:
        config = self._config
        distributions = DistributionResolver(config, self._base, self._origins).doors()
        listeners = tuple(self._listeners())
        api, keys = config.gateway.lambda_api, config.gateway.public_keys
        apis = http_api_doors(config, self._account, self._base)
        urls = function_url_doors(config, self._account, self._base)
        providers = self._providers()
        doors = (*distributions, *listeners, *apis, *urls, *providers)
        hosts = parsed_hosts(config.gateway.hosts, self._base)
        return Config(
            self._functions(name_places(hosts)),
            distributions,
            listeners,
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
            files=tuple(self._files(doors)),
            code=tuple(self._code()),
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

    def _functions(self, local_names: tuple[NamePlace, ...]) -> dict[str, Deployed]:
        settings = self._config.gateway
        shared = self._base, settings.role, settings.local_environment, local_names
        return {
            name: deployed(name, function, *shared)
            for name, function in self._config.functions.items()
        }

    def _listeners(self) -> Iterator[ListenerDoor]:
        for name, balancer in self._config.load_balancers.items():
            shared = self._balancers.load_balancer(name, balancer)
            for given in balancer.listeners:
                listen = resolve_listener_listen(given, self._base)
                listener = self._balancers.listener(shared, given, tls=listen.tls)
                yield ListenerDoor(name, listen, listener)

    def _files(self, doors: Iterable[Door | ProviderDoor]) -> Iterator[str]:
        """Files whose change is a change of the configuration."""
        for door in doors:
            yield from door.listen.files
        yield from key_files(self._config, self._base)
        for store in self._config.key_value_stores.values():
            if store.source:
                yield str(self._base / store.source)

    def _code(self) -> Iterator[tuple[str, str]]:
        """Owners of code, and where it stands."""
        for name, function in self._config.functions.items():
            for path in code_paths(function):
                yield name, str(self._base / path)
        for name, edge_function in self._config.edge_functions.items():
            yield edge_owner(name), str(self._base / edge_function.code)

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
