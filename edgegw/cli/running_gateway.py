"""How commands ask a running gateway: its local API, where the state folder says that it is.

Of several gateways in one folder the newest that answers is asked; with `--config` the newest that
serves this configuration, if there is one. While the configuration is broken a gateway runs on with
what it was before, and answers for that; a line on stderr says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from edgegw.cli.standing_state import StandingState, standing_state
from edgegw.cli.terminal_text import on_one_line
from edgegw.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

    from edgegw.gateway.announcement import Announcement


class NoGatewayProblem(EnvironmentProblem):
    """No gateway runs with the state folder."""


_TIMEOUT: Final = 30.0
"""Seconds in which a gateway must begin to answer, and may import an SDK on a busy machine."""


def call(config: Path | None, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The JSON that the gateway answers. Raises EnvironmentProblem, UsageError."""
    return json.loads(b"".join(_chunks(_ask(config, method, path, body))))


def lines(config: Path | None, method: str, path: str, body: Any = None) -> Iterator[str]:
    """The lines of an answer as they come. Raises EnvironmentProblem, UsageError."""
    begun = b""
    for chunk in _chunks(_ask(config, method, path, body)):
        *whole, begun = (begun + chunk).split(b"\n")
        yield from (line.decode() for line in whole)


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """The body as it comes; a cut one is noticed (by `readline` it would not be)."""
    from http.client import HTTPException

    try:
        with response:
            while chunk := response.read1(65536):
                yield chunk
    except (OSError, HTTPException):
        raise EnvironmentProblem("the gateway was stopped before its answer was complete") from None


def _ask(config: Path | None, method: str, path: str, body: Any) -> HTTPResponse:
    from edgegw.gateway.announcement import announcements, is_hidden

    standing = standing_state(config)
    state = standing.folder
    try:
        for announcement in _preferred(announcements(state), config):
            response = _try(announcement, method, path, body)
            if response is not None:
                _tell_what_is_broken(standing)
                return response
    except UsageError:
        _tell_what_is_broken(standing)
        raise
    if standing.broken is not None:
        raise standing.broken
    if is_hidden(state):
        text = f"another user runs the gateway of {state}: run this command as that user"
        raise EnvironmentProblem(text)
    raise NoGatewayProblem(
        f"no gateway runs with the state folder {state}: start `edgegw serve` first, or name "
        "another configuration with --config"
    )


def _tell_what_is_broken(standing: StandingState) -> None:
    if standing.broken is not None:
        click.echo(on_one_line(standing.note()), err=True)


def _preferred(standing: Sequence[Announcement], config: Path | None) -> list[Announcement]:
    """`standing` with those first that serve `config`, if it is named."""
    if config is None:
        return list(standing)
    wanted = os.path.realpath(config)
    return sorted(standing, key=lambda announcement: announcement.configuration != wanted)


def _try(announcement: Announcement, method: str, path: str, body: Any) -> HTTPResponse | None:
    """The answer of one gateway; None where it is not there any more.

    Raises UsageError with what the gateway says, EnvironmentProblem when it says nothing.
    """
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(announcement.url.removeprefix("http://"), timeout=_TIMEOUT)
    answer: HTTPResponse | None = None
    try:
        connection.connect()
    except OSError:
        return None
    try:
        answer = _exchange(connection, announcement, method, path, body)
    except OSError as error:
        text = f"the gateway with the process id {announcement.pid} does not answer: {error}"
        raise EnvironmentProblem(text) from None
    except HTTPException:
        return None
    finally:
        if answer is None:
            connection.close()
    return answer


def _exchange(
    connection: HTTPConnection, announcement: Announcement, method: str, path: str, body: Any
) -> HTTPResponse | None:
    """The answer over a connection; None where another program has the port now."""
    from edgegw.gateway.announcement import PROCESS_HEADER

    sock = connection.sock
    content = None if body is None else json.dumps(body).encode()
    connection.request(method, path, content, _headers(announcement, content))
    response = connection.getresponse()
    if response.headers.get(PROCESS_HEADER) != str(announcement.pid):
        response.close()
        return None
    if response.status >= 400:
        raise UsageError(json.loads(response.read())["error"])
    sock.settimeout(None)  # what streams takes its time
    return response


def _headers(announcement: Announcement, content: bytes | None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {announcement.token}", "Connection": "close"}
    if content is not None:
        headers["Content-Type"] = "application/json"
    return headers
