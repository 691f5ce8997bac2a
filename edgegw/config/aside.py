"""Judging a configuration in a process beside this one, while this one imports what will serve it.

A first start has two long halves that do not need each other: judging the configuration (importing
pydantic, building its models, the checks) and importing the gateway. Threads of Python would take
turns, so a fork does the first half and hands its outcome back as a pickle. The child shares what
was imported before; what it imports itself, pydantic above all, never weighs on the memory of the
process that serves.

Nothing depends on it: without `fork`, with one processor, beside other threads (a fork would
inherit the locks they hold), and when anything goes wrong in the child, the configuration is judged
here, and what is raised is raised here.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from typing import NoReturn, TypeAlias, cast

from edgegw.config.model import Config
from edgegw.config.pickling import pickled
from edgegw.errors import ConfigError, Finding

_LoadResult: TypeAlias = "Config | tuple[Finding, ...]"
"""The configuration, or what is wrong with it."""


def load_aside(load: Callable[[], Config], meanwhile: Callable[[], object]) -> Config:
    """What `load` answers or raises, while `meanwhile` runs in this process."""
    outcome = _beside(load, meanwhile) if _may_fork() else None
    if isinstance(outcome, tuple):
        raise ConfigError(outcome)
    return load() if outcome is None else outcome


def _may_fork() -> bool:
    is_alone = threading.active_count() == 1
    return hasattr(os, "fork") and is_alone and _processors() > 1


def _processors() -> int:
    """Those that this process may use, where the system tells; else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _beside(load: Callable[[], Config], meanwhile: Callable[[], object]) -> _LoadResult | None:
    """The child's outcome; None where it has none."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(load, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        meanwhile()
        content = stream.read()
    os.waitpid(child, 0)
    return cast("_LoadResult", pickle.loads(content)) if content else None  # noqa: S301 - our child's


def _answer(load: Callable[[], Config], writing: int) -> NoReturn:
    """The child's part: writes the outcome, or nothing; leaves without what a process does last."""
    try:
        outcome: _LoadResult
        try:
            outcome = load()
        except ConfigError as error:
            outcome = error.findings
        content = pickled(outcome)
        with os.fdopen(writing, "wb") as stream:
            stream.write(content)
    finally:
        os._exit(0)
