"""Watches the code of functions; a change drains their environments.

What is under way finishes in the old ones, what comes next runs in new ones, nothing fails.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgegw.execution.service import LambdaService

logger = logging.getLogger(__name__)

_IGNORED: Final = frozenset({"__pycache__", ".git", ".venv", "venv", ".edgegw", ".pytest_cache"})
_DEBOUNCE: Final = 30
"""Milliseconds in which changes that belong together are gathered."""


async def watch_code(service: LambdaService) -> None:
    """Reloads functions whose files change, until it is canceled."""
    from watchfiles import awatch  # type: ignore[reportUnknownVariableType] - a Path without args

    folders = code_folders(service)
    if not folders:
        return
    try:
        async for changes in awatch(*folders, debounce=_DEBOUNCE, step=10):
            changed = affected({path for _, path in changes}, folders)
            for name in changed:
                service.code_changed(name)
                logger.info("%s: its code changed; new invocations run the new code", name)
    except (OSError, RuntimeError) as error:  # such as too many folders for the system's watches
        logger.warning("code is not watched, restart to run changed code: %s", error)


def code_folders(service: LambdaService) -> dict[str, set[str]]:
    """Folders and zip packages with the functions that run what is in them."""
    folders: dict[str, set[str]] = {}
    for name, deployed in service.functions.items():
        for function in (deployed.latest, *deployed.versions.values()):
            for path in (function.code, *function.layers):
                if Path(path).exists():
                    folders.setdefault(path, set()).add(name)
    return folders


def affected(paths: set[str], folders: Mapping[str, set[str]]) -> list[str]:
    """The functions to which the changed `paths` belong, caches and editors' files left aside."""
    found: set[str] = set()
    for path in paths:
        each = Path(path)
        if _IGNORED.intersection(each.parts) or each.name.endswith(("~", ".swp", ".pyc")):
            continue
        for folder, names in folders.items():
            if path == folder or path.startswith(f"{folder}/"):
                found |= names
    return sorted(found)
