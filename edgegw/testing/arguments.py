"""What `@pytest.mark.edgegw(...)` says: read, and refused where it cannot be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol, cast

from edgegw.config.spelling import nearest
from edgegw.errors import UsageError
from edgegw.gateway.clock import Clock, Moment
from edgegw.testing.viewers import SaidViewer, ViewerProfile, viewer_profile
from edgegw.values import value


class Marker(Protocol):
    """A marker of pytest."""

    @property
    def args(self) -> tuple[Any, ...]: ...

    @property
    def kwargs(self) -> Mapping[str, Any]: ...


@value(kw_only=True)
class GatewayArguments:
    """What a test wants of its gateway. `config` is a file, a mapping, or None for the ini option.

    `door` is the front door of the clients; None for the only one.
    """

    config: str | os.PathLike[str] | Mapping[str, Any] | None
    functions: Mapping[str, Callable[..., Any]]
    clock: Moment | None
    seed: int | None
    viewer: ViewerProfile
    door: str | None


_KEYS: Final = ("config", "functions", "clock", "seed", "viewer", "door")
_USUAL_SEED: Final = 0
"""Tests are the same each time, unless they say `seed=None`."""


def check_marker(marker: Marker) -> None:
    """Raises UsageError for arguments that there are not, or that are of another kind."""
    if len(marker.args) > 1:
        raise UsageError(f"the marker edgegw takes one configuration, not {len(marker.args)}")
    if marker.args and "config" in marker.kwargs:
        raise UsageError("the marker edgegw names its configuration twice: in front, and config=")
    for name, given in _given(marker).items():
        if name not in _KEYS:
            raise UsageError(f"the marker edgegw knows no {name!r}{nearest(name, list(_KEYS))}")
        _CHECKS[name](given)


def marked_arguments(markers: Iterable[Marker]) -> GatewayArguments:
    """What `markers` say, the nearest to the test first: it wins; functions come together.

    Raises UsageError.
    """
    said: dict[str, Any] = {}
    functions: dict[str, Callable[..., Any]] = {}
    for marker in markers:
        check_marker(marker)
        given = _given(marker)
        functions = {**given.pop("functions", {}), **functions}
        said = {**given, **said}
    return GatewayArguments(
        config=said.get("config"),
        functions=functions,
        clock=said.get("clock"),
        seed=said.get("seed", _USUAL_SEED),
        viewer=viewer_profile(said.get("viewer")),
        door=said.get("door"),
    )


def _given(marker: Marker) -> dict[str, Any]:
    return {**({"config": marker.args[0]} if marker.args else {}), **marker.kwargs}


def _check_config(given: object) -> None:
    if not isinstance(given, str | os.PathLike | Mapping):
        raise UsageError(f"config is the path of a file or a mapping, not {given!r}")


def _check_functions(given: Any) -> None:
    is_right = isinstance(given, Mapping) and all(map(callable, given.values()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if not is_right:
        raise UsageError(f"functions are callables by the name of a function, not {given!r}")


def _check_clock(given: Any) -> None:
    if given is not None and (
        isinstance(given, bool) or not isinstance(given, int | float | str | datetime)
    ):
        raise UsageError(f"clock is seconds since 1970, text or a datetime, not {given!r}")
    Clock(given)


def _check_seed(given: object) -> None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int)):
        raise UsageError(f"seed is a whole number, or None for chance, not {given!r}")


def _check_viewer(given: Any) -> None:
    if not isinstance(given, str | Mapping | None):
        raise UsageError(f"viewer is text as 'phone DE' or a mapping, not {given!r}")
    viewer_profile(cast("SaidViewer | None", given))


def _check_door(given: object) -> None:
    if not isinstance(given, str | None):
        raise UsageError(f"door is the name of a front door, not {given!r}")


_CHECKS: Final[Mapping[str, Callable[[Any], None]]] = {
    "config": _check_config,
    "functions": _check_functions,
    "clock": _check_clock,
    "seed": _check_seed,
    "viewer": _check_viewer,
    "door": _check_door,
}
