"""Coverage of functions in their processes: what this process measures, they measure too.

coverage.py starts in a child where COVERAGE_PROCESS_START names its configuration, Node.js where
NODE_V8_COVERAGE names a folder. Functions do not see the variables of the gateway, so these are
handed on. An environment ends without a farewell, so its runtime writes down what was covered with
each answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edgegw.awslambda.model import Function

PYTHON_START: Final = "COVERAGE_PROCESS_START"
_DATA: Final = "COVERAGE_FILE"
_NODE_FOLDER: Final = "NODE_V8_COVERAGE"


def covered(function: Function, environ: Mapping[str, str] = os.environ) -> Function:
    """`function` with what starts coverage in its process, where this one has it."""
    name = {"python": PYTHON_START, "nodejs": _NODE_FOLDER}.get(function.runtime.language, "")
    if not environ.get(name):
        return function
    added = [(name, str(Path(environ[name]).absolute()))]
    if name == PYTHON_START:  # its working folder is not ours
        added.append((_DATA, str(Path(environ.get(_DATA) or ".coverage").absolute())))
    own = dict(function.local_environment)
    more = tuple((name, path) for name, path in added if name not in own)
    return replace(function, local_environment=function.local_environment + more)


def coverage_folder(environment: Mapping[str, str]) -> str:
    """Where a Python function finds coverage.py, if it is to start; else nothing."""
    if not environment.get(PYTHON_START):
        return ""
    spec = find_spec("coverage")
    return "" if spec is None or spec.origin is None else str(Path(spec.origin).parents[1])
