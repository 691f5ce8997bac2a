"""`Gateway`: a configuration → running parts, for tests in process and for `serve`."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from edgegw.alb.health_check_log import CheckEntry
from edgegw.alb.model import (
    TargetGroup,
)
from edgegw.alb.target_connection import UNVERIFIED_TARGETS
from edgegw.awslambda.model import FunctionRef
from edgegw.cloudfront.viewer import ViewerError
from edgegw.config.model import Config, Door, moved_door, without_caches
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.execution.in_process import Handler
from edgegw.execution.service import LambdaService, Replacement, ServiceSettings
from edgegw.execution.shifting import Shifter
from edgegw.gateway.balancer_logs import BalancerLogs
from edgegw.gateway.blocking_loop import BlockingLoop, without_loop
from edgegw.gateway.cache_making import caching_of, compare_anew, shared_store
from edgegw.gateway.caching import Caching
from edgegw.gateway.distribution_logs import DistributionLogs
from edgegw.gateway.drive import Driver
from edgegw.gateway.exchange import AcquiredSnapshot, Exchange, Exchanges
from edgegw.gateway.faults import Faults
from edgegw.gateway.fronts import FrontDoor, by_port, front_of, sharing
from edgegw.gateway.fronts.lambda_api import LambdaApiFront
from edgegw.gateway.fronts.served import Served
from edgegw.gateway.handler_words import HandlerWords
from edgegw.gateway.health_checks import HealthChecks
from edgegw.gateway.origins import Enter, MakeTransport, OriginRouter, httpx_transport
from edgegw.gateway.ports import by_key, with_ports
from edgegw.gateway.target_groups import TargetGroups
from edgegw.gateway.world import REAL, WallClock, World
from edgegw.http.authority import bracketed
from edgegw.http.message import Request, Response
from edgegw.wire.asgi import EXCHANGE, AsgiFront

if TYPE_CHECKING:
    import httpx

    from edgegw.cloudfront.cache.clearing import Clearing
    from edgegw.gateway.fronts.shared_port import SharedPort
    from edgegw.gateway.invalidations import Invalidations

logger = logging.getLogger(__name__)
access = logging.getLogger("edgegw.access")


@dataclass
class _Parts:
    """What runs for one event loop: functions, connections to origins, and who still uses them."""

    service: LambdaService
    shifter: Shifter
    origins: OriginRouter
    driver: Driver
    groups: TargetGroups
    logs: BalancerLogs
    caching: Caching
    distribution_logs: DistributionLogs = field(default_factory=DistributionLogs)
    checks: HealthChecks | None = None
    lambda_api: Any = None
    cloudfront_api: Any = None
    users: int = 0
    is_started: bool = False


class Gateway:
    """Distributions and load balancers of one configuration.

    Use `client(name)` or `sync_client(name)` for tests without sockets, `app(name)` under any ASGI
    server. What runs (functions, connections to origins) belongs to the event loop that uses it,
    starts with the first use and ends with the last: with the client, with `async with gateway`,
    or for blocking clients with `with gateway`.
    """

    def __init__(
        self,
        config: Config,
        *,
        functions: Mapping[str, Handler] | None = None,
        transport: MakeTransport = httpx_transport,
        leave_out_missing: bool = False,
        debug: Mapping[str, int] | None = None,
        viewer: Mapping[str, str] | None = None,
        clock: WallClock | None = None,
        seed: int | None = None,
        caches: bool = True,
    ) -> None:
        """`clock` answers seconds since 1970, `seed` makes every choice repeatable.

        Without `caches` distributions ask their origins for everything.
        """
        unknown = set(functions or {}) - set(config.functions)
        if unknown:
            known = ", ".join(config.functions) or "none"
            raise UsageError(
                f"there is no function {sorted(unknown)[0]!r} to replace (known: {known})"
            )
        self.world = World(clock or time.time, seed) if clock or seed is not None else REAL
        """Its clock, dice and ids."""
        self._caches = caches
        self._viewer = dict(viewer or {})
        self._given = config
        self._ports: Mapping[object, int] = {}
        self.config = config = self._as_it_runs(config)
        self.exchanges = Exchanges()
        self.on_exchange: Callable[[Exchange], None] | None = None
        """Called with each finished exchange, in the place of a line in the log `edgegw.access`."""
        self._handlers = dict(functions or {})
        self._make_transport = transport
        self._leave_out_missing = leave_out_missing
        self._debug = dict(debug or {})
        self.faults = Faults(config.faults, config.fault_seed)
        """What goes wrong on demand."""
        self.stale: dict[str, str] = {}
        """What runs in an older version than the files have, and why: functions by name, and
        `config` for the configuration."""
        self._parts: dict[asyncio.AbstractEventLoop, _Parts] = {}
        self._pinned: _Parts | None = None
        self._blocking = BlockingLoop(self.enter, self.stop)
        self._doors = by_key(self.config.doors)

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

        return cls(
            load_dict(config, base), functions=functions, viewer=viewer, clock=clock, seed=seed
        )

    def _as_it_runs(self, config: Config) -> Config:
        """`config` with what only this gateway knows: where viewers are, and the real ports."""
        config = with_ports(self._with_viewer(config), self._ports)
        return config if self._caches else without_caches(config)

    def _with_viewer(self, config: Config) -> Config:
        """`config` with its viewers where this gateway was told that they are."""
        if not self._viewer:
            return config
        try:
            moved = [moved_door(door, self._viewer) for door in config.distributions]
        except ViewerError as error:
            raise UsageError(f"viewer: {error}") from error
        return replace(config, distributions=tuple(moved))

    # Front doors

    def door(self, name: str) -> Door:
        """The front door `name`: a distribution, or a load balancer's first listener.

        `NAME:PORT` picks another listener by its port. Raises UsageError when there is none.
        """
        for key, door in self._doors.items():
            ports = {door.listen.port, self._ports.get(key, door.listen.port)}
            if name in (door.name, *(f"{door.name}:{port}" for port in ports)):
                return door
        known = ", ".join(dict.fromkeys(door.name for door in self.config.doors)) or "none"
        raise UsageError(f"there is no front door {name!r} (known: {known})")

    def settle(self, ports: Mapping[object, int]) -> None:
        """The front doors have these ports, by key: those that listen on 0 show them from now on.

        Before the gateway starts, or before `reload` brings the values that get them.
        """
        self._ports = dict(ports)
        if not self.is_running:
            self.config = self._as_it_runs(self._given)
            self._doors = by_key(self.config.doors)

    def app(self, name: str) -> AsgiFront:
        """The front door `name` as an ASGI 3 application."""
        door = self.door(name)
        by_socket = self._behind_port(door, by_socket=True)
        return AsgiFront(by_socket, self.start, self.stop, self._behind_port(door))

    def front(self, name: str) -> FrontDoor:
        """The front door `name`, or NAME:PORT. Raises UsageError when there is none."""
        return self._front_of(self.door(name))

    def fronts(self, config: Config | None = None) -> list[FrontDoor]:
        """The front doors of `config`, by default of the present one."""
        doors = self._doors if config is None else by_key(config.doors)
        return [front_of(self, key, door) for key, door in doors.items()]

    def served(self, config: Config | None = None) -> dict[object, Served]:
        """What `config` (by default the present one) has on sockets, by identity."""
        config = config or self.config
        doors = by_key(config.doors)
        fronts = [front_of(self, key, door, by_socket=True) for key, door in doors.items()]
        served = by_port(self, fronts)
        if config.lambda_api is not None:
            served.append(LambdaApiFront(self, config.lambda_api))
        return {front.identity: front for front in served}

    async def cloudfront_api(self, scope: Any, receive: Any, send: Any) -> None:
        """The CloudFront API as an ASGI 3 application, imported as the Lambda API is."""
        parts = self._parts_here()
        if parts.cloudfront_api is None:
            from edgegw.gateway.cloudfront_api import cloudfront_api

            parts.cloudfront_api = cloudfront_api(self)
        await parts.cloudfront_api(scope, receive, send)

    async def lambda_api(self, scope: Any, receive: Any, send: Any) -> None:
        """The Lambda API as an ASGI 3 application; what it needs is imported by its first call."""
        parts = self._parts_here()
        if parts.lambda_api is None:
            from edgegw.execution.invoke_api import lambda_api

            parts.lambda_api = lambda_api(parts.service, parts.shifter)
        await parts.lambda_api(scope, receive, send)

    @property
    def service(self) -> LambdaService:
        """The Lambda service of the running event loop."""
        return self._parts_here().service

    @property
    def shifter(self) -> Shifter:
        """What walks aliases from one version to another, on the running event loop."""
        return self._parts_here().shifter

    def client(self, name: str, **options: Any) -> httpx.AsyncClient:
        """An `httpx.AsyncClient` that talks to the front door `name` in process.

        `options` go to httpx. What the client starts ends when it is closed.
        """
        import httpx

        from edgegw.gateway.in_process import InProcessTransport

        door = self.door(name)
        transport = InProcessTransport(self._behind_port(door), self._leave)
        self._parts_here().users += 1
        options.setdefault("base_url", _base_url(door))
        return httpx.AsyncClient(transport=transport, **options)

    def sync_client(self, name: str, **options: Any) -> httpx.Client:
        """The blocking twin of `client`, which needs no event loop.

        Its requests run on a thread that all blocking clients of this gateway share.
        """
        import httpx

        from edgegw.gateway.blocking import BlockingTransport

        door = self.door(name)
        transport = BlockingTransport(self._blocking, self._behind_port(door))
        options.setdefault("base_url", _base_url(door))
        return httpx.Client(transport=transport, **options)

    def exchange(self, response: httpx.Response) -> Exchange:
        """What happened to the request that `response` answers.

        Found for responses of `client` and `sync_client`, and by `x-amz-cf-id` for those that came
        over a socket. Raises KeyError when the record is gone or the response is not ours.
        """
        found = response.extensions.get(EXCHANGE)
        if isinstance(found, Exchange):
            return found
        request_id = response.headers.get("x-amz-cf-id", "")
        kept = self.exchanges.get(request_id)
        if kept is None:
            raise KeyError(f"no exchange is kept for this response (x-amz-cf-id {request_id!r})")
        return kept

    def present(self, key: object, door: Door) -> Door:
        """The front door of this key as it is now; `door` once it is gone."""
        return self._doors.get(key, door)

    def _front_of(self, door: Door, *, by_socket: bool = False) -> FrontDoor:
        key = next(key for key, known in self._doors.items() if known is door)
        return front_of(self, key, door, by_socket=by_socket)

    @property
    def doors(self) -> Mapping[object, Door]:
        """The front doors of the present configuration by key: another mapping for each."""
        return self._doors

    def _behind_port(self, door: Door, *, by_socket: bool = False) -> FrontDoor | SharedPort:
        """What answers where `door` listens: the door, and those that share its port by Host."""
        listen = door.listen
        place = (listen.address, listen.port)
        fronts = {
            id(other): self._front_of(other, by_socket=by_socket)
            for other in self._doors.values()
            if other is door or (listen.port and place == (other.listen.address, other.listen.port))
        }
        first = fronts[id(door)]
        return first if len(fronts) == 1 else sharing(self, list(fronts.values()), first)

    # Running

    def _parts_here(self) -> _Parts:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(without_loop()) from None
        parts = self._parts.get(loop)
        if parts is None:
            parts = self._parts[loop] = self._make_parts()
        return parts

    def _make_parts(self) -> _Parts:
        config = self.config
        service = LambdaService(
            config.functions,
            config.account,
            handlers=self._handlers,
            leave_out_missing=self._leave_out_missing,
            pass_credentials=config.pass_credentials,
            cpu=config.cpu,
            strict=config.strict,
            dice=self.world.dice,
        )
        for name, port in self._debug.items():
            service.debug(first_reference(config, name), port)
        origins = OriginRouter(
            self._make_transport(frozenset()),
            self._make_transport(UNVERIFIED_TARGETS),
            self._local_doors(),
            config.hosts,
            config.buckets,
            self.world,
        )
        groups = TargetGroups(config.target_groups)
        handlers = HandlerWords(lambda: service.functions, self._handlers)
        caching = caching_of(config, self.world, handlers, caches=self._caches)
        driver = Driver(service, origins, self.faults, groups, self.world, caching)
        shifter, logs = Shifter(service), BalancerLogs()
        return _Parts(service, shifter, origins, driver, groups, logs, caching)

    def _local_doors(self) -> dict[tuple[str, int], Enter]:
        """The ways into front doors that are reached by a name of their own on AWS."""
        local: dict[tuple[str, int], Enter] = {}
        for front in self.fronts():
            if front.address is not None:
                local.setdefault(front.address, partial(_enter, front))
        return local

    async def start(self) -> None:
        """Starts runtimes ahead of the first request, on the running event loop.

        Raises EnvironmentProblem when a runtime is missing.
        """
        await self.enter(ahead=True)

    async def enter(self, *, ahead: bool = False) -> None:
        """One more user on the running event loop; `stop` is its end.

        Unless runtimes start `ahead`, the first invocation that needs one starts it. Raises
        EnvironmentProblem when a runtime is missing.
        """
        parts = self._parts_here()
        parts.users += 1
        if not parts.is_started:
            parts.is_started = True
            parts.caching.start()
            try:
                await parts.service.start(ahead=ahead)
                for shift in self.config.shifts:
                    parts.shifter.start(shift)
            except BaseException:
                await self._leave()
                raise

    async def stop(self) -> None:
        """Undoes one `start`; with the last user everything ends."""
        await self._leave()

    async def _leave(self) -> None:
        loop = asyncio.get_running_loop()
        parts = self._parts.get(loop)
        if parts is None:
            return
        parts.users -= 1
        if parts.users <= 0:
            del self._parts[loop]
            self._pinned = None
            if parts.checks is not None:
                await parts.checks.close()
            parts.groups.close()
            await parts.caching.close()
            await parts.shifter.close()
            await parts.service.close()
            await parts.origins.close()
            parts.logs.close()
            parts.distribution_logs.close()

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        """Keeps what blocking clients use running between them, as `async with` does for others."""
        self._blocking.enter()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._blocking.leave()

    @property
    def is_running(self) -> bool:
        """Whether something started it and nobody stopped it."""
        return bool(self._parts)

    def left_out(self) -> list[tuple[str, str]]:
        """Functions that cannot run here and why; after `start` with `leave_out_missing`."""
        return [
            (name, str(problem))
            for parts in self._parts.values()
            for name, problem in parts.service.missing()
        ]

    def driver(self) -> Driver:
        """The driver of the running event loop."""
        return (self._pinned or self._parts_here()).driver

    def acquire(self) -> AcquiredSnapshot:
        """What a request that starts now begins with; `release` gives it back."""
        parts = self._pinned or self._parts_here()
        return AcquiredSnapshot(parts.service.acquire(), self._doors)

    def release(self, acquired: AcquiredSnapshot) -> None:
        """The request that began with `acquired` is answered."""
        parts = self._pinned or self._parts.get(asyncio.get_running_loop())
        if parts is not None:  # else everything has ended meanwhile
            parts.service.release(acquired.snapshot)

    # Load balancers

    @property
    def target_groups(self) -> TargetGroups:
        """The targets of the load balancers as they are now, on the running event loop."""
        return self._parts_here().groups

    @property
    def balancer_logs(self) -> BalancerLogs:
        """Where the load balancers of the running event loop write their logs."""
        return (self._pinned or self._parts_here()).logs

    @property
    def distribution_logs(self) -> DistributionLogs:
        """Where the distributions of the running event loop write their access logs."""
        return (self._pinned or self._parts_here()).distribution_logs

    def check_targets(self) -> None:
        """Starts the health checks of all target groups that are in use; `serve` does."""
        parts = self._parts_here()
        if self.config.is_sticky:  # so that no request waits for what seals cookies
            importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
        if parts.checks is None:
            parts.checks = HealthChecks(
                parts.groups,
                parts.origins.probe,
                parts.service.invoke,
                self._log_check,
                self.world.now,
            )
        parts.checks.watch(_checked(self.config))

    def _log_check(self, entry: CheckEntry, group: TargetGroup) -> None:
        for balancer in self.config.users_of(group):
            self.balancer_logs.check(balancer, entry, group)

    def route(self, config: Config) -> None:
        """Puts the rules and target groups of `config` in the place of the present ones.

        Only those: nothing else of it may differ.
        """
        self.config = config = self._with_viewer(config)
        self._doors = by_key(config.doors)
        parts = self._parts_here()
        parts.groups.configure(config.target_groups)
        if parts.checks is not None:
            parts.checks.watch(_checked(config))

    # Caches

    @property
    def caching(self) -> Caching:
        """The cache of the distributions, on the running event loop."""
        return self._parts_here().caching

    @cached_property
    def invalidations(self) -> Invalidations:
        """What was invalidated, as the CloudFront API lists it."""
        from edgegw.gateway.invalidations import Invalidations

        return Invalidations(self.world)

    def invalidate(self, distribution: str, *paths: str) -> int:
        """Removes what `paths` name from the cache of a distribution; how many answers went.

        As an invalidation of CloudFront does: `*` is a wildcard at the end alone, a query is part
        of the path. With a shared store it goes for all gateways that have it. Raises UsageError
        when there is no such distribution, or a path cannot be one, and EnvironmentProblem when the
        shared store is gone.
        """
        from edgegw.gateway.cache_control import invalidation_of

        clearing = invalidation_of(self.config, distribution, paths)
        removed = sum(parts.caching.clear(clearing) for parts in list(self._parts.values()))
        self.invalidations.note(clearing.distribution, clearing.paths)
        return removed

    async def clear_caches(self, clearing: Clearing) -> int:
        """As `invalidate`, but the event loop goes on while a shared store is looked through.

        Raises EnvironmentProblem when that is gone.
        """
        removed = 0
        for parts in list(self._parts.values()):
            removed += await parts.caching.clear_in_thread(clearing)
        return removed

    async def _clear_outdated(self, old: Config, functions: AbstractSet[str]) -> None:
        """Removes from the caches what would be another answer now."""
        for parts in self._parts.values():
            parts.caching.code_changed()
        if not any(parts.caching.is_used for parts in self._parts.values()):
            return
        from edgegw.gateway.cache_control import outdated

        clearing = outdated(old, self.config, functions)
        for parts in list(self._parts.values()):
            try:
                await parts.caching.clear_in_thread(clearing)
            except EnvironmentProblem as problem:
                logger.warning("%s", problem)
            compare_anew(parts.caching, self.config)

    # Reloading

    async def reload(self, config: Config) -> None:
        """Puts `config` in the place of the present one; requests under way end as they began.

        Listeners are not touched, nor connections and warm environments of what did not change.
        A changed function whose new version cannot be initialised keeps its old one and is `stale`.
        """
        parts, old = self._parts_here(), self.config
        config = self._as_it_runs(config)
        functions = dict(parts.service.functions)
        for name in old.functions.keys() - config.functions.keys():
            functions.pop(name, None)
        changed = {
            name: deployed
            for name, deployed in config.functions.items()
            if old.functions.get(name) != deployed
        }
        functions.update(changed)
        touched = set(functions) if parts.service.configure(_settings(config)) else set[str]()
        replacement = await parts.service.prepare(functions, touched)
        parts.service.commit(replacement)
        self.config = config
        if (config.faults, config.fault_seed) != (old.faults, old.fault_seed):
            self.faults.put(config.faults, config.fault_seed)
        self._doors = by_key(config.doors)
        parts.origins.local.update(self._local_doors())
        parts.origins.lead(config.hosts, config.buckets)
        parts.groups.configure(config.target_groups)
        parts.caching.store.resize(config.cache.memory, config.cache.disk)
        if config.cache.store != old.cache.store:
            await parts.caching.share(shared_store(config, self.world, caches=self._caches))
        if parts.checks is not None:
            parts.checks.watch(_checked(config))
        for shift in config.shifts:
            if shift not in old.shifts:
                parts.shifter.start(shift)
        self._note(replacement, {*changed, *touched, *(old.functions.keys() - functions.keys())})
        await self._clear_outdated(old, {*changed, *touched})

    async def reload_code(self, names: AbstractSet[str]) -> None:
        """The files of functions changed: new environments take over once they are initialised.

        What cannot be initialised keeps its old version and is `stale`.
        """
        service = self._parts_here().service
        functions = dict(service.functions)
        for name in names & self.stale.keys() & self.config.functions.keys():
            functions[name] = self.config.functions[name]
        replacement = await service.prepare(functions, names)
        service.commit(replacement)
        self._note(replacement, names)
        await self._clear_outdated(self.config, names)

    def _note(self, replacement: Replacement, names: AbstractSet[str]) -> None:
        for name in names:
            failure = replacement.failures.get(name)
            if failure is None:
                self.stale.pop(name, None)
            else:
                self.stale[name] = f"{failure.error_type}: {failure.message}"

    def pin(self) -> None:
        """Promises that one event loop, the running one, uses this gateway until it stops.

        `serve` does: asking for the running loop costs a system call on Python 3.11.
        """
        self._pinned = self._parts_here()


async def _enter(front: FrontDoor, request: Request, outer: Exchange) -> Response:
    """The way of a distribution's request into a front door of the same gateway."""
    accepted = front.accept(request, outer)
    response = accepted if isinstance(accepted, Response) else await accepted
    inner = outer.inner[-1]
    inner.duration = perf_counter() - inner.began
    return response


def first_reference(config: Config, name: str) -> FunctionRef:
    """The first reference to the function `name` at a trigger or in a target group."""
    for door in config.doors:
        for ref in door.functions:
            if ref.name == name:
                return ref
    return FunctionRef(name)


def _checked(config: Config) -> list[TargetGroup]:
    """The target groups that a load balancer uses: only those are checked."""
    return [group for group in config.target_groups.values() if config.users_of(group)]


def _settings(config: Config) -> ServiceSettings:
    return ServiceSettings(config.account, config.pass_credentials, config.cpu, config.strict)


def _base_url(door: Door) -> str:
    scheme = "https" if door.listen.tls else "http"
    host = "127.0.0.1" if door.listen.address in ("0.0.0.0", "::", "") else door.listen.address  # noqa: S104
    port = f":{door.listen.port}" if door.listen.port else ""
    return f"{scheme}://{bracketed(host)}{port}"
