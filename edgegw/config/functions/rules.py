"""What must hold for the functions of a configuration, and for references to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Final

from edgegw.awslambda.destinations import DestinationTarget
from edgegw.awslambda.edge import MAX_STORAGE_MB, MAX_TIMEOUT
from edgegw.awslambda.model import LATEST
from edgegw.awslambda.names import is_function_name
from edgegw.awslambda.permissions import INVOKE_URL
from edgegw.awslambda.runtimes import SCRIPTS
from edgegw.awslambda.variables import MAX_TOTAL, OF_THE_RUNTIME, RESERVED, is_valid_name
from edgegw.awslambda.versions import MIN_UNRESERVED, is_alias_name
from edgegw.config.document import Document, KeyPath
from edgegw.config.events.destination_rules import check_target
from edgegw.config.files import is_file, missing
from edgegw.config.functions.event_invoke_rules import check_event_invoke
from edgegw.config.functions.keys import Alias, Function, Permission
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest

RUNTIME: Final = re.compile(r"python3\.(\d+)|nodejs(\d+)\.x|(provided(?:\.al2|\.al2023)?)")


def check_functions(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with the functions; relative paths are relative to `base`."""
    for name, function in config.functions.items():
        path: KeyPath = ("functions", name)
        if not is_function_name(name):
            text = f"{name!r} is no function name: 1 to 64 letters, digits, - and _"
            document.error(path, "lambda.name", text, key=True)
        _check_function(document, path, function, base)
        _check_versions(document, path, function, config)

        def refer(where: KeyPath, text: str) -> object:
            return check_reference(document, where, text, config)

        def judge(where: KeyPath, text: str) -> DestinationTarget | None:
            return check_target(document, where, text, config, base)

        check_event_invoke(document, path, function, refer, judge)
    reserved = sum(each.reserved_concurrency or 0 for each in config.functions.values())
    account = config.gateway.concurrency
    most = max(0, account - MIN_UNRESERVED)
    if reserved and account - reserved < min(MIN_UNRESERVED, account):
        text = (
            f"the reserved concurrency of all functions is {reserved}; the account has {account}, "
            f"of which {MIN_UNRESERVED} must stay unreserved: at most {most}"
        )
        document.error(("functions",), "lambda.reserved-concurrency", text, key=True)


def _check_function(document: Document, path: KeyPath, function: Function, base: FilePath) -> None:
    _check_runtime(document, (*path, "runtime"), function.runtime)
    if function.endpoint is None:
        if function.code is None:
            document.error(path, "config.missing-key", "the key 'code' is missing", key=True)
        else:
            _check_code(document, path, function.code, function.runtime, function.handler, base)
    for at, layer in enumerate(function.layers):
        problem = missing(base / layer)
        if problem is not None:
            text = f"{base / layer} {problem}"
            document.error((*path, "layers", at), "config.file", text)
    _check_environment(document, (*path, "environment"), function.environment)
    check_local_environment(document, (*path, "local_environment"), function.local_environment)
    for number, version in function.versions.items():
        where = (*path, "versions", number)
        code = version.code or function.code
        if version.runtime is not None:
            _check_runtime(document, (*where, "runtime"), version.runtime)
        if code is not None:
            runtime = version.runtime or function.runtime
            _check_code(document, where, code, runtime, version.handler or function.handler, base)
        if version.environment is not None:
            _check_environment(document, (*where, "environment"), version.environment)


def _check_runtime(document: Document, path: KeyPath, runtime: str) -> None:
    if RUNTIME.fullmatch(runtime) is None:
        text = f"unknown runtime {runtime!r}; known are python3.N, nodejsN.x and provided.al2023"
        document.error(path, "config.runtime", text)


def _check_environment(document: Document, path: KeyPath, environment: dict[str, str]) -> None:
    for name in environment:
        if name in RESERVED:
            text = f"{name} is reserved: Lambda refuses functions that set it"
            document.error((*path, name), "lambda.reserved-variable", text, key=True)
        elif not is_valid_name(name):
            text = f"{name!r}: a variable starts with a letter and has two characters or more"
            document.error((*path, name), "lambda.variable-name", text, key=True)
    size = sum(len(k.encode()) + len(v.encode()) for k, v in environment.items())
    if size > MAX_TOTAL:
        text = (
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit: {size} bytes, at most {MAX_TOTAL}"
        )
        document.error(path, "lambda.variables-size", text, key=True)


