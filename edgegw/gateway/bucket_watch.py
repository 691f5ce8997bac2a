"""Watches folders that stand for buckets: which of their objects came, changed or went.

A file is no object. It is written bit by bit, moved into place, replaced by another one; an object
is there as a whole or not. So what the system tells of is only a hint at which file to look:

    changed ──▶ pending ──▶ looked at ──▶ the same at the next look ──▶ compared with what is known
                   ▲            │
                   └── differs ─┘        (somebody still writes it)

What is known is the time, size and inode of every file, as of the last change that was told. A
file that was replaced so quickly that both looks see the new one changed once. A folder that is
moved in is looked through, one that goes takes the files known below it along.

The folder itself may be missing, go and come back. What is in it when it comes is new. What is in
it when watching begins is not. `FolderHints` asks the system about all folders at once, and begins
anew when one of them is another one: then each is looked through.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

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
        self.folder = Path(folder)
        self._known: dict[str, _FileState] = {}
        self._pending: dict[str, _FileState] = {}
        self._unseen: set[str] = set()
        self._hinted = asyncio.Event()

    @property
    def top(self) -> str:
        """The path of the folder as the system tells it, links followed."""
        return os.path.realpath(self.folder)

    async def begin(self) -> None:
        """Takes what is there for known."""
        self._known = await asyncio.to_thread(self._inventory)

    def hint(self, paths: Iterable[str]) -> None:
        """Something happened at these paths."""
        self._unseen.update(paths)
        self._hinted.set()

    def hint_at_all(self) -> None:
        """Something may have happened anywhere."""
        self.hint([str(self.folder)])

    async def changes(self) -> AsyncGenerator[list[tuple[str, bool]], None]:
        """Keys of objects with whether each is there, whenever some changed; until canceled."""
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            while self._pending or self._unseen:
                await asyncio.sleep(_SETTLE)
                unseen, self._unseen = self._unseen, set()
                changed = await asyncio.to_thread(self._look, unseen)
                if changed:
                    yield changed

    # Looks, on a thread

    def _look(self, hinted: set[str]) -> list[tuple[str, bool]]:
        """What is settled and another than what is known; something happened at `hinted`."""
        for key in self._keys_at(hinted):
            self._pending.setdefault(key, _NEVER_SEEN)
        changed: list[tuple[str, bool]] = []
        for key, before in list(self._pending.items()):
            now = _state(self.folder / key)
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
        top, gone = self.top, list[str]()
        for path in paths:
            name = "" if path == str(self.folder) else os.path.relpath(path, top)
            if name.startswith(".."):
                continue
            place = self.folder / name
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
        for key in self._walk(self.folder):
            if len(known) == _MOST:
                text = "%s has more than %d objects: of the others it is not seen that they go"
                logger.warning(text, self.folder, _MOST)
                break
            known[key] = _state(self.folder / key)
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
                elif key := _key(os.path.relpath(entry.path, self.folder)):
                    yield key


class FolderHints:
    """Hears from the system where something happened, and hints at it to the watch concerned."""

    def __init__(self) -> None:
        self._watches: list[BucketWatch] = []
        self._over = asyncio.Event()
        self._missing: set[BucketWatch] = set()

    def lead(self, watches: Iterable[BucketWatch]) -> None:
        """From now on these are the watches."""
        self._watches = list(watches)
        self._over.set()

    async def run(self) -> None:
        """Hints until it is canceled."""
        while True:
            over = self._over = asyncio.Event()
            identities = {watch: _identity(watch.folder) for watch in self._watches}
            for watch in identities:
                watch.hint_at_all()
            self._tell_missing({watch for watch, known in identities.items() if known is None})
            there = [watch for watch, known in identities.items() if known is not None]
            async with asyncio.TaskGroup() as group:
                group.create_task(_end_with(identities, over))
                if there:
                    group.create_task(_follow(there, over))

    def _tell_missing(self, missing: set[BucketWatch]) -> None:
        for watch in missing - self._missing:
            logger.warning("%s does not exist: it is watched once it does", watch.folder)
        self._missing = missing


async def _follow(watches: list[BucketWatch], over: asyncio.Event) -> None:
    """Asks the system about these folders until it is over."""
    from watchfiles import Change, awatch  # type: ignore[reportUnknownVariableType] - a Path without args

    tops = [(watch.top, watch) for watch in watches]
    changes = awatch(
        *{top for top, _ in tops},
        watch_filter=None,
        step=_STEP,
        debounce=10 * _STEP,
        ignore_permission_denied=True,
        stop_event=over,
    )
    for watch in watches:  # what happened before it surely watches
        asyncio.get_running_loop().call_later(_BEGUN, watch.hint_at_all)
    try:
        async with contextlib.aclosing(changes):
            async for batch in changes:
                paths = [path for _, path in batch]
                gone = {path for change, path in batch if change is Change.deleted}
                if not gone.isdisjoint(top for top, _ in tops):
                    over.set()  # one that comes in its place may have the same identity
                for top, watch in tops:
                    if below := [path for path in paths if Path(path).is_relative_to(top)]:
                        watch.hint(below)
    except (OSError, RuntimeError) as error:  # such as too many folders to watch
        logger.warning("folders of buckets are not watched, restart to try again: %s", error)


async def _end_with(
    identities: Mapping[BucketWatch, tuple[int, int] | None], over: asyncio.Event
) -> None:
    """Ends it when one of the folders is another one, is gone or has come."""
    while all(_identity(watch.folder) == known for watch, known in identities.items()):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETURN):
                await over.wait()
                return
    over.set()


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
