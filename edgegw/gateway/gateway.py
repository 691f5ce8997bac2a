"""`Gateway`: a configuration → running parts, for tests in process and for `serve`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from edgegw.config.model import Config, Door, without_caches
from edgegw.errors import UsageError
from edgegw.execution.in_process import Handler
from edgegw.gateway import changeover
from edgegw.gateway.blocking_loop import BlockingLoop
from edgegw.gateway.clients import (
    asynchronous_client,
    blocking_client,
    exchange_of,
    threaded_client,
)
from edgegw.gateway.clock import Clock, Moment
from edgegw.gateway.exchange import AcquiredSnapshot, Exchange
from edgegw.gateway.exchanges import Exchanges
from edgegw.gateway.faults import Faults
from edgegw.gateway.figures.gathering import GatewayFigures
from edgegw.gateway.fronts import FrontDoor, behind_port, front_of, served_of
from edgegw.gateway.fronts.inner_ways import inner_ways
from edgegw.gateway.fronts.served import Served
from edgegw.gateway.loading import check_replacements, door_named, replacing, state_of, with_viewer
from edgegw.gateway.loop_parts import Equipment, LoopParts, make_parts
from edgegw.gateway.on_demand import MadeOnDemand
from edgegw.gateway.on_running_loop import OnRunningLoop
from edgegw.gateway.origins import MakeTransport, httpx_transport
from edgegw.gateway.ports import by_key, with_ports
from edgegw.gateway.resetting import (
    ResetState,
    begin_world_anew,
    replaced_equipment,
    reset_parts,
)
from edgegw.gateway.running import Running
from edgegw.gateway.sign_in_keys import SignInKeyring
from edgegw.gateway.stores_on_demand import StoresOnDemand
from edgegw.gateway.tracing_targets import tracing_targets
from edgegw.gateway.world import REAL, WallClock, World
from edgegw.wire.asgi import AsgiFront

if TYPE_CHECKING:
    import httpx

    from edgegw.alb.authentication.keys import SignInKeys
    from edgegw.cloudfront.edge_functions.model import EdgeFunction
    from edgegw.gateway.edge_registry import EdgeRegistry
    from edgegw.gateway.identity_providers import Identity
    from edgegw.gateway.key_value_stores import KeyValueStores


class Gateway(OnRunningLoop):
    """Distributions and load balancers of one configuration.

    Use `client(name)` or `sync_client(name)` for tests without sockets, `app(name)` under any ASGI
    server. What runs (functions, connections to origins) belongs to the event loop that uses it,
    starts with the first use and ends with the last: with the client, with `async with gateway`,
    or for blocking clients with `with gateway`.
    """

    world: World
    """Its clock, dice and ids."""
    on_exchange: Callable[[Exchange], None] | None = None
    """Called with each finished exchange, in the place of a line in the log `edgegw.access`."""
    faults: Faults
    """What goes wrong on demand."""
    stale: dict[str, str]
    """What runs in an older version than the files have, and why: functions by name, and `config`
    for the configuration."""
    figures: GatewayFigures
    """How much of everything happened."""
    on_demand: MadeOnDemand
    """What is there once it is asked for: function URLs and invalidations of the APIs, and more."""
    applying: Callable[[Config], Awaitable[None]] | None = None
    """Changes over to a configuration with its sockets, while something serves them."""
    sends_segments: bool
    """Whether segments of sampled requests go to anybody."""
    lasts: bool
    """Whether what it keeps stays in the state folder when it has ended."""
    _ports: Mapping[object, int] = MappingProxyType({})

    def __init__(
        self,
        config: Config,
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        transport: MakeTransport = httpx_transport,
        leave_out_missing: bool = False,
        debug: Mapping[str, int] | None = None,
        viewer: Mapping[str, str] | None = None,
        clock: WallClock | None = None,
        seed: int | None = None,
        caches: bool = True,
        lasting: bool = False,
    ) -> None:
        """`clock` answers seconds since 1970, `seed` makes every choice repeatable.

        Without `caches` distributions ask their origins for everything. Queues, events and their
        like end with a gateway that is not `lasting`, unless its configuration names a folder for
        them (`gateway.state`).
        """
        check_replacements(functions or {}, config)
        self.world = World(clock or time.time, seed) if clock or seed is not None else REAL
        self.faults = Faults(config.faults, config.fault_seed)
        self._forget()
        self._equipment = Equipment(
            functions=replacing(functions, config.functions),
            edge_functions=replacing(functions, config.edge_functions),
            make_transport=transport,
            leave_out_missing=leave_out_missing,
            debug=dict(debug or {}),
            world=self.world,
            faults=self.faults,
            caches=caches,
            lasting=lasting,
            store=lambda: self.figures.store,
            keyring=SignInKeyring(state := state_of(lambda: self.config, lasting=lasting)),
            key_values=StoresOnDemand(self.world, state, lambda: self.config),
        )
        self._given, self._viewer = config, dict(viewer or {})
        self.lasts = lasting or config.has_own_state
        self._begin_with(self._as_it_runs(config))
        self._running = Running(self._make_parts)
        self._blocking = BlockingLoop(self.enter, self.stop)

    def _forget(self) -> None:
        self.exchanges, self.stale = Exchanges(), {}
        self.figures = GatewayFigures(lambda: self.config, self.world.now, self._everywhere)
        self.on_demand = MadeOnDemand(self)

    def _begin_with(self, config: Config) -> None:
        self.config = self._began = config
        self._doors = by_key(config.doors)
        self.sends_segments = bool(tracing_targets(config))

    def _everywhere(self) -> list[LoopParts]:
        return self._running.everywhere()

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        functions: Mapping[str, Handler] | None = None,
        viewer: Mapping[str, str] | None = None,
        clock: WallClock | None = None,
        seed: int | None = None,
    ) -> Self:
        """The gateway of a configuration file; `functions` replaces code by callables.

        `viewer` says where viewers are, over `gateway.viewer` of the file: `{"country": "DE"}`;
        `clock` (seconds since 1970) and `seed` make time and every choice a test's own.
        Raises ConfigError with all findings, UsageError when there is no such file.
        """
        from edgegw.config.remembered import load_again

        return cls(load_again(path), functions=functions, viewer=viewer, clock=clock, seed=seed)

    @classmethod
    def from_dict(
        cls,
        config: Mapping[str, Any],
        *,
        base: str | Path = ".",
        functions: Mapping[str, Handler] | None = None,
        viewer: Mapping[str, str] | None = None,
        clock: WallClock | None = None,
        seed: int | None = None,
    ) -> Self:
        """The gateway of a configuration at hand; relative paths are relative to `base`."""
        from edgegw.config.resolve import load_dict

        loaded = load_dict(config, base)
        return cls(loaded, functions=functions, viewer=viewer, clock=clock, seed=seed)

    @property
    def sign_in_keys(self) -> SignInKeys:
        """What seals the sessions of load balancers and signs what targets learn of users."""
        return self._equipment.keyring.keys()

    def _as_it_runs(self, config: Config) -> Config:
        """`config` with what only this gateway knows: where viewers are, and the real ports."""
        config = with_ports(with_viewer(config, self._viewer), self._ports)
        return config if self._equipment.caches else without_caches(config)

    def _make_parts(self) -> LoopParts:
        parts = make_parts(lambda: self.config, self._equipment, inner_ways(self.fronts()))
        parts.origins.identity_providers.own = lambda address: self.on_demand.own_provider(address)
        return parts

    # Front doors

    def door(self, name: str) -> Door:
        """The front door `name`: a distribution, or a load balancer's first listener.

        `NAME:PORT` picks another listener by its port, `KIND NAME` as in the ready line
        (`function-url app`) where front doors of several kinds have one name. Raises UsageError
        when there is none.
        """
        return door_named(name, self._doors, self._ports)

    def settle(self, ports: Mapping[object, int]) -> None:
        """The front doors have these ports, by key: those that listen on 0 show them from now on.

        Before the gateway starts, or before `reload` brings the values that get them.
        """
        self._ports = dict(ports)
        if not self.is_running:
            self._begin_with(self._as_it_runs(self._given))

    def app(self, name: str) -> AsgiFront:
        """The front door `name` as an ASGI 3 application."""
        door = self.door(name)
        by_socket = behind_port(self, door, by_socket=True)
        return AsgiFront(by_socket, self.start, self.stop, behind_port(self, door))

    def fronts(self) -> list[FrontDoor]:
        """The front doors of the present configuration."""
        return [front_of(self, key, door) for key, door in self._doors.items()]

    def served(self, config: Config | None = None) -> dict[object, Served]:
        """What `config` (by default the present one) has on sockets, by identity."""
        return served_of(self, config or self.config)

    async def aws_apis(self, scope: Any, receive: Any, send: Any) -> None:
        """The AWS APIs as one ASGI 3 application; what each needs is imported by its first call."""
        from edgegw.gateway.aws import AwsApis

        parts = self._running.here()
        parts.apis = parts.apis or AwsApis(self)
        await parts.apis(scope, receive, send)

    def client(self, name: str, **options: Any) -> httpx.AsyncClient:
        """An `httpx.AsyncClient` that talks to the front door `name` in process.

        `options` go to httpx. What the client starts ends when it is closed.
        """
        door = self.door(name)
        behind = behind_port(self, door)
        client = asynchronous_client(behind, door.listen, self._running.leave, options)
        self._running.here().users += 1
        return client

    def sync_client(self, name: str, **options: Any) -> httpx.Client:
        """The blocking twin of `client`, which needs no event loop.

        Its requests run on a thread that all blocking clients of this gateway share.
        """
        door = self.door(name)
        return blocking_client(behind_port(self, door), door.listen, self._blocking, options)

    @contextmanager
    def threaded_client(self, name: str, **options: Any) -> Generator[httpx.AsyncClient]:
        """`with` gives a client as `client` does, whose requests run as those of blocking ones.

        So it works on every event loop, trio's too, and what is warm does not end with one.
        """
        door = self.door(name)
        behind = behind_port(self, door)
        with threaded_client(behind, door.listen, self._blocking, options) as client:
            yield client

    def exchange(self, response: httpx.Response) -> Exchange:
        """What happened to the request that `response` answers.

        Found for responses of `client` and `sync_client`, and by the id in their headers for those
        that came over a socket (`x-amz-cf-id`, `x-amzn-requestid`, `apigw-requestid`).
        Raises KeyError when the record is gone or the response is not ours.
        """
        return exchange_of(response, self.exchanges)

    def present(self, key: object, door: Door) -> Door:
        """The front door of this key as it is now; `door` once it is gone."""
        return self._doors.get(key, door)

    def port_of(self, key: object) -> int:
        """The port that the front door of this key really has; 0 without a socket."""
        return self._ports.get(key, 0)

    @property
    def doors(self) -> Mapping[object, Door]:
        """The front doors of the present configuration by key: another mapping for each."""
        return self._doors

    # Requests under way

    def acquire(self) -> AcquiredSnapshot:
        """What a request that starts now begins with; `release` gives it back."""
        parts = self._running.pinned or self._running.here()
        return AcquiredSnapshot(parts.service.acquire(), self._doors, parts.edge.functions)

    def release(self, acquired: AcquiredSnapshot) -> None:
        """The request that began with `acquired` is answered."""
        parts = self._running.pinned or self._running.left_here()
        if parts is not None:  # else everything has ended meanwhile
            parts.service.release(acquired.snapshot)

    @property
    def clock(self) -> Clock:
        """The clock that it was made with, to set and to advance. Raises UsageError without one."""
        if not isinstance(self.world.now, Clock):
            raise UsageError("make the gateway with clock=edgegw.testing.Clock() to move its time")
        return self.world.now

    def reset(
        self,
        *,
        functions: Mapping[str, Handler] | None = None,
        clock: Moment | None = None,
        seed: int | None = None,
        viewer: Mapping[str, str] | None = None,
    ) -> None:
        """As it began, with these arguments, but warm: see `gateway/resetting.py`.

        What blocking clients use is done when it returns; on the present event loop workers, and
        functions that the APIs changed, follow a moment later. What runs on other loops ends with
        its own clients. Raises UsageError for what `Gateway` would not take either.
        """
        check_replacements(functions or {}, self._given)
        begin_world_anew(self.world, clock, seed)
        self.on_exchange = None
        self._forget()
        self.faults.begin_anew(self._given.faults, self._given.fault_seed)
        self._equipment = replaced_equipment(self._equipment, functions, self._given)
        was_changed = self.config is not self._began
        if was_changed or dict(viewer or {}) != self._viewer:
            self._viewer = dict(viewer or {})
            self._begin_with(self._as_it_runs(self._given))
        beginning = ResetState(lambda: self.config, self._equipment, was_changed)
        reset_parts(self._running, self._blocking, beginning)

    # Load balancers

    def check_targets(self) -> None:
        """Starts the health checks of all target groups that are in use; `serve` does."""
        self._running.here().check_targets(lambda: self.config, self.world.now)

    def route(self, config: Config) -> None:
        """Puts the rules and target groups of `config` in the place of the present ones.

        Only those: nothing else of it may differ.
        """
        self.config = config = with_viewer(config, self._viewer)
        self._doors = by_key(config.doors)
        parts = self._running.here()
        parts.groups.configure(config.target_groups)
        parts.watch_targets(config)

    # Identity providers

    def identity(self, name: str | None = None) -> Identity:
        """The identity provider `name`, or the only one: for tokens and sign-ins in process.

        Raises UsageError when there is none.
        """
        return self.on_demand.identities.named(name)

    # Distributions

    def invalidate(self, distribution: str, *paths: str) -> int:
        """Removes what `paths` name from the cache of a distribution; how many answers went.

        As an invalidation of CloudFront does: `*` is a wildcard at the end alone, a query is part
        of the path. With a shared store it goes for all gateways that have it. Raises UsageError
        when there is no such distribution, or a path cannot be one, and EnvironmentProblem when the
        shared store is gone.
        """
        from edgegw.gateway.cache_control import invalidation_of

        clearing = invalidation_of(self.config, distribution, paths)
        removed = sum(parts.caching.clear(clearing) for parts in self._running.everywhere())
        self.on_demand.invalidations.note(clearing.distribution, clearing.paths)
        return removed

    @property
    def edge_registry(self) -> EdgeRegistry:
        """The CloudFront Functions with their stages, as the CloudFront API has them."""
        return self.on_demand.edge_registry

    @property
    def key_values(self) -> KeyValueStores:
        """The key value stores of CloudFront Functions."""
        return self._equipment.key_values.stores()

    def put_edge_function(self, function: EdgeFunction) -> None:
        """Requests that begin now run `function` in the place of the one with its name."""
        functions = {**self.config.edge_functions, function.name: function}
        self.config = changeover.put_edge_functions(self._everywhere(), self.config, functions)

    # Reloading

    async def apply(self, config: Config) -> None:
        """Changes over to `config`, with its sockets where there are any (`applying`).

        Raises ConfigError and EnvironmentProblem, and then nothing has changed.
        """
        await (self.applying or self.reload)(config)

    async def reload(self, config: Config) -> None:
        """Puts `config` in the place of the present one; requests under way end as they began.

        Listeners are not touched, nor connections and warm environments of what did not change.
        A changed function whose new version cannot be initialised, or does not compile, keeps its
        old one and is `stale`.
        """
        parts, old = self._running.here(), self.config
        config = self._as_it_runs(self.on_demand.with_made_urls(config))
        config = await changeover.keep_edge_code(parts, old, config, self.stale)
        change = await changeover.prepare_functions(parts.service, old, config)
        parts.service.commit(change.replacement)
        self.config = config
        self._doors = by_key(config.doors)
        self.sends_segments = bool(parts.service.tracing.targets)
        parts.origins.enter_by(inner_ways(self.fronts()))
        await changeover.change_over(parts, old, config, self._equipment)
        changeover.note_stale(self.stale, change.replacement, {*change.anew, *change.gone})
        await changeover.clear_outdated(self._running.everywhere(), old, config, change.anew)

    async def reload_code(self, names: AbstractSet[str]) -> None:
        """The files of functions changed: new environments take over once they are initialised.

        What cannot be initialised keeps its old version and is `stale`.
        """
        parts, stale = self._running.here(), self.stale
        self.config, names = await changeover.change_edge_code(parts, self.config, names, stale)
        if not names:
            return
        service = parts.service
        replacement = await changeover.change_code(service, self.config, names, self.stale.keys())
        changeover.note_stale(self.stale, replacement, names)
        await changeover.clear_outdated(self._running.everywhere(), self.config, self.config, names)
