"""`simulate`: an experiment on a population of viewers, in process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from edgegw.config.model import Config
from edgegw.errors import UsageError
from edgegw.gateway.loading import check_replacements, door_named
from edgegw.gateway.origins import MakeTransport
from edgegw.gateway.ports import by_key
from edgegw.testing.simulation.driving import Experiment, front_door_of
from edgegw.testing.simulation.loaded_handlers import loaded_handlers
from edgegw.testing.simulation.origin_stub import local_only, sockets, stubbed
from edgegw.testing.simulation.paths import WeightedPath, weighted_paths
from edgegw.testing.simulation.plan import SimulationPlan
from edgegw.testing.simulation.processes import Progress, run_edges
from edgegw.testing.simulation.report import SimulationReport
from edgegw.testing.simulation.variants import VariantSource, variant_source

SimulatedPaths: TypeAlias = Mapping[str, float] | Iterable[str] | Path
"""Paths with weights, paths that are asked for equally often, or a file of either (or a HAR)."""


def simulate(
    config: str | Path | Mapping[str, Any] | Config,
    *,
    requests: int = 10_000,
    paths: SimulatedPaths = ("/",),
    variant_by: str | Iterable[str] = (),
    weights: Mapping[str, float] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    in_process: bool = False,
    origin_stub: str | None = None,
    transport: MakeTransport | None = None,
    processes: int | None = None,
    identity: str = "",
    **plan: Any,
) -> SimulationReport:
    """What a population of viewers gets of the front door of `config`, a file or a mapping.

    `variant_by` says what tells a variant (`"header:x-bucket"`, several are tried in turn),
    `weights` which split is intended; `identity` what viewers mark themselves with
    (`"cookie:session"`). `functions` replaces code by callables, `in_process` loads all Python
    functions into this process; `origin_stub` is the Cache-Control of a stub that answers for all
    origins, else origins on this machine are asked, or whatever `transport` makes. The
    other keywords are those of `SimulationPlan`: `returning`, `seed`, `front_door`, `duration`,
    `edges`, `countries`, `devices`, `sticky_cookie`, `monthly`.

    Raises ConfigError, UsageError, EnvironmentProblem.
    """
    loaded = _loaded(config)
    check_replacements(functions or {}, loaded)
    handlers = {**(loaded_handlers(loaded) if in_process else {}), **(functions or {})}
    sources = (variant_by,) if isinstance(variant_by, str) else tuple(variant_by)
    planned = SimulationPlan(
        requests=requests,
        paths=_weighted(paths),
        variants=tuple(variant_source(source) for source in sources if source),
        weights=tuple((weights or {}).items()),
        identity=_identity(identity),
        **_in_pairs(plan),
    )
    way = transport or (local_only() if origin_stub is None else stubbed(origin_stub))
    experiment = Experiment(config=loaded, plan=planned, functions=handlers, transport=way)
    return run_experiment(experiment, processes)


def run_experiment(
    experiment: Experiment, processes: int | None = None, progress: Progress | None = None
) -> SimulationReport:
    """What the experiment came to. Raises UsageError, EnvironmentProblem."""
    config, name = experiment.config, experiment.plan.front_door
    if front_door_of(config, name) is None:
        if name:
            door_named(name, by_key(config.doors), {})  # which says what there is
        raise UsageError("there is no front door to send requests to in this configuration")
    results = run_edges(experiment, processes, progress)
    return SimulationReport(experiment.plan, config, results)


def transport_for(*, stub: str | None, real: bool) -> MakeTransport:
    """The way to origins: a stub, places on this machine, or `real` ones wherever they are."""
    if stub is not None:
        return stubbed(stub)
    return sockets if real else local_only()


def _loaded(config: str | Path | Mapping[str, Any] | Config) -> Config:
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        from edgegw.config.resolve import load_dict

        return load_dict(config)
    from edgegw.config.remembered import load_again

    return load_again(config)


def _weighted(paths: SimulatedPaths) -> tuple[WeightedPath, ...]:
    if isinstance(paths, Path):
        return weighted_paths(paths)
    if isinstance(paths, str):
        raise UsageError(f'paths are a list, as ["/"], a mapping or a Path; not {paths!r}')
    weights: Mapping[str, float]
    weights = (
        cast("Mapping[str, float]", paths)
        if isinstance(paths, Mapping)
        else dict.fromkeys(paths, 1.0)
    )
    return tuple(WeightedPath(target, weight) for target, weight in weights.items())


def _in_pairs(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings as the plan has them. Raises UsageError for what it does not have."""
    known = ("returning", "seed", "front_door", "duration", "edges", "sticky_cookie", "monthly")
    pairs = ("countries", "devices")
    for name in plan:
        if name not in (*known, *pairs):
            raise UsageError(
                f"simulate() has no {name!r} (there are: {', '.join((*known, *pairs))})"
            )
    return {
        name: tuple(content.items()) if name in pairs else content for name, content in plan.items()
    }


def _identity(text: str) -> VariantSource | None:
    return variant_source(text) if text else None
