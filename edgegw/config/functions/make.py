"""A checked function of the configuration → the function with its versions and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from edgegw.awslambda.model import Function, FunctionRef, LogSettings, NamePlace, Runtime
from edgegw.awslambda.permissions import Statement
from edgegw.awslambda.shifting import Shift
from edgegw.awslambda.versions import Alias, Deployed
from edgegw.config.functions import keys
from edgegw.config.functions.event_invoke_make import dead_letter_of, event_invoke_configs
from edgegw.config.functions.rules import RUNTIME
from edgegw.errors import UsageError


def runtime(identifier: str) -> Runtime:
    """The runtime of a checked identifier: `python3.13`, `nodejs22.x`, `provided.al2023`."""
    match = RUNTIME.fullmatch(identifier)
    if match is None:
        raise UsageError(f"unknown runtime {identifier!r}")
    if match[1] is not None:
        return Runtime(identifier, "python", (3, int(match[1])))
    if match[2] is not None:
        return Runtime(identifier, "nodejs", (int(match[2]),))
    return Runtime(identifier, "provided", ())


def function_ref(text: str, *, at_edge: bool = False) -> FunctionRef:
    """The reference `NAME` or `NAME:QUALIFIER`."""
    name, _, qualifier = text.partition(":")
    return FunctionRef(name, at_edge, qualifier)


def deployed(
    name: str,
    given: keys.Function,
    base: Path,
    role: str,
    local_environment: Mapping[str, str] = MappingProxyType({}),
    local_names: tuple[NamePlace, ...] = (),
) -> Deployed:
    """The function `name` with versions, aliases, concurrency and policy; `role` is the default.

    `local_environment` are the variables that all functions find on this machine, `local_names`
    lead their connections.
    Without versions in the configuration version 1 is the code of `$LATEST`.
    """
    local = {**local_environment, **given.local_environment}
    latest = _latest(name, given, base, given.role or role, tuple(local.items()))
    latest = replace(latest, local_names=local_names) if local_names else latest
    numbers = sorted(int(each) for each in given.versions) or [1]
    versions = {
        str(number): _version(latest, str(number), given.versions.get(str(number)), base)
        for number in numbers
    }
    provisioned = given.provisioned_concurrency
    if isinstance(provisioned, int):
        qualifier = next(iter(given.aliases), str(numbers[-1]))
        provisioned = {qualifier: provisioned}
    return Deployed(
        latest,
        MappingProxyType(versions),
        MappingProxyType({each: _alias(each, alias) for each, alias in given.aliases.items()}),
        reserved=given.reserved_concurrency,
        provisioned=MappingProxyType(provisioned or {}),
        policy=policy_of(given.permissions),
        is_implied=not given.versions,
        highest=numbers[-1],
        event_invoke=event_invoke_configs(given, base),
        recursive_loop=given.recursive_loop,
    )


def _latest(
    name: str,
    given: keys.Function,
    base: Path,
    role: str,
    local_environment: tuple[tuple[str, str], ...],
) -> Function:
    logging = given.logging
    return Function(
        name,
        runtime(given.runtime),
        _code(base, given.code or "."),
        given.handler,
        given.timeout,
        given.memory_size,
        tuple(given.environment.items()),
        given.reserved_concurrency,
        layers=tuple(_code(base, each) for each in given.layers),
        ephemeral_storage_mb=given.ephemeral_storage,
        logs=LogSettings(logging.format, logging.application_level, logging.system_level),
        description=given.description,
        role=role,
        local_environment=local_environment,
        tracing=given.tracing,
        architecture=given.architectures[0],
        dead_letter=dead_letter_of(given, base),
    )


def code_paths(given: keys.Function) -> list[str]:
    """The paths of all code and layers of a function, as they are written; each once."""
    paths = [given.code or ".", *given.layers]
    for version in given.versions.values():
        paths += [version.code] if version.code else []
        paths += version.layers or []
    return list(dict.fromkeys(paths))


def _code(base: Path, name: str) -> str:
    code = (base / name).resolve()
    return str(code if code.is_dir() or code.suffix == ".zip" else code.parent)


def _version(latest: Function, number: str, given: keys.Version | None, base: Path) -> Function:
    found = given or keys.Version.model_construct()
    environment = found.environment
    return Function(
        latest.name,
        runtime(found.runtime) if found.runtime else latest.runtime,
        _code(base, found.code) if found.code else latest.code,
        found.handler or latest.handler,
        found.timeout or latest.timeout,
        found.memory_size or latest.memory_mb,
        latest.environment if environment is None else tuple(environment.items()),
        None,
        number,
        latest.layers
        if found.layers is None
        else tuple(_code(base, each) for each in found.layers),
        latest.ephemeral_storage_mb,
        latest.logs,
        found.description or latest.description,
        latest.role,
        latest.local_environment,
        latest.tracing,
        latest.architecture,
        latest.dead_letter,
        latest.local_names,
    )


def _alias(name: str, given: keys.Alias) -> Alias:
    routing = next(iter(given.routing.items()), None)
    return Alias(name, given.version, routing, given.description)


def policy_of(given: list[keys.Permission] | None) -> tuple[Statement, ...] | None:
    """The resource policy that `permissions` are; None where the configuration says nothing."""
    if given is None:
        return None
    return tuple(_statement(number, each) for number, each in enumerate(given, 1))


def _statement(number: int, given: keys.Permission) -> Statement:
    return Statement(
        principal=given.principal,
        source_arn=given.source_arn,
        qualifier=given.qualifier,
        sid=f"configuration-{number}",
        action=given.action or "",
        source_account=given.source_account,
        url_auth_type=given.function_url_auth_type or "",
        via_url=given.invoked_via_function_url,
    )


def shifts(name: str, given: keys.Function) -> list[Shift]:
    """The traffic shifting that the aliases of the function ask for."""
    return [
        Shift(
            name,
            alias_name,
            alias.shift.to,
            alias.shift.preset,
            alias.shift.time_scale,
            alias.shift.before_allow_traffic or "",
            alias.shift.after_allow_traffic or "",
        )
        for alias_name, alias in given.aliases.items()
        if alias.shift is not None
    ]