def check_local_environment(document: Document, path: KeyPath, environment: dict[str, str]) -> None:
    """Names that no process could have, or that a runtime needs itself."""
    for name in environment:
        if name in OF_THE_RUNTIME:
            text = f"{name} is what the runtime finds its function by: it cannot be set"
            document.error((*path, name), "config.local-variable", text, key=True)
        elif not name or "=" in name or not name.isprintable():
            text = f"{name!r} is no name of an environment variable"
            document.error((*path, name), "config.local-variable", text, key=True)
        elif "\0" in environment[name]:
            text = f"the value of {name} has a NUL, which no environment variable can have"
            document.error((*path, name), "config.local-variable", text)


def _check_code(
    document: Document, path: KeyPath, name: str, runtime: str, handler: str, base: FilePath
) -> None:
    code = base / name
    problem = missing(code)
    if problem is not None:
        document.error((*path, "code"), "config.file", f"{code} {problem}")
    elif code.suffix == ".zip" or runtime.startswith("provided"):
        return  # what is inside is seen when it runs
    elif "." not in handler:
        text = f"{handler!r} must name a file and a function: file.function"
        document.error((*path, "handler"), "config.handler", text)
    elif handler_file(code, runtime, handler) is None:
        text = f"no file for {handler!r} in {code}"
        document.error((*path, "handler"), "config.handler", text)


def handler_file(code: FilePath, runtime: str, handler: str) -> FilePath | None:
    """The file that holds the handler, in a folder of code; None where there is none."""
    folder = code if code.is_dir() else code.parent
    if runtime.startswith("python"):
        module = handler.rpartition(".")[0].replace(".", "/")
        candidates = [folder / f"{module}.py", folder / module / "__init__.py"]
    else:
        head, _, tail = handler.rpartition("/")
        stem = folder / head / tail.partition(".")[0]
        candidates = [stem.with_name(stem.name + end) for end in ("", *SCRIPTS)]
    return next((each for each in candidates if is_file(each)), None)


def versions_of(function: Function) -> list[str]:
    """The versions that a function has; without any in the configuration, version 1."""
    return [LATEST, *(function.versions or ["1"])]


def qualifiers_of(function: Function) -> list[str]:
    """All that may stand behind the colon of a reference to the function."""
    return [*versions_of(function), *function.aliases]


def _check_versions(document: Document, path: KeyPath, function: Function, config: Config) -> None:
    for name, alias in function.aliases.items():
        where = (*path, "aliases", name)
        if not is_alias_name(name):
            text = f"{name!r} is no alias: 1 to 128 letters, digits, - and _, not digits only"
            document.error(where, "lambda.alias", text, key=True)
        _check_alias(document, where, alias, versions_of(function))
        shift = alias.shift
        if shift is not None:
            for key, hook in (
                ("before_allow_traffic", shift.before_allow_traffic),
                ("after_allow_traffic", shift.after_allow_traffic),
            ):
                if hook is not None:
                    check_reference(document, (*where, "shift", key), hook, config)
    _check_provisioned(document, path, function)
    for at, permission in enumerate(function.permissions or []):
        _check_permission(document, (*path, "permissions", at), permission, function)


def _check_permission(
    document: Document, path: KeyPath, permission: Permission, function: Function
) -> None:
    """Source: Lambda API Reference, "AddPermission", FunctionUrlAuthType."""
    if permission.qualifier and permission.qualifier not in qualifiers_of(function):
        text = f"there is no version or alias {permission.qualifier!r}"
        document.error((*path, "qualifier"), "config.reference", text)
    if permission.function_url_auth_type is not None and permission.action != INVOKE_URL:
        text = f"function_url_auth_type goes with action {INVOKE_URL} alone"
        document.error((*path, "function_url_auth_type"), "lambda.permission", text, key=True)


