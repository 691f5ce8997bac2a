"""`compare`: sends requests to the gateway, in process, and to a deployed front door.

Both get the same bytes: path, headers, body, and the Host of the deployed one. Nothing is followed
and no cookie is kept, so every request stands for itself; both sides are asked at the same time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from edgegw.config.model import Config
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.origins import MakeTransport, httpx_transport
from edgegw.testing.differential.differences import SeenAnswer, differences
from edgegw.testing.differential.report import ComparisonReport, RequestComparison
from edgegw.testing.differential.requests import (
    ComparedRequest,
    check_methods,
    compared_requests,
)

_TIMEOUT: Final = 60.0
"""Seconds without a byte of an answer; a distribution waits as long for its origin at most."""


async def compare(
    config: str | Path | Config,
    *,
    against: str,
    requests: Path | Sequence[ComparedRequest],
    front_door: str = "",
    ignore: Iterable[str] = (),
    ignore_in_body: str = "",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    transport: MakeTransport = httpx_transport,
    unsafe: bool = False,
    verify: bool = True,
) -> ComparisonReport:
    """Where the answers of `config` and of the front door `against` (a URL) differ.

    `ignore` names headers; what matches `ignore_in_body` is taken out of both bodies first. Methods
    other than GET, HEAD and OPTIONS are sent only if they may be `unsafe`. Without `verify` any
    certificate of the deployed one will do.

    Raises ConfigError, UsageError, and EnvironmentProblem where nobody answers `against`.
    """
    base, chosen = _base(against), _requests(requests)
    check_methods(chosen, allows_unsafe=unsafe)
    pattern = _pattern(ignore_in_body)
    gateway = Gateway(_loaded(config), functions=functions, transport=transport)
    name = front_door or _first_front_door(gateway.config)
    ignored = frozenset(header.lower() for header in ignore)
    comparisons: list[RequestComparison] = []
    async with (
        gateway.client(name, base_url=base) as here,
        httpx.AsyncClient(verify=verify, timeout=_TIMEOUT) as there,
    ):
        for request in chosen:
            answers = await asyncio.gather(
                _answer(here, base, request, pattern), _deployed(there, base, request, pattern)
            )
            comparisons.append(
                RequestComparison(request, tuple(differences(*answers, ignored=ignored)))
            )
    return ComparisonReport(str(base), tuple(comparisons))


def _base(against: str) -> httpx.URL:
    """The deployed front door. Raises UsageError where that is no URL of one."""
    try:
        url = httpx.URL(against)
    except httpx.InvalidURL as error:
        raise UsageError(f"{against!r} is no URL: {error}") from None
    is_whole = url.scheme in ("http", "https") and bool(url.host)
    if not is_whole or url.raw_path not in (b"", b"/") or url.userinfo:
        raise UsageError(
            "--against is where a front door is, as https://d111111abcdef8.cloudfront.net, and has "
            f"no path; not {against!r}"
        )
    return url


def _requests(requests: Path | Sequence[ComparedRequest]) -> tuple[ComparedRequest, ...]:
    return compared_requests(requests) if isinstance(requests, Path) else tuple(requests)


def _pattern(text: str) -> re.Pattern[bytes] | None:
    try:
        return re.compile(text.encode()) if text else None
    except re.error as error:
        raise UsageError(f"{text!r} is no regular expression: {error}") from None


def _loaded(config: str | Path | Config) -> Config:
    if isinstance(config, Config):
        return config
    from edgegw.config.remembered import load_again

    return load_again(config)


def _first_front_door(config: Config) -> str:
    for door in config.doors:
        return door.name
    raise UsageError("there is no front door to send requests to in this configuration")


async def _deployed(
    client: httpx.AsyncClient,
    base: httpx.URL,
    request: ComparedRequest,
    pattern: re.Pattern[bytes] | None,
) -> SeenAnswer:
    try:
        return await _answer(client, base, request, pattern)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise EnvironmentProblem(f"{base} does not answer {request}: {reason}") from error


async def _answer(
    client: httpx.AsyncClient,
    base: httpx.URL,
    request: ComparedRequest,
    pattern: re.Pattern[bytes] | None,
) -> SeenAnswer:
    headers = [("Host", base.netloc.decode("ascii")), *request.headers]
    sent = httpx.Request(
        request.method,
        base.copy_with(raw_path=request.target.encode("ascii")),
        headers=headers,
        content=request.body or None,
        extensions={"timeout": httpx.Timeout(_TIMEOUT).as_dict()},
    )
    response = await client.send(sent, follow_redirects=False)
    lines = tuple((name.lower(), text) for name, text in response.headers.multi_items())
    body = response.content
    return SeenAnswer(response.status_code, lines, pattern.sub(b"", body) if pattern else body)
