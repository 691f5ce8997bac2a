"""Edge locations over processes: each does some of them, and hands back what it counted.

An edge location is the unit, as nothing is shared between two of them: its cache, its viewers and
its dice are its own. So the outcome is the same for any number of processes, and a location never
takes part of another's time.

Processes are forked: replaced functions are callables that no pickle can carry, and mocks of
origins go along. A fork beside other threads may inherit a lock that nobody opens any more; then,
and where there is little to do, all is done in this process.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeAlias, cast

from edgegw.errors import EdgegwError, EnvironmentProblem, UsageError
from edgegw.execution.idle_zygotes import end_idle_zygotes
from edgegw.testing.simulation.driving import EdgeResult, Experiment, run_edge

_FEW: Final = 4_000
"""Requests below which no further process is worth its start."""
Progress: TypeAlias = Callable[[int, int], object]
"""Told of finished edge locations: how many of how many."""
_ProcessReply: TypeAlias = "list[EdgeResult] | tuple[str, str]"


def run_edges(
    experiment: Experiment, processes: int | None, progress: Progress | None = None
) -> list[EdgeResult]:
    """What the edge locations came to, in their order.

    Raises UsageError and EnvironmentProblem, and here what a mock of an origin raised.
    """
    edges = experiment.plan.edges
    count = min(processes or _usual_processes(experiment), edges)
    if count <= 1:
        return _in_this_process(experiment, range(edges), progress)
    return _forked(experiment, count, progress)


def _usual_processes(experiment: Experiment) -> int:
    is_alone = threading.active_count() == 1
    if experiment.plan.requests < _FEW or not is_alone or not hasattr(os, "fork"):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_this_process(
    experiment: Experiment, edges: Sequence[int], progress: Progress | None
) -> list[EdgeResult]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_one_after_the_other(experiment, edges, progress))
    raise UsageError(
        "simulate() blocks until it is done, and an event loop runs here: call it from a plain "
        "test or function, or with `await asyncio.to_thread(simulate, ...)`"
    )


async def _one_after_the_other(
    experiment: Experiment, edges: Sequence[int], progress: Progress | None
) -> list[EdgeResult]:
    results: list[EdgeResult] = []
    for edge in edges:
        results.append(await run_edge(experiment, edge))
        if progress is not None:
            progress(len(results), len(edges))
    return results


def _forked(experiment: Experiment, count: int, progress: Progress | None) -> list[EdgeResult]:
    context = multiprocessing.get_context("fork")
    children: list[tuple[BaseProcess, Connection[Any, Any]]] = []
    results: list[EdgeResult | None] = [None] * experiment.plan.edges
    try:
        for number in range(count):
            reading, writing = context.Pipe(duplex=False)
            edges = range(number, experiment.plan.edges, count)
            child = context.Process(target=_child, args=(experiment, edges, writing), daemon=True)
            with warnings.catch_warnings():  # of threads, which only whoever asks for it has
                warnings.simplefilter("ignore", DeprecationWarning)
                child.start()
            writing.close()
            children.append((child, reading))
        for number, (child, reading) in enumerate(children):
            results[number::count] = _reply(child, reading)
            if progress is not None:
                progress(sum(result is not None for result in results), len(results))
    finally:
        for child, reading in children:
            reading.close()
            child.terminate()
            child.join()
    return [result for result in results if result is not None]


def _reply(child: BaseProcess, reading: Connection[Any, Any]) -> list[EdgeResult]:
    try:
        reply = cast("_ProcessReply", reading.recv())
    except EOFError:
        child.join()
        raise EnvironmentProblem(
            f"a process of the simulation ended with {child.exitcode}: if memory ran out, take "
            "fewer requests or --processes 1"
        ) from None
    if isinstance(reply, tuple):
        kind, text = reply
        raise UsageError(text) if kind == "UsageError" else EnvironmentProblem(text)
    return reply


def _child(experiment: Experiment, edges: Sequence[int], writing: Connection[Any, Any]) -> None:
    """The work of one process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent has it too, and ends this process
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # viewers last, and hardly anything is in a cycle
    reply: _ProcessReply
    try:
        reply = asyncio.run(_one_after_the_other(experiment, edges, None))
    except EdgegwError as error:
        reply = type(error).__name__, str(error)
    except Exception as error:  # told where the simulation began
        reply = "", f"the simulation broke off: {type(error).__name__}: {error}"
    writing.send(reply)
    writing.close()
    end_idle_zygotes()
