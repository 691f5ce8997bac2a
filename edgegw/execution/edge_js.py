"""Runs CloudFront Functions: at once where they are quick, in a thread where they are not.

A usual run takes some 50 microseconds, and a hand-over to a thread or a process as much again, so
it is done on the event loop itself. It may not hold that up, whatever its code does:

    first run ───────────▶ thread ──▶ was quick ──▶ event loop ──▶ took longer than TENTATIVE
                             ▲                                        │ given up, done again
                             └────────────────────────────────────────┘ and so the next ones

- Functions have no effect beside their result, so a run that is given up can be done again.
- The engine lets go of Python's lock while it runs, so a thread holds up nobody.
- A store that others wrote to is read in the thread.
- What a run may compute is counted in words (`metering`), and the clock looked at while counting;
  so it is known within TENTATIVE, a few milliseconds, that a run is long.
- One step on much data takes milliseconds in which no clock is looked at. So a run on the event
  loop has less memory, and leaves it before it works on long texts or arrays (`long_texts`,
  `guards.js`).
- A context is made and freed in the thread, which is nicer to others than the event loop is.
- A built-in of the engine that never ends would hold its thread for ever. Those that are known are
  guarded. For others the thread is given up with its context, and the function fails from then on.

Each function has a context, which wanders between its thread and the event loop, and is used by one
at a time: the event loop counts the runs that its thread has not ended (`_waiting`), and uses the
context only while there are none. A run goes on when nobody waits for it any more, as the viewer
has gone, so it is not those who wait that are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from edgegw.awslambda.payload import decode_payload, encode_payload
from edgegw.cloudfront.edge_functions.key_values import KeyValues, StoresBehindError
from edgegw.cloudfront.edge_functions.limits import LONGEST_RUN, TENTATIVE
from edgegw.cloudfront.edge_functions.model import (
    EdgeCall,
    EdgeFailed,
    EdgeFunction,
    EdgeOutcome,
    EdgeReport,
    EdgeReturned,
    GaveUpError,
)

if TYPE_CHECKING:
    from edgegw.execution.edge_context import EdgeContext

logger = logging.getLogger(__name__)

FindStore: TypeAlias = Callable[[], KeyValues | None]
EdgeHandler = Callable[[Any], Any]
"""A Python callable in the place of a function: it gets the event, and returns the result."""


@runtime_checkable
class StoresAtOnce(Protocol):
    """Stores that know whether an event loop may ask them."""

    def at_once(self, name: str) -> KeyValues | None:
        """The store `name`. Raises StoresBehindError where a thread has to be asked."""
        ...


_LEAVES: Final = 100
"""Runs that a function does in its thread behind one that was given up."""
_NICENESS: Final = 5
"""By how much a thread is nicer than the event loop: it gets a third as much where both compete."""
_HUNG: Final = 2.0 + 20 * LONGEST_RUN / 1000
"""Seconds after which a run in a thread is given up for good."""


class EdgeEngine:
    """The CloudFront Functions of a gateway on one event loop.

    `functions` is replaced as a whole, so that whoever holds the mapping has one state of all.
    `handlers` are callables in the place of code, by name.
    """

    def __init__(
        self,
        functions: Mapping[str, EdgeFunction],
        stores: Mapping[str, KeyValues],
        handlers: Mapping[str, EdgeHandler] | None = None,
    ) -> None:
        self.functions = functions
        self.stores = stores
        self._at_once = stores.at_once if isinstance(stores, StoresAtOnce) else stores.get
        self._handlers = handlers or {}
        self._loaded: dict[int, _Loaded] = {}

    def run_now(self, function: EdgeFunction, call: EdgeCall) -> EdgeOutcome | None:
        """What becomes of `call`, if that is known without waiting."""
        if self._handlers and (handler := self._handlers.get(function.name)) is not None:
            return None if inspect.iscoroutinefunction(handler) else _called(handler, call)
        loaded = self._loaded.get(id(function))
        return None if loaded is None else loaded.run_now(call)

    async def run(self, function: EdgeFunction, call: EdgeCall) -> EdgeOutcome:
        """What becomes of `call`."""
        if self._handlers and (handler := self._handlers.get(function.name)) is not None:
            return await _awaited(handler, call)
        loaded = self._loaded.get(id(function))
        if loaded is None:
            store = function.key_value_store
            loaded = _Loaded(
                function, partial(self.stores.get, store), partial(self._at_once, store)
            )
            self._loaded[id(function)] = loaded
        return await loaded.run(call)

    def replace(self, functions: Mapping[str, EdgeFunction]) -> None:
        """From now on there are these functions; what runs has what it began with."""
        old = self.functions
        self.functions = functions = {
            name: old[name] if old.get(name) == function else function
            for name, function in functions.items()
        }
        kept = {id(function) for function in functions.values()}
        for key in self._loaded.keys() - kept:
            self._loaded.pop(key).close()

    def begin_anew(self, handlers: Mapping[str, EdgeHandler]) -> None:
        """Others are replaced; code stays loaded."""
        self._handlers = handlers

    async def failure_of(self, function: EdgeFunction) -> str:
        """Why the code of `function` does not compile; empty where it does."""
        if function.name in self._handlers:
            return ""
        return await asyncio.to_thread(compile_failure, function)

    async def run_alone(self, function: EdgeFunction, call: EdgeCall) -> EdgeOutcome:
        """What becomes of `call` of a function that need not be one of these, with their stores."""
        alone = EdgeEngine({}, self.stores, self._handlers)
        try:
            return await alone.run(function, call)
        finally:
            alone.close()

    def close(self) -> None:
        """Ends all threads."""
        for loaded in self._loaded.values():
            loaded.close()
        self._loaded.clear()


def compile_failure(function: EdgeFunction) -> str:
    """Why the code of `function` does not compile, or an empty text. It takes some milliseconds."""
    from edgegw.execution.edge_context import EdgeContext

    return EdgeContext(function).failure


class _Loaded:
    """One function with its context and, where it needs one, its thread."""

    def __init__(self, function: EdgeFunction, store: FindStore, at_once: FindStore) -> None:
        self.function = function
        self._store, self._at_once = store, at_once
        self._context: EdgeContext | None = None
        self._in_thread = 1
        self._jobs: SimpleQueue[_AwaitedRun | None] | None = None
        self._waiting = 0
        self._is_hung = False

    def run_now(self, call: EdgeCall) -> EdgeOutcome | None:
        if self._in_thread or self._waiting or self._context is None:
            return None
        try:
            return self._context.run(call, tentative=True)
        except GaveUpError:
            self._in_thread = _LEAVES
            return None
        except StoresBehindError:
            return None

    async def run(self, call: EdgeCall) -> EdgeOutcome:
        """Runs it in the thread."""
        if self._is_hung:
            return _failed("the function did not end in an earlier run")
        loop = asyncio.get_running_loop()
        job = _AwaitedRun(call, loop, loop.create_future())
        if self._jobs is None:
            self._jobs = SimpleQueue()
            name = f"edge function {self.function.name}"
            threading.Thread(target=self._work, args=(self._jobs,), name=name, daemon=True).start()
        self._jobs.put(job)
        self._waiting += 1
        job.future.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(_HUNG * self._waiting):
                outcome = await asyncio.shield(job.future)
        except TimeoutError:
            self._is_hung = True
            logger.exception(
                "edge function %s does not end: it is not run again", self.function.name
            )
            return _failed("the function does not end")
        self._in_thread -= 1 if self._in_thread else 0
        if outcome.report.duration > TENTATIVE / 1000 and self._in_thread == 0:
            self._in_thread = 1
        return outcome

    def _ended(self, _: asyncio.Future[EdgeOutcome]) -> None:
        self._waiting -= 1

    def close(self) -> None:
        if self._jobs is not None:
            self._jobs.put(None)

    def _work(self, jobs: SimpleQueue[_AwaitedRun | None]) -> None:
        """The life of the thread, which frees the context as well: that takes a millisecond."""
        _step_back()
        while (job := jobs.get()) is not None:
            try:
                outcome = self._run(job.call)
            except Exception as error:
                logger.exception("edge function %s: a fault of edgegw", self.function.name)
                outcome = _failed(f"a fault of edgegw itself: {error!r}")
            job.settle(outcome)
        self._context = None

    def _run(self, call: EdgeCall) -> EdgeOutcome:
        context = self._context
        if context is None:
            from edgegw.execution.edge_context import EdgeContext

            context = EdgeContext(self.function, self._store, self._at_once)
            outcome = context.run(call, tentative=False)
            self._context = context
            return outcome
        return context.run(call, tentative=False)


def _step_back() -> None:
    """Lets the event loop go first from now on where both this thread and it have work."""
    if sys.platform == "linux":  # where threads have a niceness of their own
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class _AwaitedRun:
    """A run that somebody on an event loop waits for."""

    def __init__(
        self,
        call: EdgeCall,
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[EdgeOutcome],
    ) -> None:
        self.call = call
        self.future = future
        self._loop = loop

    def settle(self, outcome: EdgeOutcome) -> None:
        """Hands the outcome over, from the thread; nobody may wait for it any more."""
        try:
            self._loop.call_soon_threadsafe(self._set, outcome)
        except RuntimeError:
            return  # the loop is closed

    def _set(self, outcome: EdgeOutcome) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


def _failed(message: str) -> EdgeFailed:
    return EdgeFailed("execution", message, EdgeReport(100), is_engine=True)


def _called(handler: EdgeHandler, call: EdgeCall) -> EdgeOutcome:
    """What becomes of a call of a plain callable."""
    started = time.perf_counter()
    try:
        result = handler(decode_payload(call.event.encode("utf-8", "replace")))
    except Exception as error:
        return _raised(error, started)
    return _answered(result, started)


async def _awaited(handler: EdgeHandler, call: EdgeCall) -> EdgeOutcome:
    started = time.perf_counter()
    try:
        result = handler(decode_payload(call.event.encode("utf-8", "replace")))
        if inspect.isawaitable(result):
            result = await result
    except asyncio.CancelledError:
        raise
    except Exception as error:
        return _raised(error, started)
    return _answered(result, started)


def _raised(error: Exception, started: float) -> EdgeFailed:
    logger.warning("a function in process raised", exc_info=error)
    report = EdgeReport(duration=time.perf_counter() - started)
    return EdgeFailed("execution", f"{type(error).__name__}: {error}", report)


def _answered(result: object, started: float) -> EdgeOutcome:
    """The result as JSON has it, so that what works here works in the engine."""
    report = EdgeReport(duration=time.perf_counter() - started)
    try:
        return EdgeReturned(decode_payload(encode_payload(result)), report)
    except (TypeError, ValueError) as error:
        return EdgeFailed("unreadable", str(error), report)
