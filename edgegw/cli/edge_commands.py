"""Commands for hooks at the edge: `event` prints what one would get, `validate` judges a result."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import click

from edgegw.cli.function_commands import CANDIDATES
from edgegw.cli.http_event import HTTP_EVENTS, http_event
from edgegw.cli.terminal_text import on_one_line, shown_text
from edgegw.cloudfront.triggers import TRIGGERS, Trigger, ViewerTrigger
from edgegw.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgegw.cloudfront.rule_table import Violation
    from edgegw.config.model import Config, DistributionDoor
    from edgegw.http.message import Request, Response

_EXAMPLE: Final[dict[str, Any]] = {
    "distributions": {
        "example": {
            "listen": 0,
            "origins": {"app": {"url": "https://origin.example"}},
            "default_behavior": {
                "origin": "app",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewerExceptHostHeader",
            },
        }
    }
}
"""Stands for a configuration where none is named."""


EDGE_FUNCTIONS: Final[dict[str, ViewerTrigger]] = {
    "cloudfront-function-request": "viewer-request",
    "cloudfront-function-response": "viewer-response",
}
"""Kinds of CloudFront Functions, with their triggers."""


@click.command()
@click.argument("kind", type=click.Choice((*TRIGGERS, *EDGE_FUNCTIONS, *HTTP_EVENTS)))
@click.option("--url", default="https://www.example.com/", show_default=True)
@click.option("--method", help="Default: GET, with a body POST.")
@click.option("--header", "headers", multiple=True, metavar="'K: V'", help="Repeatable.")
@click.option("--body", help="The body of the request, as text.")
@click.option("--body-file", type=click.File("rb"), help="A file with the body; - is stdin.")
@click.option("--include-body", is_flag=True, help="Show the body whatever the association says.")
@click.option("--client-ip", default="203.0.113.10", show_default=True, help="The viewer.")
@click.option("--status", type=click.IntRange(200, 599), default=200, show_default=True)
@click.option("--response-header", "answered", multiple=True, metavar="'K: V'", help="Repeatable.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A configuration; without one, a distribution that forwards everything.",
)
@click.option("--distribution", help="Which distribution of the configuration.")
@click.option("--function", help="Which function's URL of the configuration.")
@click.option("--http-api", help="Which HTTP API of the configuration.")
@click.option("--route", help="The route of apigw-v1 and apigw-v2 without a configuration.")
def event(
    kind: str,
    config: Path | None,
    distribution: str | None,
    function: str | None,
    http_api: str | None,
    route: str | None,
    **given: Any,
) -> None:
    """Print the event that a function gets for a request, as JSON.

    KIND is a trigger of Lambda@Edge, cloudfront-function-request or cloudfront-function-response,
    function-url, apigw-v1 or apigw-v2 (payload 1.0 and 2.0 of an HTTP API). With --config it is
    what the gateway would send: the behavior's policies apply, and
    functions before the trigger run; an HTTP API finds its route. --status and --response-header
    are the origin's answer.

    Example: edgegw event origin-request --url https://www.example.com/a --config edgegw.yaml
    """
    if kind in HTTP_EVENTS:
        name = function if kind == "function-url" else http_api
        payload = http_event(kind, _request(**given), config, name, route)
    elif kind in EDGE_FUNCTIONS:
        payload = _edge_function_event(EDGE_FUNCTIONS[kind], config, distribution, given)
    else:
        payload = _edge_event(cast("Trigger", kind), config, distribution, given)
    click.echo(json.dumps(json.loads(payload), indent=2, ensure_ascii=False))


def _edge_event(
    kind: Trigger, config: Path | None, distribution: str | None, given: Mapping[str, Any]
) -> bytes:
    import asyncio

    from edgegw.config.resolve import load_dict, load_file
    from edgegw.gateway.ports import with_ports
    from edgegw.gateway.preview import event_at

    loaded = with_ports(load_dict(_EXAMPLE) if config is None else load_file(config), {})
    door = _distribution(loaded, distribution)
    return asyncio.run(
        event_at(
            loaded,
            door.distribution,
            kind,
            _request(**given),
            _response(given["status"], given["answered"]),
            include_body=given["include_body"],
        )
    )


def _edge_function_event(
    trigger: ViewerTrigger,
    config: Path | None,
    distribution: str | None,
    given: Mapping[str, Any],
) -> str:
    import asyncio

    from edgegw.config.resolve import load_dict, load_file
    from edgegw.gateway.edge_preview import edge_event_at
    from edgegw.gateway.ports import with_ports

    loaded = with_ports(load_dict(_EXAMPLE) if config is None else load_file(config), {})
    door = _distribution(loaded, distribution)
    reply = _response(given["status"], given["answered"])
    event = edge_event_at(loaded, door.distribution, trigger, _request(**given), reply)
    return asyncio.run(event)


def _distribution(config: Config, name: str | None) -> DistributionDoor:
    doors = config.distributions
    names = ", ".join(door.name for door in doors) or "none"
    if name is None and len(doors) == 1:
        return doors[0]
    for door in doors:
        if door.name == name:
            return door
    if name is None:
        raise UsageError(f"name one with --distribution (known: {names})")
    raise UsageError(f"there is no distribution {name!r} (known: {names})")


def _lines(given: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    lines: list[tuple[bytes, bytes]] = []
    for each in given:
        name, mark, value = each.partition(":")
        if not mark or not name.strip():
            raise UsageError(f"a header is written 'Name: value', not {each!r}")
        lines.append((name.strip().encode(), value.strip().encode()))
    return lines


def _request(
    url: str,
    method: str | None,
    headers: tuple[str, ...],
    body: str | None,
    body_file: Any,
    client_ip: str,
    **_: Any,
) -> Request:
    """The request as curl would send it."""
    from edgegw.http.message import Body, Client, Headers, Request
    from edgegw.http.target import RequestTarget

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"--url: {url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"--url is http://HOST/PATH or https://HOST/PATH, not {url!r}")
    content = body_file.read() if body_file is not None else (body or "").encode()
    lines = _lines(headers)
    names = {name.lower() for name, _ in lines}
    usual = [
        (b"Host", parts.netloc.rpartition("@")[2].encode()),
        (b"User-Agent", b"curl/8.5.0"),
        (b"Accept", b"*/*"),
    ]
    if content:
        usual.append((b"Content-Length", str(len(content)).encode()))
    lines = [line for line in usual if line[0].lower() not in names] + lines
    raw = (parts.path or "/") + (f"?{parts.query}" if "?" in url else "")
    return Request(
        method or ("POST" if content else "GET"),
        RequestTarget.parse(raw.encode()),
        Headers(lines),
        Body.of(content),
        parts.scheme,
        "2" if parts.scheme == "https" else "1.1",
        Client(client_ip, 50000),
    )


def _response(status: int, answered: tuple[str, ...]) -> Response:
    from edgegw.http.message import Headers, Response
    from edgegw.http.status import reason_phrase

    lines = _lines(answered) or [(b"Content-Type", b"text/html"), (b"Content-Length", b"0")]
    return Response(status, reason_phrase(status), Headers(lines))


@click.command()
@click.argument("trigger", type=click.Choice((*TRIGGERS, *EDGE_FUNCTIONS)))
@click.option("--event", "event_file", type=click.File("rb"), required=True, help="- is stdin.")
@click.option("--result", "result_file", type=click.File("rb"), required=True, help="- is stdin.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Judge as this configuration says (strict, open_points); default: edgegw.yaml, if any.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(
    trigger: str, event_file: Any, result_file: Any, config: Path | None, *, as_json: bool
) -> None:
    """Say what CloudFront would say of a function's result at TRIGGER.

    Exits with 0 when it is accepted (warnings allowed), 1 when it is refused.

    Example: edgegw validate viewer-request --event event.json --result result.json
    """
    from edgegw.cloudfront.trigger_result import GeneratedResponse, InvalidResult

    is_edge_function = trigger in EDGE_FUNCTIONS
    judge = _edge_function_answer if is_edge_function else _lambda_answer
    kind = "a CloudFront Function" if is_edge_function else "Lambda@Edge"
    try:
        event = json.loads(event_file.read())
    except ValueError as error:
        raise UsageError(f"--event is no event of {kind}: {error}") from None
    answer, has_response = judge(trigger, event, result_file.read(), _strictness(config))
    violations = answer.violations if isinstance(answer, InvalidResult) else answer.warnings
    if as_json:
        refused = isinstance(answer, InvalidResult)
        page = answer.first.rule.page if isinstance(answer, InvalidResult) else None
        found = [violation.to_dict() for violation in violations]
        click.echo(json.dumps({"accepted": not refused, "page": page, "findings": found}, indent=2))
        sys.exit(1 if refused else 0)
    for violation in violations:
        _print(violation)
    if isinstance(answer, InvalidResult):
        word = "Function" if is_edge_function else "Lambda"
        click.echo(f"refused: 502, X-Cache: {word}ValidationError from cloudfront")
        click.echo(f"    {answer.first.rule.page}")
        sys.exit(1)
    if isinstance(answer, GeneratedResponse):
        click.echo(f"accepted: the function answers {answer.status} itself")
    else:
        click.echo(f"accepted: the {'response' if has_response else 'request'} goes on")


def _lambda_answer(
    trigger: str, event: object, payload: bytes, strictness: Any
) -> tuple[Any, bool]:
    """What a result of Lambda@Edge means, and whether there is a response to go on with."""
    from edgegw.cloudfront.event_reader import NotAnEventError, decode_event
    from edgegw.cloudfront.trigger_result import decode_request_result, decode_response_result

    try:
        shown = decode_event(event, strictness)
    except NotAnEventError as error:
        raise UsageError(f"--event is no event of Lambda@Edge: {error}") from None
    _check_trigger(shown.trigger, trigger)
    decode = decode_request_result if shown.response is None else decode_response_result
    return decode(payload, shown), shown.response is not None


def _edge_function_answer(
    kind: str, event: object, payload: bytes, strictness: Any
) -> tuple[Any, bool]:
    """The same for a result of a CloudFront Function."""
    from edgegw.cloudfront.edge_functions.event_reader import decode_edge_event
    from edgegw.cloudfront.edge_functions.model import EdgeReport, EdgeReturned
    from edgegw.cloudfront.edge_functions.results import decode_edge_request, decode_edge_response
    from edgegw.cloudfront.event_reader import NotAnEventError

    try:
        shown = decode_edge_event(event, strictness)
        returned = EdgeReturned(json.loads(payload), EdgeReport())
    except NotAnEventError as error:
        raise UsageError(f"--event is no event of a CloudFront Function: {error}") from None
    except ValueError as error:
        raise UsageError(f"--result is no JSON: {error}") from None
    _check_trigger(shown.trigger, EDGE_FUNCTIONS[kind])
    decode = decode_edge_request if shown.response is None else decode_edge_response
    return decode(returned, shown), shown.response is not None


def _check_trigger(is_of: str, trigger: str) -> None:
    if is_of != trigger:
        raise UsageError(f"--event is one of {is_of}, not of {trigger}")


def _print(violation: Violation) -> None:
    severity = "error" if violation.is_refused else "warning"
    where = violation.path or "the result"
    click.echo(on_one_line(f"{where}: {severity}: {violation.code} {violation.rule.demands}"))
    click.echo(shown_text(f"    found {violation.actual}; {violation.expected}"))
    click.echo(f"    {violation.rule.source}")


def _strictness(config: Path | None) -> Any:
    from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS
    from edgegw.config.resolve import load_file

    found = config or next((Path(name) for name in CANDIDATES if Path(name).exists()), None)
    if found is None:
        return DEFAULT_STRICTNESS
    doors = load_file(found).distributions
    return doors[0].distribution.strictness if doors else DEFAULT_STRICTNESS
