"""Waiting without a task: a request goes on within the very call that brings what it waits for.

A task costs a request more than most of what is decided for it: the task itself, a future for each
wait, and a turn of the event loop for each future that is done. A request that waits for an origin
or a function needs none of that. It is a coroutine like any other, so that there is one text of
what happens; what differs is who drives it:

    DirectRun.start ─▶ coroutine ──waits for──▶ Outstanding
                          ▲                        │ give, fail: called where the bytes came
                          └──────── goes on ◀──────┘ … and writes its answer before the call returns

`Outstanding` is what may be waited for so. Awaited in a task, it is a future like others.

**Who needs a task gets one.** Time-outs of asyncio, streams that are pumped and foreign libraries
want one: they `await in_task()` first, and the coroutine moves into a task where it stands. In a
task that costs nothing. So does, unasked, whoever waits for anything but an `Outstanding`.

**The order of things.** Whoever calls `give` or `fail` finds the world changed behind it: the
coroutine has run, may have sent the next request on the same connection, or have ended. So it is
the last thing that a protocol does with an event.

**Cancelling.** As with a task, CancelledError is raised where the coroutine waits, a turn of the
loop later; what it waited for is forgotten at once.

`Resumable` marks an awaitable that keeps to this: its code asks for a task where it needs one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Coroutine, Generator
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar, cast

T = TypeVar("T")


class _Here(threading.local):
    """The run that goes on in this thread now."""

    run: DirectRun | None = None


_here: Final = _Here()


def runs_here() -> DirectRun | asyncio.Task[Any] | None:
    """What runs the coroutine that asks: something that can be cancelled."""
    return _here.run or asyncio.current_task()


class Outstanding(Generic[T]):
    """A value to come, for one who waits. Once nobody waits any more, it is done as well."""

    __slots__ = ("_error", "_future", "_run", "_value", "is_done")

    _value: T

    def __init__(self) -> None:
        self.is_done = False
        self._error: BaseException | None = None
        self._run: DirectRun | None = None
        self._future: asyncio.Future[None] | None = None

    def give(self, value: T) -> None:
        """Here it is: whoever waits goes on, at once where that is a run without a task."""
        if not self.is_done:
            self._value = value
            self._wake()

    def fail(self, error: BaseException) -> None:
        """It will not come."""
        if not self.is_done:
            self._error = error
            self._wake()

    def forget(self) -> None:
        """Nobody waits for it any more."""
        self.is_done = True
        self._run = None

    def _wake(self) -> None:
        self.is_done = True
        run, future = self._run, self._future
        if run is not None:
            self._run = None
            run.go_on()
        elif future is not None and not future.done():
            future.set_result(None)

    def __await__(self) -> Generator[Any, None, T]:
        if not self.is_done:
            run = _here.run
            try:
                if run is not None:
                    self._run = run
                    yield self
                else:
                    self._future = asyncio.get_running_loop().create_future()
                    yield from self._future
            except BaseException:
                self.forget()
                raise
        if self._error is not None:
            raise self._error
        return self._value


class Resumable(Generic[T]):
    """An awaitable that `DirectRun` may run: it asks for a task where it needs one."""

    __slots__ = ("_coroutine",)

    def __init__(self, coroutine: CoroutineType[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()


class _TaskRequest:
    """Waits for nothing but a task."""

    def __await__(self) -> Generator[Any, None, None]:
        if _here.run is not None:
            yield self


_IN_TASK: Final = _TaskRequest()


def in_task() -> Awaitable[None]:
    """Behind it the coroutine runs in a task; nothing happens where it does already."""
    return _IN_TASK


class DirectRun:
    """Runs a coroutine, which raises nothing but CancelledError, in whatever call it goes on by.

    As a task it can be cancelled, and says how often it was.
    """

    __slots__ = ("_cancels", "_coroutine", "_is_ended", "_loop", "_task", "_waits_for")

    def __init__(
        self, coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._waits_for: Outstanding[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._cancels = 0
        self._is_ended = False

    def go_on(self, error: BaseException | None = None) -> None:
        """Runs until the coroutine waits, or ends; `error` is raised where it stands."""
        self._waits_for = None
        outer, _here.run = _here.run, self
        try:
            if error is None:
                waits_for = self._coroutine.send(None)
            else:
                waits_for = self._coroutine.throw(error)
        except (StopIteration, asyncio.CancelledError):
            self._is_ended = True
            return
        except Exception as fault:
            self._is_ended = True
            self._loop.call_exception_handler({"message": "a run failed", "exception": fault})
            return
        finally:
            _here.run = outer
        if type(waits_for) is Outstanding:
            self._waits_for = cast("Outstanding[Any]", waits_for)
            if self._cancels:
                self._break_off(self._waits_for)
        else:
            self._move(waits_for)

    start = go_on

    def _move(self, waits_for: object) -> None:
        """From here on the coroutine runs in a task, which first waits for `waits_for`."""
        rest = _Rest(self._coroutine, None if waits_for is _IN_TASK else waits_for)
        self._task = self._loop.create_task(rest)
        if self._cancels:
            self._task.cancel()

    def cancel(self) -> bool:
        """Raises CancelledError where the coroutine waits; whether there is anything to cancel."""
        if self._task is not None:
            return self._task.cancel()
        if self._is_ended:
            return False
        self._cancels += 1
        if self._waits_for is not None:
            self._break_off(self._waits_for)
        return True

    def _break_off(self, waits_for: Outstanding[Any]) -> None:
        self._waits_for = None
        waits_for.forget()
        self._loop.call_soon(self.go_on, asyncio.CancelledError())

    def uncancel(self) -> int:
        """Takes one cancellation back; how many are left."""
        if self._task is not None:
            return self._task.uncancel()
        self._cancels = max(0, self._cancels - 1)
        return self._cancels


class _Rest(Coroutine[Any, Any, None]):
    """A coroutine that has begun, from where it stands on: it waits for `waits_for` first."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: object) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def send(self, value: Any) -> Any:
        waits_for, self._waits_for = self._waits_for, None
        return self._coroutine.send(value) if waits_for is None else waits_for

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("it is run by a task alone")
