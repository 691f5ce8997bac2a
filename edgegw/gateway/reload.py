"""Watches files while the gateway serves: code of functions, and the configuration.

A change is tried out beside what serves: only what can be loaded takes over, everything under way
ends as it began. A broken edit leaves the old version in place, which then says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Final

from edgegw.background import Background
from edgegw.config.model import Config, edge_owned, edge_owner
from edgegw.errors import ConfigError, EdgegwError, Finding
from edgegw.execution.pool import CodeStamp, SupersededError
from edgegw.gateway.code_files import Claim, changed_owners, link_claim, links_on_the_way
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.relevance import Relevance

logger = logging.getLogger(__name__)

_STEP: Final = 20
"""Milliseconds without a change after which a change is looked at; watchfiles polls so often."""
_DEBOUNCE: Final = 60
_REST: Final = 4
"""How many times as long as a look nothing is looked at behind it, whatever is written."""
_STORM: Final = 3
"""Changed claims or paths beyond which more are expected: a checkout, a build."""
_QUIET: Final = 0.06
"""Seconds in which nothing changes at the end of a storm."""
_LONGEST_STORM: Final = 3.0
_BEGUN: Final = 0.1
"""Seconds after which a new watch surely sees changes."""

LoadConfig = Callable[[], Config]
"""Loads the configuration anew. Raises EdgegwError."""
Apply = Callable[[Config], Awaitable[None]]
"""Puts a configuration in the place of the present one. Raises EdgegwError."""


class Reloader:
    """Keeps `gateway` equal to its files.

    `load` is None for a configuration without a file. Reading that began at `loaded_at`, in seconds
    since 1970: what was saved since then may not be what serves.
    """

    def __init__(
        self,
        gateway: Gateway,
        load: LoadConfig | None,
        apply: Apply,
        loaded_at: float | None = None,
    ) -> None:
        self._gateway = gateway
        self._load = load
        self._apply = apply
        self._loaded_at = loaded_at
        self._claims: list[Claim] = []
        self._git = list[Path]()
        self._reloads = Background()
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()
        self._again = asyncio.Event()
        self._relevance = Relevance()

    async def run(self) -> None:
        """Watches until it is canceled."""
        self._claim()  # at once: what is edited from here on is not what serves
        if self._load is not None:  # so that the first edit need not wait for it
            await asyncio.to_thread(importlib.import_module, "edgegw.config.resolve")
        self._catch_up_with_start()
        try:
            while True:
                await self._watch()
        except (OSError, RuntimeError) as error:  # such as too many folders to watch
            logger.warning("files are not watched, restart to run changed code: %s", error)
        finally:
            self._gateway.service.watch_code(None)
            await self._reloads.cancel()

    def _claim(self) -> None:
        """Looks for the files that count now."""
        config = self._gateway.config
        known = {(each.owner, each.path): each for each in self._claims}
        self._relevance.forget()
        self._claims = [Claim("", path) for path in config.files]
        links: dict[str, None] = {}
        for name, path in config.code:
            found = Path(path)
            is_source = found.is_file() and found.suffix != ".zip"
            self._claims.append(Claim(name, path, is_source))
        for each in [*config.files, *(path for _, path in config.code)]:
            links.update(dict.fromkeys(links_on_the_way(each)))
        self._claims += map(link_claim, links)
        changed_owners(claim for claim in self._claims if (claim.owner, claim.path) not in known)
        for at, claim in enumerate(self._claims):
            same = known.get((claim.owner, claim.path))
            if same is not None:  # what it saw last is what serves: a later change still counts
                self._claims[at] = same
        tops = {top for claim in self._claims for top in Path(claim.path).parents}
        self._git = [top / ".git" / "index.lock" for top in tops if (top / ".git").is_dir()]
        self._gateway.service.watch_code(self._code_stamp)

    def _folders(self) -> set[str]:
        folders = {folder for claim in self._claims for folder in claim.folders}
        return {each for each in folders if Path(each).is_dir()}

    async def _watch(self) -> None:
        """Follows the folders that count, until there are others."""
        from watchfiles import awatch  # type: ignore[reportUnknownVariableType] - a Path without args

        self._again = asyncio.Event()
        folders = self._folders()
        if not folders:
            await self._again.wait()
            return
        changes = awatch(
            *sorted(folders),
            watch_filter=None,
            step=_STEP,
            debounce=_DEBOUNCE,
            recursive=False,
            ignore_permission_denied=True,
            stop_event=self._again,
        )
        # What happened while nobody watched: known now, or once watching has surely begun.
        self._catch_up()
        asyncio.get_running_loop().call_later(_BEGUN, self._catch_up)
        async with contextlib.aclosing(changes):
            async for batch in changes:
                paths = {path for _, path in batch}
                concerned = self._relevance.concerned(self._claims, paths)
                if not concerned:
                    continue
                began = time.monotonic()
                found = self._look(concerned)
                self._relevance.looked(concerned, paths, changed=found)
                if found and (len(batch) > _STORM or self._is_git_busy()):
                    await self._settle()
                self._start()
                if self._folders() != folders:
                    return
                await asyncio.sleep(_REST * (time.monotonic() - began))

    def _catch_up(self) -> None:
        if self._look(self._claims):
            self._start()

    def _catch_up_with_start(self) -> None:
        """Reloads what was saved between being read, for the configuration, and the first look."""
        if self._loaded_at is None:
            return
        read = [claim for claim in self._claims if not claim.owner or edge_owned(claim.owner)]
        self._waiting |= {claim.owner for claim in read if claim.saved_since(self._loaded_at)}
        self._start()

    def _look(self, claims: Iterable[Claim]) -> bool:
        """Whether something changed; its owners then wait for their reload."""
        owners = changed_owners(claims)
        self._waiting |= owners
        return bool(owners)

    async def _settle(self) -> None:
        """Waits for the end of a storm of changes."""
        until = time.monotonic() + _LONGEST_STORM
        while time.monotonic() < until:
            await asyncio.sleep(_QUIET)
            if not self._look(self._claims) and not self._is_git_busy():
                return

    def _code_stamp(self, name: str) -> CodeStamp:
        """The state of a function's files, by the paths that stand in the configuration."""
        return {each.path: each.look()[0] for each in self._claims if each.owner == name}

    def _is_git_busy(self) -> bool:
        return any(each.exists() for each in self._git)

    # Reloading

    def _start(self) -> None:
        waiting, self._waiting = self._waiting, set()
        if "" in waiting:
            # One reload for all: what the functions waited for is part of it.
            for name, task in list(self._pending.items()):
                task.cancel()
                waiting.add(name)
            self._follow("", self._reload(waiting - {""}))
            return
        running = self._pending.get("")
        if running is not None:
            self._waiting |= waiting
            running.add_done_callback(lambda _: self._start())
            return
        for name in waiting:
            if name in self._pending:
                self._pending[name].cancel()
            self._follow(name, self._reload_code(name))

    def _follow(self, name: str, work: Coroutine[object, object, None]) -> None:
        task = self._reloads.start(work)
        self._pending[name] = task

        def done(_: object) -> None:
            if self._pending.get(name) is task:
                del self._pending[name]

        task.add_done_callback(done)

    async def _reload(self, touched: set[str]) -> None:
        """Loads the configuration anew."""
        if self._load is None:
            return
        gateway, started = self._gateway, time.perf_counter()
        before = gateway.config.warnings
        try:
            config = await asyncio.to_thread(self._load)  # requests go on meanwhile
            await self._apply(config)
        except SupersededError:
            self._waiting |= {"", *touched}
            return
        except EdgegwError as error:
            gateway.stale["config"] = _first_error(error)
            logger.warning("the configuration stays as it was:\n%s", error)
        except Exception as error:
            gateway.stale["config"] = f"a fault of edgegw itself: {error!r}"
            logger.exception("the configuration stays as it was: a fault of edgegw, please report")
        else:
            gateway.stale.pop("config", None)
            logger.info("reload  configuration  %s", _took(started))
            _tell_new(before, config.warnings)
            self._tell_stale({*config.functions, *map(edge_owner, config.edge_functions)})
            self._claim()
            self._again.set()
        for name in touched & gateway.config.functions.keys():
            await self._reload_code(name)

    async def _reload_code(self, name: str) -> None:
        """Puts the new code of a function in place, if it can be loaded."""
        started = time.perf_counter()
        try:
            await self._gateway.reload_code({name})
        except SupersededError:  # the watcher sees that too
            self._waiting.add(name)
            return
        except EdgegwError as error:
            self._gateway.stale[name] = str(error)
        if not self._tell_stale({name}):
            logger.info("reload  %s  %s", name, _took(started))

    def _tell_stale(self, names: set[str]) -> bool:
        stale = self._gateway.stale
        for name in names & stale.keys():
            logger.warning("%s: its last version stays, the new one fails: %s", name, stale[name])
        return bool(names & stale.keys())


def _tell_new(before: Iterable[Finding], now: Iterable[Finding]) -> None:
    """Tells of warnings that a configuration did not have before, wherever they stood."""
    known = {(finding.code, finding.text) for finding in before}
    lines = [f"    {finding}" for finding in now if (finding.code, finding.text) not in known]
    if lines:
        logger.warning("the new configuration has warnings:\n%s", "\n".join(lines))


def _first_error(error: EdgegwError) -> str:
    findings = error.findings if isinstance(error, ConfigError) else ()
    return str(next((each for each in findings if each.severity == "error"), error))


def _took(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.0f} ms"
