"""Where stored answers are: behind a small protocol, in memory by default.

Entries, and bodies up to `SPILL` bytes, are in memory; longer bodies are files of a folder of this
process. Both are bounded in bytes. What room is needed for goes in the order of last use, first of
all what is of no use any more.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from edgegw.cloudfront.cache.clearing import Clearing
from edgegw.cloudfront.cache.entry import BytesBody, FoundEntry, StoredBody, StoredResponse
from edgegw.cloudfront.cache.freshness import Freshness
from edgegw.gateway.cache_folder import CacheFolder
from edgegw.gateway.stored_bodies import SPILL, FileBody
from edgegw.http.message import Header, Headers
from edgegw.values import value


@value
class CachedEntry:
    """An entry for people: what it is, the bytes of its body, how often it was used."""

    entry: StoredResponse
    body: int
    hits: int


class PeekedStore(Protocol):
    """What keeps answers, for whoever only wants to know."""

    def peek(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        """The first of `keys` that has anything; it is no use of it. Raises EnvironmentProblem."""
        ...


class CacheStore(Protocol):
    """What keeps answers. Nothing of it waits."""

    def get(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        """The first of `keys` that has anything."""
        ...

    def peek(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        """As `get`, but it does not count as a use."""
        ...

    def put(self, entry: StoredResponse, body: BytesBody | FileBody) -> None:
        """Keeps an entry whose body is whole; what does not fit is not kept."""
        ...

    def touch(self, entry: StoredResponse) -> None:
        """New terms for what is kept; nothing where it went meanwhile."""
        ...

    def remove(self, keys: Iterable[bytes]) -> None: ...

    def clear(self, goes: Callable[[StoredResponse], bool]) -> int:
        """Removes what `goes`; how many that were."""
        ...

    def entries(self) -> Iterator[CachedEntry]: ...

    def new_file(self) -> Path:
        """Where a long body may be written."""
        ...

    def fits(self, length: int | None) -> bool:
        """Whether a body of so many bytes may be kept at all."""
        ...

    def resize(self, memory: int, disk: int) -> None:
        """Other bounds, in bytes."""
        ...

    @property
    def memory(self) -> int:
        """Bytes of memory that all of it takes about."""
        ...

    def close(self) -> None: ...


@value
class ClearingMark:
    """How far a gateway knows what was cleared of a shared store: a number, and whose it is."""

    epoch: str
    number: int


class SharedStore(Protocol):
    """What keeps answers for several gateways, and may be gone: then it has nothing.

    Requests await it. What a command or a reload asks for blocks, and raises EnvironmentProblem
    where the store is gone.
    """

    on_clearing: Callable[[Clearing], object]
    """Told of what another gateway clears, before anything is answered that was there before."""

    @property
    def longest(self) -> int:
        """Bytes of the longest body that is kept."""
        ...

    @property
    def mark(self) -> ClearingMark:
        """What had been cleared, as far as is known, when an origin is asked."""
        ...

    async def get(self, keys: tuple[bytes, ...]) -> FoundEntry | None: ...

    async def put(
        self, entry: StoredResponse, body: BytesBody | FileBody, mark: ClearingMark
    ) -> None: ...

    async def touch(self, was: StoredResponse, entry: StoredResponse, mark: ClearingMark) -> None:
        """New terms for what still is as it `was`."""
        ...

    async def remove(self, keys: Iterable[bytes]) -> None: ...

    def peek(self, keys: tuple[bytes, ...]) -> FoundEntry | None: ...

    def entries(self) -> Iterator[CachedEntry]: ...

    def clear(self, clearing: Clearing) -> int: ...

    def compare(self, digests: Callable[[], Mapping[tuple[str, str], str]]) -> None:
        """Before the next look-up, what came from anything else than `digests` say is cleared.

        They are digests of behaviors, by id of the distribution and path pattern.
        """
        ...

    def start(self) -> None:
        """Says so at once where it is not there."""
        ...

    async def close(self) -> None: ...


class NoStore:
    """Keeps nothing, for whoever only looks at one request."""

    def get(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        return None

    peek = get

    def put(self, entry: StoredResponse, body: BytesBody | FileBody) -> None:
        """Forgotten."""

    def touch(self, entry: StoredResponse) -> None:
        """Nothing is there."""

    def remove(self, keys: Iterable[bytes]) -> None:
        """Nothing is there."""

    def clear(self, goes: Callable[[StoredResponse], bool]) -> int:
        return 0

    def entries(self) -> Iterator[CachedEntry]:
        return iter(())

    def new_file(self) -> Path:
        raise AssertionError("nothing fits")

    def fits(self, length: int | None) -> bool:
        return False

    def resize(self, memory: int, disk: int) -> None:
        """Nothing fits anyhow."""

    @property
    def memory(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is there."""


class _Slot:
    __slots__ = ("hits", "memory", "stored")

    def __init__(self, stored: FoundEntry, memory: int) -> None:
        self.stored = stored
        self.memory = memory
        self.hits = 0


