"""Python environments: forked from a zygote of the interpreter that fits best, or started anew.

`starts` says which of the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import sys
from pathlib import Path

from edgegw.awslambda.model import Runtime
from edgegw.errors import EnvironmentProblem
from edgegw.execution.channel import Child
from edgegw.execution.spawning import (
    SHORTAGES,
    Start,
    Zygotes,
    framed,
    is_plain,
    limit_storage,
    started_plainly,
    with_zygote,
)
from edgegw.execution.zygote import RUNTIMES, Zygote

logger = logging.getLogger(__name__)


class PythonSpawner:
    """Forks from a zygote of the interpreter that fits `runtime` best."""

    def __init__(self, runtime: Runtime, zygotes: Zygotes) -> None:
        self._runtime = runtime
        self._zygotes = zygotes
        self._starting: asyncio.Task[Zygote] | None = None

    @property
    def description(self) -> str:
        task = self._starting
        if task is None or not task.done() or task.exception():
            return ""
        zygote = task.result()
        return f"Python {'.'.join(map(str, zygote.version))} ({zygote.executable})"

    async def start(self) -> None:
        self._zygote()

    def _zygote(self) -> asyncio.Task[Zygote]:
        """The zygote, on its way where there is none; what failed before is tried again."""
        task = self._starting
        if task is not None and task.done() and (task.exception() or task.result().is_gone):
            task = None
        if task is None:
            task = self._starting = asyncio.ensure_future(self._start())
        return task

    async def _start(self) -> Zygote:
        wanted = self._runtime.version
        problems: list[str] = []
        for executable in await asyncio.to_thread(_pythons, wanted):
            try:
                zygote = await self._zygotes.of(executable)
            except (OSError, EnvironmentProblem) as error:
                if isinstance(error, OSError) and error.errno in SHORTAGES:
                    raise  # another interpreter is no remedy, and would be kept
                problems.append(f"{executable}: {error}")
                continue
            if zygote.version != wanted:
                logger.warning(
                    "%s was not found; its functions run on Python %s",
                    self._runtime.identifier,
                    ".".join(map(str, zygote.version)),
                )
            return zygote
        raise EnvironmentProblem("no Python interpreter could be started: " + "; ".join(problems))

    async def spawn(self, start: Start) -> Child:
        return await with_zygote(self._present, lambda zygote: self._spawn(zygote, start))

    async def _present(self) -> Zygote:
        return await asyncio.shield(self._zygote())

    async def _spawn(self, zygote: Zygote, start: Start) -> Child:
        settings = start.settings
        if not start.package.extensions:  # which come from another zygote and share the folder
            await limit_storage(zygote, start)
        script = str(RUNTIMES / "python" / "environment.py")
        if start.debug_port:
            debug = {"port": start.debug_port, "path": _debugpy_folder(start)}
            argv = [zygote.executable, "-X", "frozen_modules=off", "-S", script]
            return await started_plainly(zygote, argv, start, {**settings, "debug": debug})
        if is_plain(start):
            return await started_plainly(zygote, [zygote.executable, "-S", script], start, settings)
        return await framed(await zygote.fork(), settings)

    async def close(self) -> None:
        task, self._starting = self._starting, None
        if task is not None:
            with contextlib.suppress(OSError, EnvironmentProblem, asyncio.CancelledError):
                await task


def _debugpy_folder(start: Start) -> str:
    """A folder with debugpy and nothing else. Raises EnvironmentProblem."""
    from importlib.util import find_spec

    found = find_spec("debugpy")
    if found is None or found.origin is None:
        raise EnvironmentProblem("debugging needs debugpy: pip install 'edgegw[debug]'")
    folder = Path(start.variables["TMPDIR"]).with_name("debugger")
    folder.mkdir(exist_ok=True)
    link = folder / "debugpy"
    if not link.exists():
        link.symlink_to(Path(found.origin).parent)
    return str(folder)


def _pythons(version: tuple[int, ...]) -> list[str]:
    """Interpreters to try, best first: this one if it fits, others of the version, the nearest."""
    if sys.version_info[:2] == version:
        return [sys.executable]
    name = "python" + ".".join(map(str, version))
    home, text = Path.home(), ".".join(map(str, version))
    exact = [found] if (found := shutil.which(name)) else []
    for pattern in (
        f".pyenv/versions/{text}*/bin/{name}",
        f".local/share/uv/python/cpython-{text}*/bin/{name}",
    ):
        exact += map(str, sorted(home.glob(pattern), reverse=True))
    return [*exact, *_nearest_pythons(version), sys.executable]


def _nearest_pythons(version: tuple[int, ...]) -> list[str]:
    """Interpreters on PATH of other versions that are nearer than this one, nearest first."""
    minor, own = version[-1], abs(sys.version_info[1] - version[-1])
    found: dict[int, str] = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for each in Path(folder).glob("python3.*") if folder else ():
            match = re.fullmatch(r"python3\.(\d+)", each.name)
            if match is not None and abs(int(match[1]) - minor) < own:
                found.setdefault(int(match[1]), str(each))
    return [found[each] for each in sorted(found, key=lambda other: abs(other - minor))]
