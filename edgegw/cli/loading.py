"""Whether functions load: told when a gateway starts, and found by `edgegw check --load`.

A mistake in a hook shows on the page that it breaks; a hook that does not load, or has no such
handler, should show before anybody asks for a page. The code of a CloudFront Function is compiled;
constructs that its runtime lacks are findings of their own, which it takes no engine to see.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable
from typing import Final

from edgegw.awslambda.lifecycle import ErrorObject
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.payload import decode_payload
from edgegw.cli.terminal_text import on_one_line
from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.cloudfront.edge_functions.static_check import syntax_findings
from edgegw.config.model import Config
from edgegw.errors import Finding
from edgegw.execution.edge_js import compile_failure
from edgegw.execution.service import LambdaService
from edgegw.gateway.failure_place import SourcePlace, code_folders, place_in, short_place
from edgegw.gateway.gateway import Gateway

logger = logging.getLogger(__name__)

_MOST: Final = 20
"""Functions that are tried at start, one after the other: trying is a start of a process."""


async def tell_what_does_not_load(gateway: Gateway) -> None:
    """Warns of functions behind front doors that a request would only find broken."""
    config, service = gateway.config, gateway.service
    refs = (ref for door in config.doors for ref in door.functions)
    left_out = {name for name, _ in gateway.left_out()}
    named = {ref.name: ref for ref in refs if ref.name not in left_out}
    async for ref, failure in failures(service, list(named.values())[:_MOST]):
        place = _place(service, ref, failure)
        where = f" ({short_place(place)})" if place is not None else ""
        logger.warning("%s does not load: %s%s", ref.name, _words(failure), where)
    async for function, why in edge_failures(list(config.edge_functions.values())[:_MOST]):
        where = short_place(_edge_place(function, why))
        logger.warning("%s does not load: %s (%s)", function.name, why, where)


async def failures(
    service: LambdaService, refs: Iterable[FunctionRef]
) -> AsyncIterator[tuple[FunctionRef, ErrorObject]]:
    """The functions that do not load, one tried after the other."""
    for ref in refs:
        failure = await service.try_loading(ref)
        if failure is not None:
            yield ref, failure


async def edge_failures(
    functions: Iterable[EdgeFunction],
) -> AsyncIterator[tuple[EdgeFunction, str]]:
    """The CloudFront Functions that do not compile, and why."""
    for function in functions:
        findings = await asyncio.to_thread(syntax_findings, function.code, function.runtime)
        if not any(finding.is_refused for finding in findings):
            why = await asyncio.to_thread(compile_failure, function)
            if why:
                yield function, on_one_line(why)


def load_findings(config: Config) -> list[Finding]:
    """What `check --load` finds: an error for each function that does not load."""
    return asyncio.run(_load_findings(config))


async def _load_findings(config: Config) -> list[Finding]:
    service = LambdaService(
        config.functions, config.account, pass_credentials=config.pass_credentials
    )
    await service.start()
    try:
        refs = [FunctionRef(name) for name in config.functions]
        found = failures(service, refs)
        findings = [_finding(config, service, ref, failure) async for ref, failure in found]
    finally:
        await service.close()
    failed = edge_failures(config.edge_functions.values())
    return [*findings, *[_edge_finding(function, why) async for function, why in failed]]


def _finding(
    config: Config, service: LambdaService, ref: FunctionRef, failure: ErrorObject
) -> Finding:
    """At the line that fails, where that is known; else at the configuration."""
    place = _place(service, ref, failure)
    file, _, line = short_place(place or (config.files[0], 1)).rpartition(":")
    text = f"{ref.name} does not load: {_words(failure)}"
    return Finding(file, int(line), 1, "error", "function.load", text)


_LINE: Final = re.compile(r" in (\d+)\Z")


def _edge_place(function: EdgeFunction, why: str) -> SourcePlace:
    line = _LINE.search(why)
    return function.path, int(line[1]) if line is not None else 1


def _edge_finding(function: EdgeFunction, why: str) -> Finding:
    file, _, line = short_place(_edge_place(function, why)).rpartition(":")
    text = f"{function.name} does not load: {why}"
    return Finding(file, int(line), 1, "error", "function.load", text)


def _place(service: LambdaService, ref: FunctionRef, failure: ErrorObject) -> SourcePlace | None:
    try:
        error = decode_payload(failure.payload)
    except ValueError:
        return None
    return place_in(error, code_folders(service, ref.name))


def _words(failure: ErrorObject) -> str:
    """Without the id of the request: there is none yet."""
    message = failure.message.removeprefix("RequestId:  Error: ")
    return on_one_line(f"{failure.error_type}: {message}")
