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

    from edgegw.cloudfront.edge_rule import Violation
    from edgegw.config.model import Config, DistributionDoor
    from edgegw.http.message import Request, Response

EDGE_FUNCTIONS: Final = ("cloudfront-function-request", "cloudfront-function-response")
_KINDS: Final = {
    **dict.fromkeys(EDGE_FUNCTIONS, "a CloudFront Function"),
    "alb": "a load balancer",
    "function-url": "a function URL",
    "apigw-v1": "an HTTP API",
    "apigw-v2": "an HTTP API",
}
JUDGED: Final = (*TRIGGERS, *EDGE_FUNCTIONS, "alb", *HTTP_EVENTS)
"""Kinds of functions whose results are judged: `edgegw.testing.judging` has them too."""


@click.command()
@click.argument("kind", type=click.Choice((*TRIGGERS, *EDGE_FUNCTIONS, "alb", *HTTP_EVENTS)))
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
@click.option("--multi-value", is_flag=True, help="alb: the target group has multi-value headers.")
def event(
    kind: str,
    config: Path | None,
    distribution: str | None,
    function: str | None,
    http_api: str | None,
    route: str | None,
    *,
    multi_value: bool,
    **given: Any,
) -> None:
    """Print the event that a function gets for a request, as JSON.

    KIND is a trigger of Lambda@Edge, cloudfront-function-request or cloudfront-function-response,
    alb, function-url, apigw-v1 or apigw-v2 (payload 1.0 and 2.0 of an HTTP API). With --config it
    is what the gateway would send: the behavior's policies apply, and functions before the trigger
    run; an HTTP API finds its route. --status and --response-header are the origin's answer.

    Example: edgegw event origin-request --url https://www.example.com/a --config edgegw.yaml
    """
    if kind in HTTP_EVENTS:
        name = function if kind == "function-url" else http_api
        payload = http_event(kind, _request(**given), config, name, route)
    elif kind in EDGE_FUNCTIONS:
        trigger = cast("ViewerTrigger", kind.replace("cloudfront-function", "viewer"))
        payload = _edge_function_event(trigger, config, distribution, given)
    elif kind == "alb":
        payload = _alb_event(_request(**given), multi_value=multi_value)
    else:
        payload = _edge_event(cast("Trigger", kind), config, distribution, given)
    click.echo(json.dumps(json.loads(payload), indent=2, ensure_ascii=False))


def _edge_event(
    kind: Trigger, config: Path | None, distribution: str | None, given: Mapping[str, Any]
) -> bytes:
    import asyncio

    from edgegw.gateway.preview import event_at

    loaded = _loaded(config)
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

    from edgegw.gateway.edge_preview import edge_event_at

    loaded = _loaded(config)
    door = _distribution(loaded, distribution)
    reply = _response(given["status"], given["answered"])
    event = edge_event_at(loaded, door.distribution, trigger, _request(**given), reply)
    return asyncio.run(event)


def _loaded(config: Path | None) -> Config:
    """The configuration, or the example's."""
    from edgegw.config.remembered import load_quickly
    from edgegw.gateway.example_distribution import example_config
    from edgegw.gateway.ports import with_ports

    return example_config() if config is None else with_ports(load_quickly(config), {})


def _alb_event(request: Request, *, multi_value: bool) -> bytes:
    """The event of a function in a target group, with the headers that a load balancer adds."""
    from edgegw.gateway.balancer_preview import balancer_event, through_balancer

    return balancer_event(through_balancer(request), multi_value=multi_value)


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
@click.argument("trigger", metavar="KIND", type=click.Choice(JUDGED))
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
    """Say what AWS would say of a function's result.

    KIND is a trigger of Lambda@Edge, cloudfront-function-request or cloudfront-function-response,
    alb, function-url, apigw-v1 or apigw-v2.

    Exits with 0 when it is accepted (warnings allowed), 1 when it is refused.

    Example: edgegw validate viewer-request --event event.json --result result.json
    """
    from edgegw.testing.judging import judged

    try:
        event = json.loads(event_file.read())
    except ValueError as error:
        kind = _KINDS.get(trigger, "Lambda@Edge")
        raise UsageError(f"--event is no event of {kind}: {error}") from None
    try:
        verdict = judged(trigger, event, result_file.read(), _strictness(config))
    except UsageError as error:
        raise UsageError(str(error).replace("the ", "--", 1)) from None
    if as_json:
        findings = [violation.to_dict() for violation in verdict.findings]
        shown = {"accepted": verdict.accepted, "page": verdict.page, "findings": findings}
        click.echo(json.dumps(shown, indent=2))
        sys.exit(0 if verdict.accepted else 1)
    for violation in verdict.findings:
        _print(violation)
    click.echo(on_one_line(verdict.outcome))
    if not verdict.accepted:
        if verdict.page is not None:
            click.echo(f"    {verdict.page}")
        sys.exit(1)


def _print(violation: Violation) -> None:
    severity = "error" if violation.is_refused else "warning"
    where = violation.path or "the result"
    click.echo(on_one_line(f"{where}: {severity}: {violation.code} {violation.rule.demands}"))
    click.echo(shown_text(f"    found {violation.actual}; {violation.expected}"))
    click.echo(f"    {violation.rule.source}")


def _strictness(config: Path | None) -> Any:
    from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS
    from edgegw.config.remembered import load_quickly

    found = config or next((Path(name) for name in CANDIDATES if Path(name).exists()), None)
    if found is None:
        return DEFAULT_STRICTNESS
    doors = load_quickly(found).distributions
    return doors[0].distribution.strictness if doors else DEFAULT_STRICTNESS
