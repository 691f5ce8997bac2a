"""Where a function failed: the innermost line of the user's own code in a stack.

A stack goes through the interpreter, its loader and libraries, so most of its lines are no help:
`node:internal/modules/cjs/loader:1464` is nobody's mistake. The user's own are those of files below
the code folder; libraries that lie there too (`node_modules`, `site-packages`) are not. Where no
frame is left there is no line to show: a wrong one is worse than none.
"""

from __future__ import annotations

import linecache
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

from edgegw.execution.service import LambdaService
from edgegw.gateway.function_run import FunctionRun

_PYTHON_FRAME: Final = re.compile(r'File "([^"]+)",? [Ll]ine (\d+)')
_NODE_FRAME: Final = re.compile(
    r"^(?:.*\(|\s*at (?:async )?)?(?:(file://))?(/.*?):(\d+)(?::\d+)?\)?$"
)
_LIBRARIES: Final = ("node_modules", "site-packages")

SourcePlace = tuple[str, int]
"""File and line."""


def code_folders(service: LambdaService, name: str) -> tuple[str, ...]:
    """The folders that hold the code of a function here, in whichever version."""
    deployed = service.functions.get(name)
    if deployed is None:
        return ()
    root = service.packages.root
    made = [each.path for each in os.scandir(root)] if Path(root).is_dir() else []
    folders = [each for each in made if Path(each).name.startswith(("zip", "version"))]
    for function in (deployed.latest, *deployed.versions.values()):
        code = Path(function.code)
        folders.append(str(code if code.is_dir() else code.parent))
    return tuple(dict.fromkeys(folders))


def source_line(run: FunctionRun, folders: Sequence[str]) -> str | None:
    """The line of the user's own code where a function failed, as `FILE:LINE  TEXT`."""
    place = failure_place(run, folders)
    if place is None:
        return None
    file, line = place
    linecache.checkcache(file)
    return f"{short_place(place)}  {linecache.getline(file, line).strip()}".rstrip()


def failure_place(run: FunctionRun, folders: Sequence[str]) -> SourcePlace | None:
    """Where a function failed; None where it did not, or not in the user's own code."""
    return None if run.error is None else place_in(run.result, folders)


def place_in(error: object, folders: Sequence[str]) -> SourcePlace | None:
    """The place that Lambda's error object speaks of."""
    if not isinstance(error, dict):
        return None
    failure = cast("dict[str, Any]", error)
    return failed_at([*_texts(failure.get("stackTrace")), *_texts(failure.get("trace"))], folders)


def failed_at(stack: Sequence[str], folders: Sequence[str]) -> SourcePlace | None:
    """File and line of the innermost frame below one of `folders`.

    Python's stacks end with the innermost frame, Node.js's begin with it.
    """
    tops = {*folders, *map(os.path.realpath, folders)}
    python = [place for place in _python_frames(stack) if _is_own(place, tops)]
    if python:
        return python[-1]
    return next((place for place in _node_frames(stack) if _is_own(place, tops)), None)


def short_place(place: SourcePlace) -> str:
    """`FILE:LINE`, relative to the current folder where it is below it."""
    file, line = place
    try:
        return f"{Path(file).relative_to(Path.cwd())}:{line}"
    except ValueError:
        return f"{file}:{line}"


def _python_frames(stack: Sequence[str]) -> Iterator[SourcePlace]:
    for text in stack:
        for file, line in _PYTHON_FRAME.findall(text):
            yield file, int(line)


def _node_frames(stack: Sequence[str]) -> Iterator[SourcePlace]:
    for text in stack:
        match = _NODE_FRAME.match(text)
        if match is not None:
            yield unquote(match[2]) if match[1] else match[2], int(match[3])


def _is_own(place: SourcePlace, tops: set[str]) -> bool:
    path = Path(place[0])
    for top in tops:
        if path.is_relative_to(top):
            return not any(part in _LIBRARIES for part in path.relative_to(top).parts)
    return False


def _texts(stack: object) -> list[str]:
    if not isinstance(stack, list):
        return []
    return [entry for entry in cast("list[object]", stack) if isinstance(entry, str)]
