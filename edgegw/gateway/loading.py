"""A configuration as one gateway runs it, and its front doors by the names that people type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgegw.cloudfront.viewer import ViewerError
from edgegw.config.model import Config, Door, moved_door
from edgegw.errors import UsageError


def with_viewer(config: Config, viewer: Mapping[str, str]) -> Config:
    """`config` with its viewers where `viewer` (keys of `gateway.viewer`) says that they are.

    Raises UsageError where that is no place.
    """
    if not viewer:
        return config
    try:
        moved = [moved_door(door, viewer) for door in config.distributions]
    except ViewerError as error:
        raise UsageError(f"viewer: {error}") from error
    return replace(config, distributions=tuple(moved))


def door_named(name: str, doors: Mapping[object, Door], ports: Mapping[object, int]) -> Door:
    """The front door `name`, NAME:PORT or `KIND NAME`, of `doors` by key; `ports` are real ones.

    Raises UsageError when there is none.
    """
    for key, door in doors.items():
        both = {door.listen.port, ports.get(key, door.listen.port)}
        names = (door.name, f"{door.kind} {door.name}")
        if name in (*names, *(f"{door.name}:{port}" for port in both)):
            return door
    known = ", ".join(dict.fromkeys(door.name for door in doors.values())) or "none"
    raise UsageError(f"there is no front door {name!r} (known: {known})")


def check_replacements(functions: Mapping[str, object], config: Config) -> None:
    """Raises UsageError where `functions` replaces one that `config` does not have."""
    names = (*config.functions, *config.edge_functions)
    unknown = set(functions) - set(names)
    if unknown:
        known = ", ".join(names) or "none"
        raise UsageError(f"there is no function {sorted(unknown)[0]!r} to replace (known: {known})")


def replacing(
    functions: Mapping[str, Callable[..., Any]] | None, configured: Mapping[str, object]
) -> dict[str, Callable[..., Any]]:
    """Those of `functions` that take the place of one that is `configured`."""
    return {name: handler for name, handler in (functions or {}).items() if name in configured}


def state_of(config: Callable[[], Config], *, lasting: bool) -> Callable[[], Path | None]:
    """What answers the folder of what lasts: None where everything ends with the gateway."""

    def folder() -> Path | None:
        present = config()
        return Path(present.state) if lasting or present.has_own_state else None

    return folder
