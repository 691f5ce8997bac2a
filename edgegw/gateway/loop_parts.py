"""What runs for one event loop: functions, ways out, caches, logs; their beginning and end."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgegw.alb.health_check_log import CheckEntry
from edgegw.alb.model import TargetGroup
from edgegw.alb.target_connection import UNVERIFIED_TARGETS
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.shifting import Shift
from edgegw.background import Background
from edgegw.config.model import Config
from edgegw.execution.clock import ScaledClock
from edgegw.execution.edge_js import EdgeEngine, EdgeHandler
from edgegw.execution.in_process import Handler
from edgegw.execution.request_ids import new_request_id
from edgegw.execution.service import LambdaService
from edgegw.execution.shifting import Shifter
from edgegw.gateway.balancer_logs import BalancerLogs
from edgegw.gateway.cache_making import caching_of
from edgegw.gateway.caching import Caching
from edgegw.gateway.distribution_logs import DistributionLogs
from edgegw.gateway.drive import Driver
from edgegw.gateway.faults import Faults
from edgegw.gateway.guards import Guards
from edgegw.gateway.handler_words import HandlerWords
from edgegw.gateway.health_checks import HealthChecks
from edgegw.gateway.origins import InnerWays, MakeTransport, OriginRouter
from edgegw.gateway.sign_in_keys import SignInKeyring
from edgegw.gateway.stores_on_demand import StoresOnDemand
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.tracing_targets import tracing_targets
from edgegw.gateway.workers import Workers
from edgegw.gateway.world import World
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.cloudwatch.store import MetricStore


@value(kw_only=True)
class Equipment:
    """What a gateway was given for what runs, beside its configuration.

    `functions` and `edge_functions` are callables in the place of code, by name; `debug` has the
    port of a debugger by the name of a function; `store` answers where figures are kept.
    """

    functions: Mapping[str, Handler]
    edge_functions: Mapping[str, EdgeHandler]
    make_transport: MakeTransport
    leave_out_missing: bool
    debug: Mapping[str, int]
    world: World
    faults: Faults
    caches: bool
    lasting: bool
    """Whether what lasts stays in the state folder when everything has ended."""
    store: Callable[[], MetricStore]
    keyring: SignInKeyring
    """The keys of sign-ins at load balancers, the same for every loop."""
    key_values: StoresOnDemand
    """The key value stores, the same for every loop."""


@dataclass
class FlowParts:
    """What requests leave behind is in these: where they are made anew, nothing is left."""

    driver: Driver
    groups: TargetGroups
    caching: Caching
    guards: Guards
    workers: Workers
    checks: HealthChecks | None = None
    """Those of `groups`, where somebody asked for them."""

    async def close(self) -> None:
        """Ends them, what asks others first."""
        if self.checks is not None:
            await self.checks.close()
        await self.workers.close()
        self.groups.close()
        await self.caching.close()
        await self.driver.close()
        await self.guards.close()


@dataclass
class LoopParts:
    """What runs for one event loop, and how many still use it."""

    service: LambdaService
    shifter: Shifter
    origins: OriginRouter
    driver: Driver
    groups: TargetGroups
    logs: BalancerLogs
    caching: Caching
    workers: Workers
    edge: EdgeEngine
    guards: Guards
    key_values: StoresOnDemand
    distribution_logs: DistributionLogs = field(default_factory=DistributionLogs)
    checks: HealthChecks | None = None
    apis: Any = None
    renewing: Background = field(default_factory=Background)
    """What ends behind parts that were made anew."""
    users: int = 0
    is_started: bool = False

    async def start(self, shifts: Iterable[Shift], *, ahead: bool) -> None:
        """Starts what has to be ready; runtimes only if `ahead`. Raises EnvironmentProblem."""
        await self.service.start(ahead=ahead)
        for shift in shifts:
            self.shifter.start(shift)
        await self.workers.start()

    async def close(self) -> None:
        """Ends everything, what asks others first."""
        if self.checks is not None:
            await self.checks.close()
        await self.renewing.settled()
        await self.workers.close()
        self.groups.close()
        await self.caching.close()
        await self.shifter.close()
        await self.service.close()
        self.edge.close()
        self.key_values.leave()
        await self.driver.close()
        await self.guards.close()
        await self.origins.close()
        self.logs.close()
        self.distribution_logs.close()

    def check_targets(self, config: Callable[[], Config], now: Callable[[], float]) -> None:
        """Starts the health checks of all target groups in use; `config` answers the present."""
        if config().is_sticky:  # so that no request waits for what seals cookies
            importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
        if self.checks is None:

            def log(entry: CheckEntry, group: TargetGroup) -> None:
                for balancer in config().users_of(group):
                    self.logs.check(balancer, entry, group)

            self.checks = HealthChecks(
                self.groups, self.origins.probe, self.service.invoke, log, now
            )
        self.watch_targets(config())

    def watch_targets(self, config: Config) -> None:
        """Checks go on with the target groups that a load balancer of `config` uses."""
        if self.checks is not None:
            groups = config.target_groups.values()
            self.checks.watch([group for group in groups if config.users_of(group)])


def make_parts(present: Callable[[], Config], equipment: Equipment, local: InnerWays) -> LoopParts:
    """What runs the `present` configuration, not started.

    `local` are the ways into front doors by host and port.
    """
    config, world = present(), equipment.world
    service = LambdaService(
        config.functions,
        config.account,
        handlers=equipment.functions,
        leave_out_missing=equipment.leave_out_missing,
        pass_credentials=config.pass_credentials,
        cpu=config.cpu,
        strict=config.strict,
        dice=world.dice,
        new_id=new_request_id if world.is_real else world.uuid,
        tracing=tracing_targets(config),
    )
    service.figures.keep_in(equipment.store)
    for name, port in equipment.debug.items():
        service.debug(_first_reference(config, name), port)
    origins = OriginRouter(
        equipment.make_transport(frozenset()),
        equipment.make_transport(UNVERIFIED_TARGETS),
        local,
        config.hosts,
        config.buckets,
        world,
    )
    stores = equipment.key_values
    stores.configure(config)
    stores.enter()
    edge = EdgeEngine(config.edge_functions, stores, equipment.edge_functions)
    flow = make_flow_parts(present, equipment, service, origins, edge)
    return LoopParts(
        service=service,
        shifter=Shifter(service),
        origins=origins,
        driver=flow.driver,
        groups=flow.groups,
        logs=BalancerLogs(),
        caching=flow.caching,
        workers=flow.workers,
        edge=edge,
        guards=flow.guards,
        key_values=stores,
    )


def make_flow_parts(
    present: Callable[[], Config],
    equipment: Equipment,
    service: LambdaService,
    origins: OriginRouter,
    edge: EdgeEngine,
) -> FlowParts:
    """New ones over functions and ways out that there are."""
    config, world = present(), equipment.world
    groups = TargetGroups(config.target_groups, time.monotonic if world.is_real else world.now)
    handlers = HandlerWords(
        lambda: service.functions,
        equipment.functions,
        lambda: edge.functions,
        equipment.edge_functions,
    )
    caching = caching_of(config, world, handlers, caches=equipment.caches)
    guards = Guards(equipment.keyring.keys, lambda: origins.identity_providers, world.now)
    driver = Driver(service, origins, equipment.faults, groups, world, caching, edge, guards)
    workers = Workers(
        service,
        ScaledClock(world.now, config.time_scale),
        world,
        present,
        lasting=equipment.lasting,
    )
    return FlowParts(driver, groups, caching, guards, workers)


def _first_reference(config: Config, name: str) -> FunctionRef:
    """The first reference to the function `name` at a trigger or in a target group."""
    for door in config.doors:
        for ref in door.functions:
            if ref.name == name:
                return ref
    return FunctionRef(name)
