"""A gateway as it began, but warm: for the next test.

What requests and calls leave behind goes: exchanges, caches, figures, queues, turns of targets,
faults, log lines, what the APIs changed. What takes time to make stays: processes of functions,
compiled code, connections, and the judged configuration.

The swap is made at once, so that the next request finds everything new; what was there before ends
behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgegw.errors import UsageError
from edgegw.gateway import changeover
from edgegw.gateway.clock import Clock, Moment
from edgegw.gateway.loading import replacing
from edgegw.gateway.loop_parts import Equipment, FlowParts, LoopParts, make_flow_parts

if TYPE_CHECKING:
    from edgegw.config.model import Config
    from edgegw.gateway.blocking_loop import BlockingLoop
    from edgegw.gateway.running import Running
    from edgegw.gateway.world import World


@dataclass(slots=True)
class ResetState:
    """What everything begins with again; `present` answers the configuration."""

    present: Callable[[], Config]
    equipment: Equipment
    was_changed: bool = False
    """Whether another configuration was put in the place of this one meanwhile."""


def swap_parts(parts: LoopParts, beginning: ResetState) -> FlowParts:
    """Puts new parts in the place of those that have something to forget; answers with those."""
    equipment = beginning.equipment
    old = FlowParts(
        *(parts.driver, parts.groups, parts.caching, parts.guards, parts.workers), parts.checks
    )
    if beginning.was_changed:
        config = beginning.present()
        parts.origins.lead(config.hosts, config.buckets)
    parts.service.begin_anew(equipment.functions)
    parts.service.figures.keep_in(equipment.store)
    parts.edge.begin_anew(equipment.edge_functions)
    new = make_flow_parts(beginning.present, equipment, parts.service, parts.origins, parts.edge)
    parts.driver, parts.groups, parts.caching = new.driver, new.groups, new.caching
    parts.guards, parts.workers = new.guards, new.workers
    parts.checks = parts.apis = None
    return old


async def settle_parts(parts: LoopParts, old: FlowParts, beginning: ResetState) -> None:
    """Ends what was swapped, undoes what the APIs did to functions, starts what runs beside."""
    config, service = beginning.present(), parts.service
    await old.close()
    await parts.shifter.close()
    parts.caching.start()
    if (
        beginning.was_changed
        or service.functions != config.functions
        or parts.edge.functions != config.edge_functions
    ):
        changed = replace(config, functions=dict(service.functions))
        change = await changeover.prepare_functions(service, changed, config)
        service.commit(change.replacement)
        parts.edge.replace(config.edge_functions)
    for shift in config.shifts:
        parts.shifter.start(shift)
    await parts.workers.start()


def begin_world_anew(world: World, clock: Moment | None, seed: int | None) -> None:
    """Clock and dice as new ones. Raises UsageError where a gateway has those of the machine."""
    if world.is_real:
        if clock is not None or seed is not None:
            raise UsageError("make the gateway with clock= or seed=, so that reset can begin them")
        return
    if isinstance(world.now, Clock):
        world.now.begin_anew(clock)
    elif clock is not None:
        raise UsageError("make the gateway with clock=edgegw.testing.Clock() to set its time")
    world.begin_anew(seed)


def replaced_equipment(
    equipment: Equipment, functions: Mapping[str, Callable[..., Any]] | None, config: Config
) -> Equipment:
    """`equipment` with these `functions` in the place of code."""
    return replace(
        equipment,
        functions=replacing(functions, config.functions),
        edge_functions=replacing(functions, config.edge_functions),
    )


def reset_parts(running: Running, blocking: BlockingLoop, beginning: ResetState) -> None:
    """Renews what runs for blocking clients, and what runs on the present event loop."""

    async def renew() -> None:
        parts = running.left_here()
        if parts is not None:
            await settle_parts(parts, swap_parts(parts, beginning), beginning)

    stores = beginning.equipment.key_values
    stores.begin_anew()
    stores.configure(beginning.present())  # now, whether or not anything runs: it throws dice
    blocking.run(renew)
    parts = running.left_here() if _is_in_loop() else None
    if parts is not None:
        old = swap_parts(parts, beginning)
        parts.renewing.start(settle_parts(parts, old, beginning))


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
