"""Experiments on a population of viewers: who gets which variant, and what goes wrong with it.

    simulating     `simulate`, the way in
    plan           what is asked for; `paths` and `variants` read parts of it
    population     viewers and their arrivals; `cookie_jar` what a viewer keeps
    driving        one edge location: requests, redirects, cookies, time; `processes` all of them
    origin_stub    what stands in the way to origins
    answers        what of an exchange counts
    cache_watch, variant_watch   what is looked for in it, counted in `counts`
    faults         what is wrong by those counts; `statistics` the mathematics
    report         the outcome; `table`, `page` and `plots` show it, `usage` is for its cost

Nothing of it is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgegw.testing.simulation.report import SimulationReport
    from edgegw.testing.simulation.simulating import simulate

__all__ = ["SimulationReport", "simulate"]

_HOMES = {"SimulationReport": "report", "simulate": "simulating"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
