"""How what runs changes over to another configuration, or to other code.

    prepare_functions ─▶ new versions are initialised; so far nothing has changed
    commit            ─▶ requests that begin now get them
    change_over       ─▶ the rest: ways to origins, targets, caches, traffic shifts
    clear_outdated    ─▶ what the caches have that would be another answer now

Requests under way end as they began. Listeners are no part of it (`server.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from edgegw.cloudfront.edge_functions.model import EdgeFunction
from edgegw.config.model import Config, edge_owned, edge_owner
from edgegw.errors import EnvironmentProblem, StateProblem
from edgegw.execution.environment_maker import ServiceSettings
from edgegw.execution.rollout import Replacement
from edgegw.execution.service import LambdaService
from edgegw.gateway.cache_making import compare_anew, shared_store
from edgegw.gateway.loop_parts import Equipment, LoopParts
from edgegw.gateway.tracing_targets import tracing_targets
from edgegw.values import value

logger = logging.getLogger(__name__)


@value
class FunctionChange:
    """New versions of functions, ready to be committed; `anew` are made anew, `gone` gone."""

    replacement: Replacement
    anew: AbstractSet[str]
    gone: AbstractSet[str]


async def prepare_functions(service: LambdaService, old: Config, config: Config) -> FunctionChange:
    """The functions of `config` in the place of those of `old`."""
    functions = dict(service.functions)
    for name in old.functions.keys() - config.functions.keys():
        functions.pop(name, None)
    changed = {
        name: deployed
        for name, deployed in config.functions.items()
        if old.functions.get(name) != deployed
    }
    functions.update(changed)
    settings = _settings(config)
    service.tracing.lead_to(settings.tracing)
    touched = set(functions) if service.configure(settings) else set[str]()
    replacement = await service.prepare(functions, touched)
    gone = old.functions.keys() - functions.keys()
    return FunctionChange(replacement, {*changed, *touched}, gone)


def _settings(config: Config) -> ServiceSettings:
    return ServiceSettings(
        *(config.account, config.pass_credentials, config.cpu, config.strict),
        tracing_targets(config),
    )


async def change_code(
    service: LambdaService, config: Config, names: AbstractSet[str], stale: AbstractSet[str]
) -> Replacement:
    """Loads the functions `names` anew; those that were `stale` begin as `config` has them."""
    functions = dict(service.functions)
    for name in names & stale & config.functions.keys():
        functions[name] = config.functions[name]
    replacement = await service.prepare(functions, names)
    service.commit(replacement)
    return replacement


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


async def change_edge_code(
    parts: LoopParts, config: Config, owners: AbstractSet[str], stale: MutableMapping[str, str]
) -> tuple[Config, AbstractSet[str]]:
    """Loads the code of CloudFront Functions anew; what does not compile stays as it was.

    Answers the configuration with it, and those of `owners` that own other code.
    """
    names = {name for owner in owners if (name := edge_owned(owner))}
    if not names:
        return config, owners
    changed = dict(config.edge_functions)
    for name in names & changed.keys():
        try:
            code = _read(changed[name].path)
        except (OSError, UnicodeDecodeError) as error:
            stale[edge_owner(name)] = str(error)
            continue
        function = replace(changed[name], code=code)
        failure = await parts.edge.failure_of(function)
        if failure:
            stale[edge_owner(name)] = failure
        else:
            stale.pop(edge_owner(name), None)
            changed[name] = function
    config = put_edge_functions((parts,), config, changed)
    return config, {owner for owner in owners if not edge_owned(owner)}


async def keep_edge_code(
    parts: LoopParts, old: Config, config: Config, stale: MutableMapping[str, str]
) -> Config:
    """`config`, in which CloudFront Functions whose code does not compile have that of `old`."""
    for owner in [owner for owner in stale if edge_owned(owner)]:
        del stale[owner]
    kept = dict(config.edge_functions)
    for name, function in config.edge_functions.items():
        before = old.edge_functions.get(name, function)
        if (before.code, before.runtime) == (function.code, function.runtime):
            continue
        failure = await parts.edge.failure_of(function)
        if failure:
            stale[edge_owner(name)] = failure
            kept[name] = replace(function, code=before.code, runtime=before.runtime)
    return replace(config, edge_functions=kept)


def put_edge_functions(
    everywhere: Iterable[LoopParts], config: Config, functions: Mapping[str, EdgeFunction]
) -> Config:
    """Requests that begin now run `functions`; answers the configuration that has them."""
    for parts in everywhere:
        parts.edge.replace(functions)
        parts.caching.code_changed()
    return replace(config, edge_functions=functions)


async def change_over(parts: LoopParts, old: Config, config: Config, equipment: Equipment) -> None:
    """Everything but functions and front doors becomes that of `config`."""
    if (config.faults, config.fault_seed) != (old.faults, old.fault_seed):
        equipment.faults.put(config.faults, config.fault_seed)
    parts.origins.lead(config.hosts, config.buckets)
    parts.groups.configure(config.target_groups)
    await _change_stores(config, equipment)
    parts.edge.replace(config.edge_functions)
    parts.caching.store.resize(config.cache.memory, config.cache.disk)
    if config.cache.store != old.cache.store:
        await parts.caching.share(shared_store(config, equipment.world, caches=equipment.caches))
    parts.watch_targets(config)
    parts.workers.around.clock.scale = config.time_scale
    await parts.workers.change(config)
    for shift in config.shifts:
        if shift not in old.shifts:
            parts.shifter.start(shift)


async def _change_stores(config: Config, equipment: Equipment) -> None:
    stores = equipment.key_values
    if not config.key_value_stores:
        stores.configure(config)  # no file is touched, and so no request comes in between
        return
    try:
        await asyncio.to_thread(stores.configure, config)
    except StateProblem as problem:  # those that were there stay
        logger.warning("key value stores are not imported: %s", problem)


def note_stale(
    stale: MutableMapping[str, str], replacement: Replacement, names: Iterable[str]
) -> None:
    """Keeps in `stale` why functions run in an older version than the files have, by name."""
    for name in names:
        failure = replacement.failures.get(name)
        if failure is None:
            stale.pop(name, None)
        else:
            stale[name] = f"{failure.error_type}: {failure.message}"


async def clear_outdated(
    everywhere: list[LoopParts], old: Config, config: Config, functions: AbstractSet[str]
) -> None:
    """Removes from the caches what would be another answer now; `functions` are others."""
    for parts in everywhere:
        parts.caching.code_changed()
    if not any(parts.caching.is_used for parts in everywhere):
        return
    from edgegw.gateway.cache_control import outdated

    clearing = outdated(old, config, functions)
    for parts in everywhere:
        try:
            await parts.caching.clear_in_thread(clearing)
        except EnvironmentProblem as problem:
            logger.warning("%s", problem)
        compare_anew(parts.caching, config)
