"""Which route of an HTTP API takes a request.

A route that names more of the path goes before one that names less: literal segments before
`{name}`, that before the greedy `{name+}`, and all before `$default`. Of two routes with the same
path one with a method goes before ANY.

Source: API Gateway Developer Guide, "Create routes for HTTP APIs", routing API requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from edgegw.awslambda.http_events.model import DEFAULT, ApiRoute, HttpApi
from edgegw.http.target import to_text
from edgegw.values import value

ROUTE_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY")
"""What may stand before the path of a route key.

Source: API Gateway Developer Guide, "Create routes for HTTP APIs".
"""
_VARIABLE: Final = re.compile(r"\{([A-Za-z0-9._:-]+)(\+?)\}")
"""A path variable, greedy with `+`.

Source: API Gateway Developer Guide, "Create routes for HTTP APIs", path variables.
"""


@value
class RouteMatch:
    """A route with what its variables stand for, decoded; `stage` is the request's."""

    route: ApiRoute
    parameters: Mapping[str, str]
    stage: str


@value
class TriedRoute:
    """A route as `explain` shows it: whether it takes the request, and why not."""

    route: ApiRoute
    parameters: Mapping[str, str] | None
    why: str


def route_fault(key: str) -> str | None:
    """What is wrong with a route key, or None.

    Source: API Gateway Developer Guide, "Create routes for HTTP APIs".
    """
    if key == DEFAULT:
        return None
    method, mark, path = key.partition(" ")
    if not mark or not path.startswith("/"):
        return "a route is METHOD /PATH, such as GET /items/{id}, or $default"
    if method not in ROUTE_METHODS:
        return f"{method!r} is no method of a route"
    segments = segments_of(path)
    for at, segment in enumerate(segments):
        if "{" not in segment and "}" not in segment:
            continue
        variable = _VARIABLE.fullmatch(segment)
        if variable is None:
            return f"{segment!r}: a variable is a whole segment, {{name}} or {{name+}}"
        if variable[2] and at + 1 < len(segments):
            return f"{segment!r}: a greedy variable is the last segment"
    names = [variable[1] for variable in map(_VARIABLE.fullmatch, segments) if variable]
    if len(set(names)) < len(names):
        return "a variable stands in a path once"
    return None


def segments_of(path: str) -> tuple[str, ...]:
    """The segments of a path that begins with a slash; a slash at the end is an empty one."""
    return tuple(path[1:].split("/"))


def same_requests(key: str) -> str:
    """`key` with its variables unnamed: two routes that take the same requests are the same."""
    return _VARIABLE.sub(lambda variable: "{" + variable[2] + "}", key)


def split_stage(api: HttpApi, path: bytes) -> tuple[str | None, bytes]:
    """The stage that `path` is of, and the path below it; no stage where there is none.

    Source: API Gateway Developer Guide, "Stages for HTTP APIs".
    """
    first, _, rest = path[1:].partition(b"/")
    name = to_text(first)
    if name != DEFAULT and name in api.stages:
        return name, b"/" + rest
    return (DEFAULT, path) if DEFAULT in api.stages else (None, path)


def find_route(api: HttpApi, method: str, path: bytes) -> RouteMatch | None:
    """The route for `path`, as it was received; None where none takes it."""
    stage, below = split_stage(api, path)
    if stage is None:
        return None
    best: tuple[tuple[int, ...], RouteMatch] | None = None
    for route in api.routes:
        parameters = _parameters(route, method, below)
        if parameters is not None:
            rank = _rank(route)
            if best is None or rank < best[0]:
                best = rank, RouteMatch(route, parameters, stage)
    return None if best is None else best[1]


def tried_routes(api: HttpApi, method: str, path: bytes) -> list[TriedRoute]:
    """Every route in the order in which they would be taken, with why each takes it or not."""
    stage, below = split_stage(api, path)
    ordered = sorted(api.routes, key=_rank)
    if stage is None:
        return [TriedRoute(route, None, "the path names no stage") for route in ordered]
    return [_tried(route, method, below) for route in ordered]


def _tried(route: ApiRoute, method: str, path: bytes) -> TriedRoute:
    parameters = _parameters(route, method, path)
    if parameters is not None:
        return TriedRoute(route, parameters, "takes it")
    if _parameters(route, route.method or method, path) is None:
        return TriedRoute(route, None, f"the path {to_text(path)} is another one")
    return TriedRoute(route, None, f"the method is {method}")


def _rank(route: ApiRoute) -> tuple[int, ...]:
    """The lower, the more a route says: of each segment, then of the method."""
    if route.segments is None:
        return (4,)
    kinds = [_kind(segment) for segment in route.segments]
    return (*kinds, 3 if kinds[-1] == 2 else 0, int(route.method is None))


def _kind(segment: str) -> int:
    variable = _VARIABLE.fullmatch(segment)
    if variable is None:
        return 0
    return 2 if variable[2] else 1


def _parameters(route: ApiRoute, method: str, path: bytes) -> Mapping[str, str] | None:
    """What the variables of `route` stand for in `path`; None where it is not for the request."""
    if route.segments is None:
        return {}
    if route.method not in (None, method) or path[:1] != b"/":
        return None
    pieces = path[1:].split(b"/")
    parameters: dict[str, str] = {}
    for at, segment in enumerate(route.segments):
        variable = _VARIABLE.fullmatch(segment)
        if variable is not None and variable[2]:
            rest = b"/".join(pieces[at:])
            if not rest:
                return None
            parameters[variable[1]] = _decoded(rest)
            return parameters
        if at >= len(pieces):
            return None
        if variable is None:
            if _decoded(pieces[at]) != segment:
                return None
        elif not pieces[at]:
            return None
        else:
            parameters[variable[1]] = _decoded(pieces[at])
    return parameters if len(pieces) == len(route.segments) else None


def _decoded(piece: bytes) -> str:
    return to_text(unquote_to_bytes(piece))
