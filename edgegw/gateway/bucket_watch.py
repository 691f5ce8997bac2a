"""Watches a folder that stands for a bucket: which of its objects came, changed or went.

A file is no object. It is written bit by bit, moved into place, replaced by another one; an object
is there as a whole or not. So what the system tells of is only a hint at which file to look:

    changed ──▶ pending ──▶ looked at ──▶ the same at the next look ──▶ compared with what is known
                   ▲            │
                   └── differs ─┘        (somebody still writes it)

What is known is the time, size and inode of every file, as of the last change that was told. A
file that was replaced so quickly that both looks see the new one changed once. A folder that is
moved in is looked through, one that goes takes the files known below it along.

The folder itself may be missing, go and come back. What is in it when it comes is new. What is in
it when watching begins is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import AsyncGenerator, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from edgegw.background import Background
from edgegw.cloudfront.s3.keys import MAX_KEY
from edgegw.cloudfront.s3.metadata import SUFFIX

logger = logging.getLogger(__name__)

_STEP: Final = 50
"""Milliseconds between two questions to the system, and without a change after which it answers."""
_SETTLE: Final = 0.15
"""Seconds between two looks at a file."""
_BEGUN: Final = 0.2
"""Seconds after which a new watch surely sees changes."""
_RETURN: Final = 1.0
"""Seconds between two looks whether the folder itself is still the same one."""
_MOST: Final = 100_000
"""Objects of a folder that are known; of more it is not seen that they go."""

_FileState: TypeAlias = tuple[int, int, int] | None
"""Time, size and inode of a file; None where there is none."""


class BucketWatch:
    """The changes of the files in `folder`, on the running event loop."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._known: dict[str, _FileState] = {}
        self._pending: dict[str, _FileState] = {}
        self._unseen: set[str] = set()
        self._hint = asyncio.Event()
        self._background = Background()
        self._is_told = False

    async def changes(self) -> AsyncGenerator[list[tuple[str, bool]], None]:
        """Keys of objects with whether each is there, whenever some changed; until canceled."""
        identity = await asyncio.to_thread(_identity, self._folder)
        if identity is not None:
            self._known = await asyncio.to_thread(self._inventory)
        self._background.start(self._follow())
        try:
            while True:
                await self._hint.wait()
                self._hint.clear()
                while self._pending or self._unseen:
                    await asyncio.sleep(_SETTLE)
                    hinted, self._unseen = self._unseen, set()
                    changed = await asyncio.to_thread(self._look, hinted)
                    if changed:
                        yield changed
        finally:
            await self._background.cancel()

    # Hints, on the event loop

    async def _follow(self) -> None:
        """Follows the folder whenever it is there, and what stands in its place later."""
        while True:
            identity = _identity(self._folder)
            self._hint_at_all()
            if identity is None:
                self._tell_missing()
                await asyncio.sleep(_RETURN)
                continue
            self._is_told = False
            try:
                await self._watch(identity)
            except (OSError, RuntimeError) as error:  # such as too many folders to watch
                logger.warning("%s is not watched, restart to try again: %s", self._folder, error)
                return

    def _tell_missing(self) -> None:
        if not self._is_told:
            logger.warning("%s does not exist: it is watched once it does", self._folder)
            self._is_told = True

    async def _watch(self, identity: tuple[int, int]) -> None:
        """Follows this very folder until another one, or none, has its place."""
        from watchfiles import awatch  # type: ignore[reportUnknownVariableType] - a Path without args

        over = asyncio.Event()
        changes = awatch(
            os.path.realpath(self._folder),  # noqa: ASYNC240 - a few looks at names
            watch_filter=None,
            step=_STEP,
            debounce=10 * _STEP,
            ignore_permission_denied=True,
            stop_event=over,
        )
        self._background.start(self._end_with(identity, over))
        asyncio.get_running_loop().call_later(_BEGUN, self._hint_at_all)
        try:
            async with contextlib.aclosing(changes):
                async for batch in changes:
                    self._unseen.update(path for _, path in batch)
                    self._hint.set()
        finally:
            over.set()

    async def _end_with(self, identity: tuple[int, int], over: asyncio.Event) -> None:
        while _identity(self._folder) == identity:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RETURN):
                    await over.wait()
                    return
        over.set()

    def _hint_at_all(self) -> None:
        self._unseen.add(str(self._folder))
        self._hint.set()

    # Looks, on a thread

    def _look(self, hinted: set[str]) -> list[tuple[str, bool]]:
        """What is settled and another than what is known; something happened at `hinted`."""
        for key in self._keys_at(hinted):
            self._pending.setdefault(key, _NEVER_SEEN)
        changed: list[tuple[str, bool]] = []
        for key, before in list(self._pending.items()):
            now = _state(self._folder / key)
            if now != before:
                self._pending[key] = now
                continue
            del self._pending[key]
            if now != self._known.get(key):
                self._note(key, now)
                changed.append((key, now is not None))
        return changed

    def _note(self, key: str, state: _FileState) -> None:
        if state is None:
            self._known.pop(key, None)
        elif key in self._known or len(self._known) < _MOST:
            self._known[key] = state

    def _keys_at(self, paths: Iterable[str]) -> Iterator[str]:
        """The keys that may have changed where something happened at `paths`."""
        top, gone = os.path.realpath(self._folder), list[str]()
        for path in paths:
            name = "" if path == str(self._folder) else os.path.relpath(path, top)
            if name.startswith(".."):
                continue
            place = self._folder / name
            if name not in {"", "."} and (key := _key(name)) is not None:
                yield key
                if not place.exists() and key not in self._known:
                    gone.append(f"{key}/")  # it may have been a folder
            if place.is_dir():
                yield from self._walk(place)
                gone.append(f"{_key(name) or ''}/".lstrip("/"))
        if gone:
            beginnings = tuple(gone)
            yield from [known for known in self._known if known.startswith(beginnings)]

    def _inventory(self) -> dict[str, _FileState]:
        known: dict[str, _FileState] = {}
        for key in self._walk(self._folder):
            if len(known) == _MOST:
                text = "%s has more than %d objects: of the others it is not seen that they go"
                logger.warning(text, self._folder, _MOST)
                break
            known[key] = _state(self._folder / key)
        return known

    def _walk(self, folder: Path) -> Iterator[str]:
        """The keys below `folder`, links followed once."""
        seen = set[str]()
        waiting = [folder]
        while waiting:
            below = waiting.pop()
            real = os.path.realpath(below)
            if real in seen:
                continue
            seen.add(real)
            try:
                entries = list(os.scandir(below))
            except OSError:
                continue
            for entry in entries:
                if _is_folder(entry):
                    waiting.append(Path(entry.path))
                elif key := _key(os.path.relpath(entry.path, self._folder)):
                    yield key


_NEVER_SEEN: Final = (-1, -1, -1)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _key(name: str) -> str | None:
    """The key of the object that a file of this relative name is; None where it is none."""
    key = name.replace(os.sep, "/")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:  # a name that is no UTF-8
        return None
    if key in {"", "."} or size > MAX_KEY or key.endswith(SUFFIX):
        return None
    return key


def _state(path: Path) -> _FileState:
    try:
        facts = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which folder it is; None where there is none."""
    try:
        facts = folder.stat()
    except OSError:
        return None
    return (facts.st_dev, facts.st_ino) if stat.S_ISDIR(facts.st_mode) else None
