"""What AWS would refuse of functions at deployment, at triggers of distributions and elsewhere."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Final, NamedTuple

from edgegw.awslambda.model import LATEST
from edgegw.awslambda.runtimes import has_ended
from edgegw.cloudfront.deployment_rules import (
    Candidate,
    DeploymentFinding,
    deployment_findings,
    version_finding,
)
from edgegw.cloudfront.rule_table import REGION
from edgegw.cloudfront.triggers import Trigger
from edgegw.config.distributions.keys import Distribution, behaviors_of
from edgegw.config.document import Document, KeyPath
from edgegw.config.functions.borrowed_modules import borrowed_modules
from edgegw.config.functions.keys import Function, Version
from edgegw.config.functions.package_size import package_size
from edgegw.config.functions.permission_rules import check_permissions
from edgegw.config.functions.rules import RUNTIME, handler_file
from edgegw.config.functions.source_rules import look_into_source
from edgegw.config.schema import Config

EDGE_REGION: Final = "us-east-1"


class _Use(NamedTuple):
    """A version of a function at triggers of the configuration."""

    name: str
    qualifier: str
    triggers: frozenset[Trigger]


def check_function_deployment(document: Document, config: Config, base: FilePath) -> None:
    """Adds what AWS would refuse to the findings of `document`."""
    uses = _uses(config)
    if uses and config.gateway.region != EDGE_REGION:
        text = f"functions of triggers must live in {EDGE_REGION}, not {config.gateway.region}"
        document.error(("gateway", "region"), REGION.code, text)
    for use in uses:
        _check_function(document, use, config.functions[use.name], base)
        look_into_source(document, config, use.name, use.qualifier, base)
    for name, function in config.functions.items():
        _check_borrowed(document, name, function, base)
    for name, distribution in config.distributions.items():
        _check_versions(document, ("distributions", name), distribution, config)
    check_permissions(document, config)
    for name in config.functions.keys() - {use.name for use in uses}:
        _check_runtimes(document, ("functions", name), config.functions[name])


def _uses(config: Config) -> list[_Use]:
    found: dict[tuple[str, str], set[Trigger]] = {}
    for distribution in config.distributions.values():
        for _, behavior in behaviors_of(distribution):
            for trigger, association in behavior.lambda_functions.items():
                name, _, qualifier = association.function.partition(":")
                if name in config.functions:
                    found.setdefault((name, qualifier), set()).add(trigger)
    return [_Use(*key, frozenset(triggers)) for key, triggers in found.items()]


def _check_function(document: Document, use: _Use, function: Function, base: FilePath) -> None:
    path: KeyPath = ("functions", use.name)
    number = use.qualifier or "1"
    alias = function.aliases.get(number)
    number = alias.version if alias is not None else number
    version = function.versions.get(number) or Version.model_construct()
    own: KeyPath = (*path, "versions", number)
    for objection in deployment_findings(_candidate(function, version, base, use), use.triggers):
        places = [(*own, objection.key), (*path, objection.key), (*path, "image_uri")]
        where = next((each for each in places if each in document.keys), path)
        _note(document, where, objection)


def _check_borrowed(document: Document, name: str, function: Function, base: FilePath) -> None:
    match = RUNTIME.fullmatch(function.runtime)
    if function.code is None or match is None or match[3] is not None:
        return
    code = (base / function.code).resolve()
    language = "python" if match[1] is not None else "nodejs"
    layers = [base / layer for layer in function.layers]
    is_package = code.suffix == ".zip"  # what stands beside it is not in it
    handler = None if is_package else handler_file(code, function.runtime, function.handler)
    if handler is not None and handler.suffix.endswith("ts"):
        text = (
            f"{handler.name} is TypeScript, which Lambda does not run: deploy what is built of it"
        )
        document.warning(("functions", name, "code"), "config.typescript", text)
    for module in borrowed_modules(code, language, layers):
        text = (
            f"imports {module.name}, which comes from {module.folder} and is in neither the "
            "package nor a layer: on AWS it is missing"
        )
        document.warning(("functions", name, "code"), "config.borrowed-module", text)


def _candidate(function: Function, version: Version, base: FilePath, use: _Use) -> Candidate:
    environment = function.environment if version.environment is None else version.environment
    code = version.code or function.code
    provisioned = function.provisioned_concurrency
    is_provisioned = provisioned is not None
    if isinstance(provisioned, dict):
        is_provisioned = (use.qualifier or "1") in provisioned
    return Candidate(
        version.runtime or function.runtime,
        version.timeout or function.timeout,
        version.memory_size or function.memory_size,
        function.ephemeral_storage,
        package_size(base / code) if code is not None else 0,
        tuple(environment),
        len(function.layers if version.layers is None else version.layers),
        tuple(function.architectures),
        function.package_type == "Image" or function.image_uri is not None,
        function.vpc_config is not None,
        is_provisioned,
        bool(function.event_invoke and function.event_invoke.dead_letter),
        function.tracing == "Active",
        function.kms_key_arn is not None,
        function.runtime_management,
    )


def _note(document: Document, path: KeyPath, objection: DeploymentFinding) -> None:
    note = document.error if objection.is_refused else document.warning
    note(path, objection.rule.code, objection.text)


def _check_versions(
    document: Document, path: KeyPath, distribution: Distribution, config: Config
) -> None:
    for below, behavior in behaviors_of(distribution):
        for trigger, association in behavior.lambda_functions.items():
            where = (*path, *below, "lambda_functions", trigger)
            _check_version(document, where, association.function, config)


def _check_version(document: Document, path: KeyPath, text: str, config: Config) -> None:
    name, _, qualifier = text.partition(":")
    function = config.functions.get(name)
    if function is None:
        return
    objection = version_finding(
        name,
        qualifier,
        is_alias=qualifier in function.aliases,
        has_versions=bool(set(function.versions) - {LATEST}),
    )
    if objection is not None:
        _note(document, path, objection)


def _check_runtimes(document: Document, path: KeyPath, function: Function) -> None:
    """Runtimes of a function that is at no trigger."""
    named = [((*path, "runtime"), function.runtime)]
    for number, version in function.versions.items():
        if version.runtime is not None:
            named.append(((*path, "versions", number, "runtime"), version.runtime))
    for where, runtime in named:
        if has_ended(runtime):
            text = f"the support of {runtime} has ended: AWS makes no new functions with it"
            document.warning(where, "lambda.ended-runtime", text)