class MemoryStore:
    """Entries in memory, long bodies in files below `state`. Both bounds are in bytes."""

    def __init__(self, memory: int, disk: int, state: str | Path, now: Callable[[], float]) -> None:
        self._limits = memory, disk
        self._memory = self._disk = 0
        self._now = now
        self._kept: OrderedDict[bytes, _Slot] = OrderedDict()
        self._files = CacheFolder(state)
        self._known_terms: dict[Freshness, Freshness] = {}
        self._seen: dict[int, tuple[Headers, Freshness]] = {}
        self._known_names: dict[bytes, bytes] = {}
        self._known_lines: dict[Header, Header] = {}
        self._warm: OrderedDict[bytes, Headers] = OrderedDict()

    def get(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        for key in keys:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                kept.hits += 1
                if key not in self._warm:
                    self._warm_up(key, kept.stored.entry.headers)
                return kept.stored
        return None

    def _warm_up(self, key: bytes, headers: Headers) -> None:
        """A hit leaves what it worked out on an entry's `headers`, as much again as the entry.

        So only those of the last `_MOST_WARM` entries keep it.
        """
        self._warm[key] = headers
        if len(self._warm) > _MOST_WARM:
            self._warm.popitem(last=False)[1].forget()

    def peek(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        slots = (self._kept.get(key) for key in keys)
        return next((slot.stored for slot in slots if slot is not None), None)

    def put(self, entry: StoredResponse, body: BytesBody | FileBody) -> None:
        if entry.key in self._kept:
            self._drop(entry.key)
        in_memory = entry.size + (body.length if isinstance(body, BytesBody) else 0)
        on_disk = body.length if isinstance(body, FileBody) else 0
        if in_memory > self._limits[0] or on_disk > self._limits[1]:
            _unlink(body)
            return
        self._kept[entry.key] = _Slot(FoundEntry(self._shared(entry), body), in_memory)
        self._memory += in_memory
        self._disk += on_disk
        if self._memory > self._limits[0] or self._disk > self._limits[1]:
            self._make_room(entry.key)

    def _shared(self, entry: StoredResponse) -> StoredResponse:
        """`entry` with one object for what many have in common: a third of what they take."""
        headers, own = entry.headers, entry.freshness
        seen = self._seen.get(id(headers))
        if seen is not None and seen[0] is headers and seen[1] is own:  # a head that comes again
            return entry
        if len(self._known_lines) > _MOST_SHARED or len(self._seen) > _MOST_SHARED:
            for known in (self._known_lines, self._known_names, self._known_terms, self._seen):
                known.clear()
        self._share_lines(headers)
        self._seen[id(headers)] = headers, own
        terms = self._known_terms.setdefault(own, own)
        return entry if terms is own else _with(entry, terms)

    def _share_lines(self, headers: Headers) -> None:
        """Most lines of a head are its neighbours' too; the rest has a name that others have."""
        lines, names = self._known_lines, self._known_names
        shared: list[Header] = []
        for line in headers.raw:
            known_line = lines.get(line)
            if known_line is None:
                known_line = names.setdefault(line[0], line[0]), line[1]
                lines[known_line] = known_line
            shared.append(known_line)
        headers.share(tuple(shared))

    def touch(self, entry: StoredResponse) -> None:
        kept = self._kept.get(entry.key)
        if kept is None:
            return
        body = kept.stored.body
        memory = entry.size + (body.length or 0 if isinstance(body, BytesBody) else 0)
        self._memory += memory - kept.memory
        kept.memory = memory
        if entry.headers is not kept.stored.entry.headers:  # else they are shared already
            entry = self._shared(entry)
        kept.stored = FoundEntry(entry, body)

    def remove(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            self._drop(key)

    def clear(self, goes: Callable[[StoredResponse], bool]) -> int:
        gone = [key for key, kept in self._kept.items() if goes(kept.stored.entry)]
        self.remove(gone)
        return len(gone)

    def entries(self) -> Iterator[CachedEntry]:
        for kept in list(self._kept.values()):
            yield CachedEntry(kept.stored.entry, kept.stored.body.length or 0, kept.hits)

    def new_file(self) -> Path:
        return self._files.new_file()

    def fits(self, length: int | None) -> bool:
        return length is None or length <= self._limits[length > SPILL]

    def resize(self, memory: int, disk: int) -> None:
        self._limits = memory, disk
        self._make_room(b"")

    @property
    def memory(self) -> int:
        return self._memory

    def close(self) -> None:
        self._kept.clear()
        self._warm.clear()
        self._files.close()

    def _make_room(self, newest: bytes) -> None:
        """First what is of no use any more, then what was not used for longest."""
        now = self._now()
        useless = [key for key, kept in self._kept.items() if kept.stored.entry.useless_at < now]
        for key in itertools.chain(useless, list(self._kept)):
            if self._memory <= self._limits[0] and self._disk <= self._limits[1]:
                return
            if key != newest and self._needs_room_of(key):
                self._drop(key)

    def _needs_room_of(self, key: bytes) -> bool:
        """Whether what is kept under `key` takes of what there is too little of."""
        kept = self._kept.get(key)
        return kept is not None and (
            self._memory > self._limits[0] or isinstance(kept.stored.body, FileBody)
        )

    def _drop(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        warm = self._warm.pop(key, None)
        if warm is not None:
            warm.forget()
        self._memory -= kept.memory
        body = kept.stored.body
        if isinstance(body, FileBody):
            self._disk -= body.length
        _unlink(body)


_MOST_SHARED: Final = 1000

_MOST_WARM: Final = 8192
"""Entries whose headers keep what hits worked out: 10 MB or so."""


def _with(entry: StoredResponse, terms: Freshness) -> StoredResponse:
    return StoredResponse(
        entry.key,
        entry.place,
        entry.status,
        entry.reason,
        entry.headers,
        entry.stored_at,
        terms,
        entry.origin_status,
        entry.length,
        entry.part,
        entry.total,
        entry.is_head,
        entry.is_chunked,
        entry.tags,
        entry.retry_at,
        entry.coding,
    )


def _unlink(body: StoredBody) -> None:
    if isinstance(body, FileBody):
        body.path.unlink(missing_ok=True)
