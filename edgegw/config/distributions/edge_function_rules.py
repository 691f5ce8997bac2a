"""What must hold for CloudFront Functions and key value stores, and what their code must not be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path as FilePath
from typing import Final

from edgegw.cloudfront.deployment_rules import pairing_findings
from edgegw.cloudfront.edge_functions.hook_kinds import KindSign, lambda_sign
from edgegw.cloudfront.edge_functions.key_values import (
    MAX_KEY_VALUE_STORES,
    MAX_STORE_FUNCTIONS,
    pairs_of,
)
from edgegw.cloudfront.edge_functions.stages import FUNCTION_NAME, MAX_EDGE_FUNCTIONS, MAX_USERS
from edgegw.cloudfront.edge_functions.static_check import (
    has_handler,
    size_fault,
    syntax_findings,
)
from edgegw.cloudfront.key_value_stores.state import STORE_NAME
from edgegw.config.distributions import keys
from edgegw.config.distributions.edge_function_keys import EdgeFunction
from edgegw.config.document import Document, KeyPath
from edgegw.config.files import is_file, missing
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.errors import Finding

SYNTAX: Final = "edge-function.syntax"
"""The code of findings about constructs that the runtime lacks."""


def check_edge_functions(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with CloudFront Functions; relative paths are relative to `base`."""
    for name, function in config.edge_functions.items():
        _check_function(document, ("edge_functions", name), function, config, base)
    _check_quotas(document, config)
    _check_store_quotas(document, config)
    for name, store in config.key_value_stores.items():
        path: KeyPath = ("key_value_stores", name)
        if not STORE_NAME.fullmatch(name):
            text = f"{name!r} is no name of a key value store: 1 to 64 letters, digits, - and _"
            document.error(path, "key-value-store.name", text, key=True)
        if store.source is not None:
            _check_import(document, (*path, "source"), base / store.source)
    for name, distribution in config.distributions.items():
        for below, behavior in keys.behaviors_of(distribution):
            _check_behavior(document, ("distributions", name, *below), behavior, config)


def _check_quotas(document: Document, config: Config) -> None:
    """Adds what of the functions AWS has no room for; here they work all the same."""
    if len(config.edge_functions) > MAX_EDGE_FUNCTIONS:
        text = f"an account has at most {MAX_EDGE_FUNCTIONS} CloudFront Functions"
        document.warning(("edge_functions",), "edge-function.quota", text, key=True)
    used = [
        {
            name
            for _, behavior in keys.behaviors_of(one)
            for name in behavior.edge_functions.values()
        }
        for one in config.distributions.values()
    ]
    users = Counter(name for names in used for name in names)
    for name in config.edge_functions:
        if users[name] > MAX_USERS:
            text = f"at most {MAX_USERS} distributions have a function ({users[name]})"
            document.warning(("edge_functions", name), "edge-function.quota", text, key=True)


def _check_store_quotas(document: Document, config: Config) -> None:
    """Adds what of the stores AWS has no room for; here they work all the same."""
    if len(config.key_value_stores) > MAX_KEY_VALUE_STORES:
        text = f"an account has at most {MAX_KEY_VALUE_STORES} key value stores"
        document.warning(("key_value_stores",), "key-value-store.quota", text, key=True)
    readers = Counter(function.key_value_store for function in config.edge_functions.values())
    for name in config.key_value_stores:
        if readers[name] > MAX_STORE_FUNCTIONS:
            text = f"at most {MAX_STORE_FUNCTIONS} functions read a store ({readers[name]})"
            path: KeyPath = ("key_value_stores", name)
            document.warning(path, "key-value-store.quota", text, key=True)


def _check_function(
    document: Document, path: KeyPath, function: EdgeFunction, config: Config, base: FilePath
) -> None:
    name = str(path[-1])
    if not FUNCTION_NAME.fullmatch(name):
        text = f"{name!r} is no name of a CloudFront Function: 1 to 64 letters, digits, - and _"
        document.error(path, "edge-function.name", text, key=True)
    store = function.key_value_store
    if store is not None:
        where = (*path, "key_value_store")
        if store not in config.key_value_stores:
            near = nearest(store, list(config.key_value_stores))
            text = f"there is no key value store {store!r}{near}"
            document.error(where, "config.reference", text)
        if function.runtime == "cloudfront-js-1.0":
            text = "a key value store needs the runtime cloudfront-js-2.0"
            document.error(where, "edge-function.key-value-store", text)
    file = base / function.code
    problem = missing(file) or (None if is_file(file) else "is a folder: name the file")
    if problem is not None:
        document.error((*path, "code"), "config.file", f"{file} {problem}")
        return
    _check_code(document, (*path, "code"), function, file)


def _check_code(document: Document, path: KeyPath, function: EdgeFunction, file: FilePath) -> None:
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        document.error(path, "config.file", f"{file} cannot be read as UTF-8: {error}")
        return
    fault = size_fault(source)
    if fault is not None:
        document.error(path, "edge-function.code-size", fault)
    if not has_handler(source):
        text = f"{file.name} has no function named handler: it would fail with a ReferenceError"
        document.warning(path, "edge-function.handler", text)
    shown, sign = _shown(file), lambda_sign(source)
    if sign is not None:
        document.findings.append(_of_lambda(shown, sign))
    for finding in syntax_findings(source, function.runtime):
        if sign is not None and finding.word in ("module", "exports"):
            continue  # it is said
        text = f"{finding.text} ({function.runtime})"
        if finding.is_refused:
            text += f"; it fails with {finding.error}"
        fails_there = finding.is_refused and document.stage == "deployment"
        severity = "error" if fails_there else "warning"
        document.findings.append(
            Finding(shown, finding.line, finding.column, severity, SYNTAX, text)
        )


def _of_lambda(shown: str, sign: KindSign) -> Finding:
    text = (
        f"this is a Lambda@Edge handler: {sign.text}; a CloudFront Function is a plain function "
        "handler(event), which gets event.request: write that, or name the file under functions, "
        "and the function at lambda_functions of the behavior"
    )
    return Finding(shown, sign.line, sign.column, "warning", "edge-function.lambda-edge", text)


def _shown(file: FilePath) -> str:
    """The file as findings name it: from the working directory on, where it is below that."""
    here = FilePath.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _check_import(document: Document, path: KeyPath, file: FilePath) -> None:
    problem = missing(file)
    if problem is not None:
        document.error(path, "config.file", f"{file} {problem}")
        return
    try:
        pairs_of(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        document.error(path, "key-value-store.import", f"{file.name}: {error}")


def _check_behavior(
    document: Document, path: KeyPath, behavior: keys.DefaultBehavior, config: Config
) -> None:
    for trigger, name in behavior.edge_functions.items():
        if name not in config.edge_functions:
            where = (*path, "edge_functions", trigger)
            text = f"there is no CloudFront Function {name!r}"
            if name in config.functions:
                text += ": it is a Lambda function, whose place is lambda_functions"
            document.error(
                where, "config.reference", text + nearest(name, list(config.edge_functions))
            )
    at_edge: dict[str, str] = {
        trigger: association.function for trigger, association in behavior.lambda_functions.items()
    }
    others: dict[str, str] = {**behavior.edge_functions}
    for finding in pairing_findings(at_edge, others):
        where = (*path, "edge_functions", finding.key)
        document.error(where, finding.rule.code, finding.text)
