"""Clients of a soak: each asks again and again, knows what the answer has to be, and says so."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PATIENCE = 30.0
"""Seconds that an answer may take: longer than any function's time-out."""
_KILL_LASTS = 3.0
"""Seconds for which a killed process explains a failure: functions are made anew in less."""
_CONNECTION_LASTS = 9_000
"""Requests after which a viewer connects anew.

A load balancer ends a connection over HTTP/2 with a GOAWAY after 10,000 requests and answers what
is under way. The client here (h2) takes its own connection for closed by that and fails all of it.
"""


@dataclass
class Failure:
    """A request that was not answered as it should be, and what explains that, if anything does."""

    at: float
    kind: str
    detail: str
    explained: str = ""


@dataclass
class Ledger:
    """What was asked and what became of it; times are seconds since the soak began."""

    began: float = field(default_factory=time.monotonic)
    served: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    processes: dict[int, float] = field(default_factory=dict)
    """Processes of functions that answered, and when they did so last."""

    def now(self) -> float:
        return time.monotonic() - self.began

    def saw_process(self, text: str | None) -> None:
        """Notes the process that an answer names (the last word of `text`)."""
        if text:
            self.processes[int(text.split()[-1])] = self.now()

    def failed(self, kind: str, detail: str, started: float, *, by_function: bool) -> None:
        """Notes a failure; a function's is explained by a kill while it ran, or just before."""
        near = [at for at in self.kills if started - _KILL_LASTS <= at <= self.now()]
        explained = "a process was killed" if by_function and near else ""
        self.failures.append(Failure(self.now(), kind, detail[:300], explained))


async def keep_asking(
    kind: str, ledger: Ledger, until: float, once: Callable[[], Awaitable[None]]
) -> None:
    """Asks until the time is over; what goes wrong is noted, never raised."""
    while ledger.now() < until:
        started = ledger.now()
        try:
            async with asyncio.timeout(PATIENCE):
                await once()
            ledger.served[kind] += 1
        except WrongAnswerError as error:
            ledger.failed(kind, str(error), started, by_function=error.by_function)
        except (httpx.HTTPError, OSError, WebSocketException, TimeoutError) as error:
            ledger.failed(kind, f"{type(error).__name__}: {error}", started, by_function=False)
        await asyncio.sleep(random.uniform(0, 0.02))


class WrongAnswerError(Exception):
    """An answer that is not the one to the request."""

    def __init__(self, text: str, *, by_function: bool) -> None:
        super().__init__(text)
        self.by_function = by_function


def _is_functions_failure(response: httpx.Response) -> bool:
    """Whether it is the page for a function that failed."""
    verdict = response.headers.get("x-cache", "")
    if "LambdaExecutionError" in verdict:
        return response.status_code in (502, 503)
    return response.headers.get("server") == "awselb/2.0" and response.status_code == 502


class Viewer:
    """A client of HTTP/1.1 or HTTP/2 that connects anew before its connection is used up."""

    def __init__(self, *, is_http2: bool) -> None:
        self._is_http2 = is_http2
        self._asked = 0
        self._client = self._connect()
        self._former: httpx.AsyncClient | None = None
        """What was connected before; its last requests may be under way."""

    def _connect(self) -> httpx.AsyncClient:
        """A client with a context of its own: httpcore writes the protocols it offers into it."""
        return httpx.AsyncClient(
            http2=self._is_http2,
            http1=not self._is_http2,
            verify=trusting(),
            timeout=60,
            trust_env=False,
        )

    async def request(self, method: str, url: str, content: bytes | None) -> httpx.Response:
        """One request. Raises what httpx raises."""
        self._asked += 1
        if self._asked % _CONNECTION_LASTS == 0:
            former, self._former, self._client = self._former, self._client, self._connect()
            if former is not None:
                await former.aclose()
        return await self._client.request(method, url, content=content)

    async def aclose(self) -> None:
        """Ends its connections."""
        for client in filter(None, (self._former, self._client)):
            await client.aclose()


class Pages:
    """Requests over HTTP/1.1 or HTTP/2 to one front door, with answers that only they can get."""

    def __init__(self, viewer: Viewer, url: str, ledger: Ledger, *, hooked: bool) -> None:
        self._viewer = viewer
        self._url = url
        self._ledger = ledger
        self._hooked = hooked
        self._count = 0

    async def once(self) -> None:
        """One request. Raises WrongAnswerError."""
        self._count += 1
        token = f"{id(self)}-{self._count}"
        places = ["/page"] if self._hooked else ["/page", "/python", "/node"]
        place = random.choice(places)
        path = f"{place}/{token}"
        body = random.choice([b"", b"", b"x" * 100, b"y" * 70_000])
        method = "POST" if body else "GET"
        response = await self._viewer.request(method, self._url + path, body or None)
        text = response.text
        if response.status_code != 200:
            raise WrongAnswerError(
                f"{response.status_code} {response.headers.get('x-cache', '')} {path}",
                by_function=_is_functions_failure(response),
            )
        if token not in text or (body and place == "/page" and not text.endswith(body.decode())):
            raise WrongAnswerError(
                f"another one's answer to {path}: {text[:80]}", by_function=False
            )
        self._note(response, text, place)

    def _note(self, response: httpx.Response, text: str, place: str) -> None:
        if place != "/page":
            self._ledger.saw_process(response.headers["x-process"])
        if self._hooked:
            self._ledger.saw_process(response.headers.get("x-node"))
            self._ledger.saw_process(text.split("\n")[1])


class Sockets:
    """WebSockets through a front door: some messages each, echoed."""

    def __init__(self, url: str, context: ssl.SSLContext | None) -> None:
        self._url = url
        self._context = context

    async def once(self) -> None:
        """One connection. Raises WrongAnswerError."""
        async with connect(self._url, ssl=self._context, open_timeout=PATIENCE) as connection:
            for number in range(random.randrange(1, 20)):
                message = f"{number}" + "z" * random.choice([0, 10, 60_000])
                await connection.send(message)
                if await connection.recv() != message:
                    raise WrongAnswerError("another message", by_function=False)
                await asyncio.sleep(random.uniform(0, 0.2))


def trusting() -> ssl.SSLContext:
    """Takes any certificate: the authority is made with the gateway."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
