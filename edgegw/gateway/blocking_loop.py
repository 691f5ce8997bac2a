"""The event loop of a gateway's blocking clients: it runs in a thread of its own."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from edgegw.values import value

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

P = ParamSpec("P")
T = TypeVar("T")


def without_loop() -> str:
    """What to do where no event loop of asyncio runs."""
    if _is_trio():
        return (
            "edgegw runs on asyncio, not on trio: use gateway.sync_client(name) in a thread "
            "(trio.to_thread.run_sync), or run this test on asyncio"
        )
    return (
        "there is no running event loop: call this in an asynchronous function, or use "
        "gateway.sync_client(name) and `with gateway:`, which need none"
    )


def _is_trio() -> bool:
    trio: Any = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return False
    return True


def called(
    portal: BlockingPortal, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """What `work` answers over there, or what it raises, in the thread that calls.

    A portal takes KeyboardInterrupt, SystemExit and the outcomes of pytest for its own end, and the
    caller would wait for ever. They go home as values.
    """
    return portal.call(partial(_settled, partial(work, *args, **kwargs))).value()


async def called_from_loop(
    portal: BlockingPortal, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs
) -> T:
    """As `called`, for a caller on an event loop of its own, which goes on: asyncio or trio."""
    future = portal.start_task_soon(partial(_settled, partial(work, *args, **kwargs)))
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        from anyio import to_thread

        return (await to_thread.run_sync(future.result, abandon_on_cancel=True)).value()
    return (await asyncio.wrap_future(future)).value()


@value
class _CallEnd(Generic[T]):
    """What came of a call: an answer, or what it raised."""

    answer: T | None
    error: BaseException | None

    def value(self) -> T:
        if self.error is not None:
            raise self.error
        return cast("T", self.answer)


async def _settled(work: Callable[[], Awaitable[T]]) -> _CallEnd[T]:
    try:
        return _CallEnd(await work(), None)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return _CallEnd(None, error)


class BlockingLoop:
    """The event loop of a gateway's blocking clients: it lasts from the first user to the last.

    `started` and `stopped` are called on it, at its beginning and at its end.
    """

    def __init__(
        self, started: Callable[[], Awaitable[None]], stopped: Callable[[], Awaitable[None]]
    ) -> None:
        self._started = started
        self._stopped = stopped
        self._lock = threading.Lock()
        self._users = 0
        self._lingers = False
        self._running = ExitStack()
        self._portal: BlockingPortal | None = None

    def run(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """What `work` answers on it; None where it does not run."""
        portal = self._portal
        return None if portal is None else called(portal, work)

    def enter(self) -> BlockingPortal:
        """One more user. Raises what the start raises; then there is none more."""
        from anyio.from_thread import start_blocking_portal

        with self._lock:
            if self._portal is None:
                with ExitStack() as undoing:
                    portal = undoing.enter_context(start_blocking_portal("asyncio"))
                    called(portal, self._started)
                    self._running = undoing.pop_all()
                self._portal = portal
            self._users += 1
            return self._portal

    def leave(self) -> None:
        """One user less; with the last the loop ends."""
        with self._lock:
            self._users -= 1
            self._end_unused()

    def linger(self) -> None:
        """From now on it goes on without users, until `part`."""
        self._lingers = True

    def part(self) -> None:
        """It ends with its last user again; at once if that is gone."""
        with self._lock:
            self._lingers = False
            self._end_unused()

    def _end_unused(self) -> None:
        if self._users == 0 and not self._lingers and self._portal is not None:
            portal, self._portal = self._portal, None
            with self._running:
                called(portal, self._stopped)
