"""The control channel: a small HTTP API on loopback, for commands against a running `serve`.

A file in the state folder, readable by its owner only, tells address and token. Requests need the
token, the right Host, and no Origin: a page in a browser has the one or lacks the other.

    GET    /status   what runs: version, configuration, front doors, functions, what is stale
    GET    /faults   {"faults": {TARGET: {KIND: VALUE}}, "seed": NUMBER or null}
    PATCH  /faults   {"set": ["NAME.KIND=VALUE", …], "seed": NUMBER}: sets some, answers all
    DELETE /faults   clears all
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from edgegw import __version__
from edgegw.config.faults import set_faults
from edgegw.errors import EdgegwError, UsageError
from edgegw.gateway.announcement import FILE, read_announcement
from edgegw.gateway.balancer_control import (
    MAX_WEIGHT,
    deregister,
    describe_targets,
    explained,
    register,
    with_weights,
)
from edgegw.gateway.gateway import Gateway
from edgegw.wire.asgi import Message, Receive, Scope, Send
from edgegw.wire.state_folder import state_folder, write_private

_LARGEST: Final = 1024 * 1024
Answer = tuple[int, Mapping[str, Any]]


class ControlChannel:
    """The API of one running gateway, as an ASGI application."""

    def __init__(self, gateway: Gateway, doors: Callable[[], Mapping[str, str]]) -> None:
        self._gateway = gateway
        self._doors = doors
        self._token = secrets.token_urlsafe(32)
        self._hosts: frozenset[bytes] = frozenset()
        self._file: Path | None = None

    def announce(self, sock: socket.socket) -> None:
        """Tells where the API listens, in the state folder. Raises EnvironmentProblem."""
        port = sock.getsockname()[1]
        self._hosts = frozenset({b"127.0.0.1:%d" % port, b"localhost:%d" % port})
        self._file = state_folder(self._gateway.config.state) / FILE
        told = {"url": f"http://127.0.0.1:{port}", "token": self._token, "pid": os.getpid()}
        write_private(self._file, json.dumps(told).encode())

    def retire(self) -> None:
        """Removes what `announce` told, unless another gateway has taken its place."""
        if (
            self._file is not None
            and (read_announcement(self._file.parent) or {}).get("token") == self._token
        ):
            self._file.unlink(missing_ok=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, found = self._refusal(scope) or await self._answer(scope, receive)
        body = json.dumps(found).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def _refusal(self, scope: Scope) -> Answer | None:
        headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        hosts = [value.lower() for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 403, {"error": "the Host is not this API's"}
        if any(name == b"origin" for name, _ in headers):
            return 403, {"error": "pages in a browser have no business here"}
        given = [value for name, value in headers if name == b"authorization"]
        expected = f"Bearer {self._token}".encode()
        if len(given) != 1 or not hmac.compare_digest(given[0], expected):
            return 401, {"error": f"the token in {FILE} of the state folder is needed"}
        return None

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        routes: dict[tuple[str, str], Callable[[Any], Answer]] = {
            ("GET", "/status"): self._status,
            ("GET", "/faults"): self._faults,
            ("PATCH", "/faults"): self._set_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/explain"): self._explain,
            ("POST", "/targets"): self._targets,
            ("POST", "/weights"): self._weights,
        }
        path = cast("str", scope["path"])
        route = routes.get((scope["method"], path))
        if route is None:
            known = {each for _, each in routes}
            return (405 if path in known else 404), {"error": f"no {scope['method']} {path} here"}
        body = await _body(receive)
        try:
            given: object = json.loads(body) if body else {}
        except ValueError:
            return 400, {"error": "the body is no JSON"}
        if not isinstance(given, dict):
            return 400, {"error": "the body must be a JSON object"}
        try:
            return route(cast("dict[str, Any]", given))
        except EdgegwError as error:
            return 400, {"error": str(error)}

    def _status(self, _: Any) -> Answer:
        gateway = self._gateway
        return 200, {
            "version": __version__,
            "pid": os.getpid(),
            "configuration": next(iter(gateway.config.files), None),
            "front_doors": dict(self._doors()),
            "functions": list(gateway.config.functions),
            "stale": dict(gateway.stale),
            **self._faults(None)[1],
        }

    def _faults(self, _: Any) -> Answer:
        faults = self._gateway.faults
        plans = {target: plan.to_dict() for target, plan in faults.plans.items()}
        return 200, {"faults": plans, "seed": faults.seed}

    def _set_faults(self, given: Any) -> Answer:
        settings, seed = given.get("set", []), given.get("seed")
        if not isinstance(settings, list) or not all(
            isinstance(each, str) for each in cast("list[object]", settings)
        ):
            return 400, {"error": "'set' must be a list of NAME.KIND=VALUE"}
        if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
            return 400, {"error": "'seed' must be a whole number"}
        faults = self._gateway.faults
        targets = self._gateway.config.fault_targets
        faults.put(set_faults(faults.plans, cast("list[str]", settings), targets), seed)
        return self._faults(None)

    def _clear_faults(self, _: Any) -> Answer:
        self._gateway.faults.put({})
        return self._faults(None)

    # Load balancers

    def _explain(self, given: Any) -> Answer:
        gateway, asked = self._gateway, cast("dict[str, Any]", given)
        ports = {
            int(url.rpartition(":")[2]): name.partition(" ")[2]
            for name, url in self._doors().items()
            if name.startswith("load-balancer ")
        }
        headers = cast("list[tuple[str, str]]", _typed(asked, "headers", list, []))
        found = explained(
            gateway.config,
            gateway.target_groups,
            _typed(asked, "url", str),
            _typed(asked, "method", str, "GET"),
            [(str(name), str(value)) for name, value in headers],
            _typed(asked, "load_balancer", str, "") or None,
            ports,
        )
        return 200, found.to_dict()

    def _targets(self, given: Any) -> Answer:
        gateway, asked = self._gateway, cast("dict[str, Any]", given)
        config, groups = gateway.config, gateway.target_groups
        name = _typed(asked, "group", str, "")
        given_targets = cast("list[object]", _typed(asked, "targets", list, []))
        targets = [str(each) for each in given_targets]
        changes = {"register": register, "deregister": deregister}
        action = _typed(asked, "action", str, "health")
        if action in changes:
            changed = changes[action](config, groups, name, targets)
            if changed is not config:
                gateway.route(changed)
                config = changed
        elif action != "health":
            return 400, {"error": "the action is register, deregister or health"}
        names = [name] if name else list(config.target_groups)
        return 200, {"targets": {each: describe_targets(config, groups, each) for each in names}}

    def _weights(self, given: Any) -> Answer:
        gateway, asked = self._gateway, cast("dict[str, Any]", given)
        weights = cast("dict[str, int]", _typed(asked, "weights", dict, {}))
        for name, weight in weights.items():
            is_number = isinstance(cast("object", weight), int) and not isinstance(weight, bool)
            if not is_number or not 0 <= weight <= MAX_WEIGHT:
                return 400, {"error": f"the weight of {name} is a number from 0 to {MAX_WEIGHT}"}
        rule = _typed(asked, "rule", str)
        changed, standing = with_weights(gateway.config, rule, weights)
        if weights:
            gateway.route(changed)
        return 200, {"rule": rule, "weights": standing}


_Kind = TypeVar("_Kind")


def _typed(given: Mapping[str, Any], key: str, kind: type[_Kind], default: Any = None) -> _Kind:
    """The value of `key`, of this type. Raises UsageError."""
    value = given.get(key, default)
    if not isinstance(value, kind):
        raise UsageError(f"{key!r} is missing or has the wrong type")
    return value


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body") or sum(map(len, parts)) > _LARGEST:
            return b"".join(parts)[:_LARGEST]
