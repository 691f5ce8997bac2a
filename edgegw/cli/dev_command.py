"""`edgegw dev`: hooks in front of a running dev server, without a configuration."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from edgegw.awslambda.runtimes import SCRIPTS
from edgegw.cli.hook_files import edge_hooks, hook_source, split_export
from edgegw.config.addresses import origin_address, port_of
from edgegw.errors import UsageError

_HANDLERS: Final = ("handler", "lambda_handler", "main")
_ALL_METHODS: Final = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
_ALL_HEADERS: Final = "AllViewerAndCloudFrontHeaders-2022-06"
_VIEWER_TIMEOUT: Final = 5
_TIMEOUT: Final = 30


def function_of(named: Path, timeout: float) -> dict[str, Any]:
    """The function that `named` means: a source file, or a folder with one, or `FILE:EXPORT`.

    Raises UsageError when it cannot be told which file or which function in it is the handler.
    """
    file, export = split_export(named)
    source = hook_source(file)
    if not source.is_file():
        raise UsageError(f"there is no file or folder {file}")
    if source.suffix == ".py":
        runtime = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    elif source.suffix in SCRIPTS:
        runtime = "nodejs22.x"
    else:
        raise UsageError(f"{source} is neither Python (.py) nor one of {', '.join(SCRIPTS)}")
    return {
        "runtime": runtime,
        "code": str(file.absolute() if file.is_dir() else source.absolute()),
        "handler": f"{source.stem}.{export or _handler(source)}",
        "timeout": timeout,
    }


def _handler(source: Path) -> str:
    """The name that the handler has in `source`: handler, lambda_handler or main."""
    text = source.read_text(encoding="utf-8", errors="replace")
    for name in _HANDLERS:
        if re.search(rf"\b(def|function|const|let|var|exports\.|as)\s*{name}\b", text):
            return name
    return _HANDLERS[0]


def dev_config(
    origin: str,
    hooks: Mapping[str, Path],
    alb: Path | None,
    ports: tuple[int, int],
    *,
    any_host: bool = False,
    include_body: bool = False,
    edge_functions: bool = False,
) -> dict[str, Any]:
    """The configuration that `edgegw dev` stands for. `hooks` are files by trigger.

    With `include_body` the request triggers get the body. With `edge_functions` the hooks of the
    viewer are CloudFront Functions, without it those that look like one. Raises UsageError.
    """
    functions: dict[str, Any] = {}
    triggers: dict[str, Any] = {}
    edge = edge_hooks(hooks, alb, are_all=edge_functions)
    for trigger, file in hooks.items():
        if trigger in edge:
            continue
        timeout = _VIEWER_TIMEOUT if trigger.startswith("viewer") else _TIMEOUT
        name = _name(file, trigger)
        functions[name] = function_of(file, timeout)
        shows_body = include_body and trigger.endswith("request")
        triggers[trigger] = {"function": name, "include_body": True} if shows_body else name
    site = _site(origin, ports[0], triggers)
    config: dict[str, Any] = {"functions": functions, "distributions": {"site": site}}
    if edge:
        names = {trigger: _name(hooks[trigger], trigger) for trigger in edge}
        site["default_behavior"]["edge_functions"] = names
        config["edge_functions"] = {
            names[trigger]: {"code": str(file.absolute())} for trigger, file in edge.items()
        }
    if any_host:
        config["gateway"] = {"accept_any_host": True}
    if alb is not None:
        name = _name(alb, "alb")
        functions[name] = function_of(alb, _TIMEOUT)
        config["target_groups"] = {"function": {"target_type": "lambda", "function": name}}
        listener = {"listen": ports[1], "default_actions": [{"forward": "function"}]}
        config["load_balancers"] = {"alb": {"listeners": [listener]}}
    return config


def _site(origin: str, port: int, triggers: Mapping[str, Any]) -> dict[str, Any]:
    """The distribution in front of the dev server, with functions at `triggers`."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    app = {"url": f"{parts.scheme}://{parts.netloc}", "verify": not _is_local(host)}
    if path := parts.path.rstrip("/"):
        app["path"] = path
    # A server elsewhere knows its own name only.
    policy = _ALL_HEADERS if _is_local(host) else "AllViewerExceptHostHeader"
    behavior = {
        "origin": "app",
        "allowed_methods": _ALL_METHODS,
        "cache_policy": "CachingDisabled",
        "origin_request_policy": policy,
        "lambda_functions": triggers,
    }
    return {"listen": port, "origins": {"app": app}, "default_behavior": behavior}


def _name(file: Path, role: str) -> str:
    """A function's name: that of its file, with what it is for."""
    stem = re.sub(r"[^A-Za-z0-9-_]", "-", split_export(file)[0].absolute().stem)[:40]
    return f"{stem}-{role}"


def _is_local(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def origin_url(text: str) -> str:
    """`text` as an origin's URL; `5173` and `localhost:5173/app` will do. Raises UsageError."""
    if port_of(text.partition("/")[0]) is not None:
        text = f"localhost:{text}"
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        origin_address(f"{parts.scheme}://{parts.netloc}")
    except ValueError as error:
        hint = "is no URL of a server, such as http://localhost:5173"
        raise UsageError(f"{text!r} {hint}: {error}") from None
    if parts.query or parts.fragment:
        raise UsageError(f"{text!r}: an origin has no query and no fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def wait_for(url: str) -> None:
    """Returns when a server accepts connections at `url`; says so if it does not yet."""
    parts = urlsplit(url)
    address = (str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80))
    told = False
    while True:
        try:
            socket.create_connection(address, timeout=2).close()
        except OSError:
            if not told:
                told = True
                click.echo(f"waiting for {url}: start your dev server (Ctrl-C stops)", err=True)
            time.sleep(0.2)
        else:
            if told:
                click.echo(f"{url} is up", err=True)
            return
