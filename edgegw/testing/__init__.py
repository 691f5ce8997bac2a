"""Tests and experiments in process: events, one invocation, clocks, expectations, simulations.

Everything is imported when it is first asked for, as in the package itself.
"""

__all__: list[str] = []

_HOMES: dict[str, str] = {}
"""Where each name is defined."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgegw.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
