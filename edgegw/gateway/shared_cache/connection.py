"""Redis as it is reached from one event loop: there, or gone and awaited.

    there ─▶ an operation fails, or takes too long ─▶ gone: one line in the log
      ▲                                                 │ nothing is asked; every second a PING
      └──── one line in the log ◀── what is owed ◀──────┘ that is answered

So a Redis that is down, stopped or behind a dead network costs the requests that notice it one
time-out, and later ones nothing. What Redis understands and refuses (no room, no right) is no
reason to think it gone; that is told once for each kind.

Requests use a client of the loop, `ask`; commands and reloads a blocking one, `block`, as they are
called from anywhere and change what the next request sees.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from edgegw.background import Background
from edgegw.errors import EnvironmentProblem

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

CONNECT_TIMEOUT: Final = 0.5
"""Seconds until a connection stands."""
ANSWER_TIMEOUT: Final = 1.0
"""Seconds until Redis answers."""
_BETWEEN_PINGS: Final = 1.0
_MOST_AT_ONCE: Final = 32
"""Operations under way, each of which has a connection; the PING has another one."""


class StoreGoneError(EnvironmentProblem):
    """The shared store cannot be reached."""


class StoreRefusesError(EnvironmentProblem):
    """The shared store is there, and does not do what it is asked to."""


class RedisConnection:
    """The clients of one Redis. `on_return` is awaited before it counts as back."""

    def __init__(self, url: str, on_return: Callable[[], Awaitable[None]]) -> None:
        try:
            blocking: Any = importlib.import_module("redis")
            asynchronous: Any = importlib.import_module("redis.asyncio")
        except ImportError:
            raise EnvironmentProblem(NEEDS_REDIS) from None
        self.place = shown_url(url)
        self.is_gone = False
        self._on_return = on_return
        self._loop = asyncio.get_running_loop()
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._background = Background()
        self._refused: set[type] = set()
        self._failures: tuple[type[Exception], ...] = (blocking.exceptions.RedisError, OSError)
        self._refusals: type[Exception] = blocking.exceptions.ResponseError
        options = {
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "socket_timeout": ANSWER_TIMEOUT,
            "protocol": 2,
        }
        # A connection that stood idle may have been closed; what is slow is not asked twice.
        closed = (blocking.exceptions.ConnectionError,)
        once = blocking.backoff.NoBackoff(), 1, closed
        pool = asynchronous.BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_AT_ONCE + 1,
            timeout=5,
            retry=asynchronous.retry.Retry(*once),
            **options,
        )
        self.client: Any = asynchronous.Redis.from_pool(pool)
        self.blocking: Any = blocking.Redis.from_url(
            url, retry=blocking.retry.Retry(*once), **options
        )

    async def ask(self, operation: Callable[[], Awaitable[_T]]) -> _T | None:
        """What Redis answers; None where it is gone, or refuses."""
        async with self._turns:  # whoever waited for one may find it gone meanwhile
            if self.is_gone:
                return None
            try:
                return await operation()
            except self._refusals as error:
                self._refuses(error)
            except self._failures as error:
                self.lost(error)
            return None

    def block(self, operation: Callable[[], _T]) -> _T:
        """What Redis answers, in any thread. Raises StoreGoneError, StoreRefusesError."""
        if self.is_gone:
            raise StoreGoneError(f"the shared cache at {self.place} is gone")
        try:
            return operation()
        except self._refusals as error:
            raise StoreRefusesError(f"the shared cache at {self.place} refuses: {error}") from error
        except self._failures as error:
            self._loop.call_soon_threadsafe(self.lost, error)
            raise StoreGoneError(f"the shared cache at {self.place} is gone: {error}") from error

    def start(self) -> None:
        """Looks whether Redis is there, so that the log says so before the first request."""
        if not self._background:
            self._background.start(self._greet())

    async def _greet(self) -> None:
        await self.ask(lambda: self.client.ping())

    def _refuses(self, error: Exception) -> None:
        if type(error) not in self._refused:
            self._refused.add(type(error))
            logger.warning("the shared cache at %s refuses: %s", self.place, error)

    def lost(self, error: BaseException) -> None:
        """From now on nothing is asked, until Redis answers again."""
        if self.is_gone or self._loop.is_closed():
            return
        self.is_gone = True
        logger.warning(
            "the shared cache at %s is gone (%s): until it answers, requests go on as misses",
            self.place,
            error or type(error).__name__,
        )
        self._background.start(self._until_back())

    async def _until_back(self) -> None:
        while self.is_gone:
            await asyncio.sleep(_BETWEEN_PINGS)
            try:
                await self.client.ping()
                await self._on_return()
            except self._failures:
                continue
            self.is_gone = False
            logger.warning("the shared cache at %s is back", self.place)

    async def close(self) -> None:
        await self._background.cancel()
        await self.client.aclose(close_connection_pool=True)
        self.blocking.close()


NEEDS_REDIS: Final = "a shared cache needs the package redis: pip install 'edgegw[redis]'"


def shown_url(url: str) -> str:
    """`url` without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