def _check_alias(document: Document, path: KeyPath, alias: Alias, known: list[str]) -> None:
    named = [(("version",), alias.version), *((("routing", each), each) for each in alias.routing)]
    if alias.shift is not None:
        named.append((("shift", "to"), alias.shift.to))
    for below, version in named:
        if version not in known:
            text = f"there is no version {version!r}{nearest(version, known)}"
            document.error((*path, *below), "config.reference", text)
    problem = ""
    if len(alias.routing) > 1:
        problem = "Number of items in AdditionalVersionWeights cannot be greater than 1"
    elif alias.version in alias.routing:
        problem = f"version {alias.version} is already the alias's own version"
    elif alias.routing and LATEST in (*alias.routing, alias.version):
        problem = "$LATEST is not supported for an alias pointing to more than 1 version"
    if problem:
        document.error((*path, "routing"), "lambda.routing", problem, key=True)


def _check_provisioned(document: Document, path: KeyPath, function: Function) -> None:
    given = function.provisioned_concurrency
    where = (*path, "provisioned_concurrency")
    if isinstance(given, dict):
        known = [each for each in qualifiers_of(function) if each != LATEST]
        for qualifier in given:
            if qualifier not in known:
                text = f"there is no published version or alias {qualifier!r}"
                document.error(
                    (*where, qualifier),
                    "config.reference",
                    text + nearest(qualifier, known),
                    key=True,
                )
    total = sum(given.values()) if isinstance(given, dict) else given or 0
    reserved = function.reserved_concurrency
    if reserved is not None and total > reserved:
        text = (
            "Requested Provisioned Concurrency should not be greater than the "
            f"reservedConcurrentExecution for function: {total}, at most {reserved}"
        )
        document.error(where, "lambda.provisioned-concurrency", text, key=True)


def check_reference(
    document: Document, path: KeyPath, text: str, config: Config
) -> Function | None:
    """Judges `NAME` or `NAME:QUALIFIER`; answers the function when there is one."""
    name, mark, qualifier = text.partition(":")
    function = config.functions.get(name)
    if function is None:
        near = nearest(name, list(config.functions))
        document.error(path, "config.reference", f"there is no function {name!r}{near}")
        return None
    known = qualifiers_of(function)
    if mark and qualifier not in known:
        near = nearest(qualifier, known)
        detail = f"function {name!r} has no version or alias {qualifier!r}{near}"
        document.error(path, "config.reference", detail)
    return function


def check_edge_reference(document: Document, path: KeyPath, text: str, config: Config) -> None:
    """Judges a function at a trigger: CloudFront takes published versions only."""
    function = check_reference(document, path, text, config)
    if function is not None and document.stage == "start":  # else `deploy_rules` refuse it
        _warn_of_deployment(document, path, text, function)


def _warn_of_deployment(document: Document, path: KeyPath, text: str, function: Function) -> None:
    name, _, qualifier = text.partition(":")
    warn: Callable[[str, str], None] = lambda code, detail: document.warning(path, code, detail)  # noqa: E731
    if qualifier == LATEST or (not qualifier and function.versions):
        warn(
            "lambda-edge.version",
            f"CloudFront refuses $LATEST: name a published version, such as {name}:1",
        )
    elif qualifier in function.aliases:
        warn(
            "lambda-edge.version",
            f"CloudFront refuses aliases: name the version, such as {name}:1",
        )
    if function.environment:
        warn(
            "lambda-edge.environment",
            f"CloudFront refuses {name!r}: functions at the edge have no environment variables of "
            "their own; here they are left out",
        )
    number = qualifier or "1"
    version = function.versions.get(number)
    timeout = (version.timeout if version else None) or function.timeout
    if timeout > MAX_TIMEOUT:
        warn(
            "lambda-edge.timeout-quota",
            f"CloudFront refuses {name!r}: at the edge a function has {MAX_TIMEOUT:g} s at most, "
            "and so it has here",
        )
    if function.ephemeral_storage > MAX_STORAGE_MB:
        warn(
            "lambda-edge.storage-quota",
            f"CloudFront refuses {name!r}: at the edge a function has {MAX_STORAGE_MB} MB of "
            "temporary storage, and so it has here",
        )
