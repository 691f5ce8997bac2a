"""The Python functions of a configuration as callables of this process.

They run quicker than in execution environments, and what they draw comes out the same for the same
seed. What a process of its own gives is not there: `environment` and layers are put in place for
all functions together, a time-out or too much memory is not noticed.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from edgegw.awslambda.model import Function
from edgegw.config.model import Config
from edgegw.errors import UsageError


def loaded_handlers(config: Config) -> dict[str, Callable[..., Any]]:
    """The handlers of all Python functions by name; others stay in processes of their own.

    Raises UsageError where one cannot be loaded here.
    """
    modules: dict[tuple[str, str], ModuleType] = {}
    return {
        name: _handler(deployed.latest, modules)
        for name, deployed in config.functions.items()
        if deployed.latest.runtime.language == "python"
    }


def _handler(function: Function, modules: dict[tuple[str, str], ModuleType]) -> Callable[..., Any]:
    module_name, _, name = function.handler.rpartition(".")
    place = function.code, module_name
    module = modules.get(place)
    if module is None:
        module = modules[place] = _module(function, module_name)
    handler = getattr(module, name, None)
    if not callable(handler):
        raise UsageError(f"{function.name} has no handler {name} in {module.__file__}")
    return handler


def _module(function: Function, name: str) -> ModuleType:
    """The module of a handler, by a name that no other function has."""
    folder = Path(function.code)
    file = folder / f"{name.replace('.', '/')}.py" if folder.is_dir() else folder
    if file.suffix != ".py" or not file.is_file() or function.layers:
        raise UsageError(
            f"{function.name} cannot be loaded into this process: it is no folder or file of "
            "Python without layers; leave out --in-process"
        )
    os.environ.update(dict(function.environment) | dict(function.local_environment))
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    unique = f"edgegw_simulated_{function.name}_{name}".replace("-", "_").replace(".", "_")
    spec = importlib.util.spec_from_file_location(unique, file)
    assert spec is not None  # as it is a file of Python
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"{function.name} does not load: {type(error).__name__}: {error}"
        ) from error
    return module
