"""The events that `edgegw event` prints for function URLs and HTTP APIs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from edgegw.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgegw.awslambda.http_events.model import HttpApi, PayloadFormat
    from edgegw.config.model import FunctionUrlDoor, HttpApiDoor
    from edgegw.http.message import Request

HttpEventKind = Literal["function-url", "apigw-v1", "apigw-v2"]
HTTP_EVENTS: Final[tuple[HttpEventKind, ...]] = ("function-url", "apigw-v1", "apigw-v2")

_D = TypeVar("_D", bound="FunctionUrlDoor | HttpApiDoor")


def http_event(
    kind: str, request: Request, config: Path | None, name: str | None, route: str | None
) -> bytes:
    """The event of `kind` for `request`: of the front door `name` of `config`, else an example.

    `route` is the one route of the example. Raises UsageError.
    """
    from edgegw.config.remembered import load_quickly
    from edgegw.gateway.http_preview import api_event, example_api, example_url, url_event

    body = request.body.content or b""
    loaded = None if config is None else load_quickly(config)
    if kind == "function-url":
        url = example_url() if loaded is None else _door(loaded.function_urls, name, "function").url
        return url_event(url, request, body)
    payload: PayloadFormat = "1.0" if kind == "apigw-v1" else "2.0"
    if loaded is None:
        api = example_api(route or "$default", payload)
    else:
        api = _with_payload(_door(loaded.http_apis, name, "http-api").api, payload)
    return api_event(api, request, body)


def _with_payload(api: HttpApi, payload: PayloadFormat) -> HttpApi:
    return replace(api, routes=tuple(replace(route, payload=payload) for route in api.routes))


def _door(doors: Sequence[_D], name: str | None, option: str) -> _D:
    names = ", ".join(door.name for door in doors) or "none"
    if name is None and len(doors) == 1:
        return doors[0]
    for door in doors:
        if door.name == name:
            return door
    if name is None:
        raise UsageError(f"name one with --{option} (known: {names})")
    raise UsageError(f"there is no {name!r} with --{option} (known: {names})")
