"""The store of a cache that several gateways share; how it works stands in the package's text."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from edgegw.cloudfront.cache.clearing import Clearing, encode_clearing
from edgegw.cloudfront.cache.entry import BytesBody, FoundEntry, StoredResponse
from edgegw.cloudfront.cache.entry_codec import UnreadableEntryError, decode_entry, encode_entry
from edgegw.gateway.cache_store import CachedEntry, ClearingMark
from edgegw.gateway.shared_cache import scripts
from edgegw.gateway.shared_cache.bodies import PART_SIZE, PartedBody, parts_of, read_part
from edgegw.gateway.shared_cache.clearings import (
    CLEARINGS_KEPT,
    NEVER,
    KnownClearings,
    decode_mark,
    encode_mark,
)
from edgegw.gateway.shared_cache.connection import RedisConnection, StoreGoneError
from edgegw.gateway.stored_bodies import SPILL, FileBody

BehaviorDigests: TypeAlias = Callable[[], Mapping[tuple[str, str], str]]
"""What each behavior's answers come from, by id of its distribution and path pattern."""

_ENTRIES: Final = b"edgegw:cache:entry:"
_BODIES: Final = b"edgegw:cache:body:"
_CLEARINGS: Final = b"edgegw:cache:clearings"

_MOST_OF_ENTRY: Final = 1024 * 1024
_GRACE_MS: Final = 60_000
"""For how long a long body is there for its readers after its entry has gone."""
_UPLOAD_MS: Final = 60_000
"""For how long parts of a body are there whose next one does not come."""
_VALIDATORS_LAST: Final = 86_400.0
"""Seconds for which an entry that is of no use is kept to be asked about by its name."""
_AT_ONCE: Final = 200


class RedisStore:
    """Entries and clearings in Redis."""

    longest: Final = 64 * 1024 * 1024
    """Bytes of the longest body that is kept."""

    def __init__(self, url: str, now: Callable[[], float], digests: BehaviorDigests) -> None:
        """`digests` say what answers come from. Raises EnvironmentProblem without package redis."""
        self.on_clearing: Callable[[Clearing], object] = _nobody
        self._now = now
        self._known = KnownClearings()
        self._owed: list[Clearing] = []
        self._digests: BehaviorDigests | None = digests
        self._comparing = asyncio.Lock()
        self._redis = RedisConnection(url, self._pay)
        client = self._redis.client
        self._look_up = client.register_script(scripts.LOOK_UP)
        self._put = client.register_script(scripts.PUT)
        self._touch = client.register_script(scripts.TOUCH)
        self._remove = client.register_script(scripts.REMOVE)
        self._part = client.register_script(scripts.PART)
        self._clear = client.register_script(scripts.CLEAR)
        self._describe = client.register_script(scripts.DESCRIBE)

    def start(self) -> None:
        """Looks whether Redis is there."""
        self._redis.start()

    async def close(self) -> None:
        await self._redis.close()

    @property
    def mark(self) -> ClearingMark:
        """What has been cleared as far as is known here."""
        return self._known.mark

    # Requests

    async def get(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        """The first of `keys` that has anything; None too where Redis is gone."""
        if self._digests is not None and not await self._compared():
            return None
        names, args = _asked(keys, uses=1)
        answer = await self._redis.ask(lambda: self._look_up(keys=names, args=args))
        if answer is None or not await self._learn(_mark_of(answer)):
            return None
        return self._first(keys, answer[2:], self._known)

    def compare(self, digests: BehaviorDigests) -> None:
        """Before the next look-up, what came from anything else than `digests` say is cleared."""
        self._digests = digests

    async def _compared(self) -> bool:
        """Whether what is there comes from what this gateway has."""
        async with self._comparing:
            digests = self._digests
            if digests is None or self._redis.is_gone:
                return digests is None
            present = await asyncio.to_thread(digests)
            if not await self._has_cleared_others(present):
                return False
            if self._digests is digests:
                self._digests = None
            return True

    async def _has_cleared_others(self, digests: Mapping[tuple[str, str], str]) -> bool:
        places, ask = list(digests), self._redis.ask
        names = [b"behavior:" + "\0".join(place).encode() for place in places]
        args = _look_up_args(uses=0, most_of_body=_LEFT_OUT)
        if not names or await ask(lambda: self._look_up(keys=[_CLEARINGS], args=args)) is None:
            return not names
        written = await ask(lambda: self._redis.client.hmget(_CLEARINGS, names))
        if written is None:
            return False
        others = Clearing(places=frozenset(_differing(digests, places, written)))
        if not others.is_nothing:
            clear = partial(self._clear, keys=[_CLEARINGS], args=_clear_args(others))
            if await ask(clear) is None:
                return False
        described = [part for pair in zip(names, digests.values(), strict=True) for part in pair]
        return await ask(lambda: self._describe(keys=[_CLEARINGS], args=described)) is not None

    async def _learn(self, present: ClearingMark) -> bool:
        """Whether everything that has been cleared is known."""
        lacking = list(self._known.lacks(present))
        raws: Any = []
        if lacking:
            raws = await self._redis.ask(lambda: self._redis.client.hmget(_CLEARINGS, lacking))
            if raws is None:
                return False
        before = self._known  # another request may have been quicker
        self._known = before.learned(present, dict(zip(lacking, raws, strict=True)))
        if before.mark.epoch == present.epoch:
            for clearing in self._known.since(before.mark):
                self.on_clearing(clearing)
        return True

    def _first(
        self,
        keys: tuple[bytes, ...],
        answers: Sequence[Sequence[bytes | None]],
        known: KnownClearings,
    ) -> FoundEntry | None:
        for key, fields in zip(keys, answers, strict=True):
            entry = _entry_of(fields, known)
            if entry is not None and entry.key == key:
                body = self._body(entry, fields)
                if body is not None:
                    return FoundEntry(entry, body)
        return None

    def _body(
        self, entry: StoredResponse, fields: Sequence[bytes | None]
    ) -> BytesBody | PartedBody | None:
        """The body; None where it does not fit its entry."""
        long, content = fields[3] or b"", fields[4] or b""
        if not long:
            fits = entry.length is None or entry.length == len(content)
            return BytesBody.of(content) if fits else None
        if entry.length is None:
            return None
        return PartedBody(entry.length, partial(self._read, _BODIES + long))

    async def _read(self, name: bytes, number: int) -> bytes | None:
        return await self._redis.ask(
            lambda: self._part(keys=[name], args=[number, _GRACE_MS, PART_SIZE])
        )

    async def put(
        self, entry: StoredResponse, body: BytesBody | FileBody, mark: ClearingMark
    ) -> None:
        """Keeps an entry; `mark` is what was known when its origin was asked."""
        lives = self._lifetime(entry)
        raw = encode_entry(entry)
        if mark.epoch != self.mark.epoch or mark == NEVER or not lives or len(raw) > _MOST_OF_ENTRY:
            return
        long = b""
        if isinstance(body, FileBody):
            long = uuid.uuid4().hex.encode()
            if not await self._upload(_BODIES + long, body, lives):
                return
        content = body.content if isinstance(body, BytesBody) else b""
        args = [_BODIES, _GRACE_MS, lives, raw, encode_mark(mark), long, content]
        await self._redis.ask(lambda: self._put(keys=[_name(entry.key)], args=args))

    async def _upload(self, name: bytes, body: FileBody, lives: int) -> bool:
        """Whether all of `body` is in Redis."""
        for number, offset in parts_of(body.path):
            part = read_part(body.path, offset)
            if await self._redis.ask(partial(self._send, name, number, part)) is None:
                return False
        return await self._redis.ask(lambda: self._redis.client.pexpire(name, lives)) is True

    async def _send(self, name: bytes, number: int, part: bytes) -> bool:
        async with self._redis.client.pipeline(transaction=True) as pipeline:
            pipeline.hset(name, number, part)
            pipeline.pexpire(name, _UPLOAD_MS)
            await pipeline.execute()
        return True

    async def touch(self, was: StoredResponse, entry: StoredResponse, mark: ClearingMark) -> None:
        """New terms for what is kept; nothing where it went, or is another, meanwhile."""
        lives = self._lifetime(entry)
        args = [_BODIES, lives, encode_entry(entry), encode_mark(mark), encode_entry(was)]
        if lives:
            await self._redis.ask(lambda: self._touch(keys=[_name(entry.key)], args=args))

    async def remove(self, keys: Iterable[bytes]) -> None:
        names = [_name(key) for key in keys]
        if names:
            await self._redis.ask(lambda: self._remove(keys=names, args=[_BODIES, _GRACE_MS]))

    def _lifetime(self, entry: StoredResponse) -> int:
        """Milliseconds for which an entry is good for anything, by the clock of the gateway."""
        has_name = entry.etag is not None or entry.last_modified is not None
        ends = entry.useless_at + (_VALIDATORS_LAST if has_name else 0.0)
        return max(0, min(int((ends - self._now()) * 1000), _LONGEST_LIFE_MS))

    # Commands and reloads

    def peek(self, keys: tuple[bytes, ...]) -> FoundEntry | None:
        """As `get`, but it blocks, and is no use of it. Raises EnvironmentProblem."""
        names, args = _asked(keys, uses=0)
        answer = self._redis.block(lambda: self._blocking(self._look_up, names, args))
        return self._first(keys, answer[2:], self._known_now(_mark_of(answer)))

    def entries(self) -> Iterator[CachedEntry]:
        """What is there. Blocks. Raises EnvironmentProblem."""
        known: KnownClearings | None = None
        for names in self._names():
            known, answers = self._looked_at(names)
            for fields in answers:
                entry = _entry_of(fields, known)
                if entry is not None:
                    yield CachedEntry(entry, entry.length or 0, _uses(fields))

    def clear(self, clearing: Clearing) -> int:
        """Clears, for all gateways; how many entries went. Blocks.

        Raises EnvironmentProblem; where Redis is not there it is done once it is back.
        """
        if clearing.is_nothing:
            return 0
        try:
            return self._cleared(clearing)
        except StoreGoneError as error:
            self._owed.append(clearing)
            raise StoreGoneError(f"{error}; it is cleared once it is back") from error

    def _cleared(self, clearing: Clearing) -> int:
        args = _clear_args(clearing)
        answer = self._redis.block(lambda: self._blocking(self._clear, [_CLEARINGS], args))
        before = ClearingMark(answer[0].decode(), int(answer[1]) - 1)
        count = 0
        for names in self._names():
            known, answers = self._looked_at(names)
            named = zip(names, answers, strict=True)
            gone = [name for name, fields in named if _goes(fields, clearing, before, known)]
            if gone:
                self._redis.block(partial(self._blocking, self._remove, gone, [_BODIES, _GRACE_MS]))
            count += len(gone)
        return count

    def _looked_at(self, names: list[bytes]) -> tuple[KnownClearings, Any]:
        args = _look_up_args(uses=0, most_of_body=_LEFT_OUT)
        keys = [_CLEARINGS, *names]
        answer = self._redis.block(lambda: self._blocking(self._look_up, keys, args))
        return self._known_now(_mark_of(answer)), answer[2:]

    def _blocking(self, script: Any, keys: list[bytes], args: Sequence[Any]) -> Any:
        return self._redis.blocking.eval(script.script, len(keys), *keys, *args)

    def _known_now(self, present: ClearingMark) -> KnownClearings:
        """Everything that has been cleared. What requests know is not touched, in any thread."""
        known = self._known
        lacking = list(known.lacks(present))
        if not lacking:
            return known.learned(present, {})
        raws = self._redis.block(lambda: self._redis.blocking.hmget(_CLEARINGS, lacking))
        return known.learned(present, dict(zip(lacking, raws, strict=True)))

    def _names(self) -> Iterator[list[bytes]]:
        """The names of all entries, in parts."""
        cursor, match = 0, _ENTRIES + b"*"
        while True:
            scan = partial(self._redis.blocking.scan, cursor, match=match, count=_AT_ONCE)
            cursor, names = self._redis.block(scan)
            if names:
                yield names
            if not cursor:
                return

    async def _pay(self) -> None:
        """Clears what could not be cleared while Redis was gone. Raises as its client does."""
        while self._owed:
            await self._clear(keys=[_CLEARINGS], args=_clear_args(self._owed[0]))
            del self._owed[0]


_LONGEST_LIFE_MS: Final = 10 * 365 * 86_400 * 1000
_LEFT_OUT: Final = -1


def _differing(
    digests: Mapping[tuple[str, str], str],
    places: list[tuple[str, str]],
    written: Sequence[bytes | None],
) -> Iterator[tuple[str, str]]:
    for place, known in zip(places, written, strict=True):
        if known is not None and known != digests[place].encode():
            yield place


def _nobody(clearing: Clearing) -> None:
    """Nobody is told."""


def _name(key: bytes) -> bytes:
    return _ENTRIES + hashlib.sha256(key).hexdigest().encode()


def _asked(keys: tuple[bytes, ...], *, uses: int) -> tuple[list[bytes], list[Any]]:
    names = [_CLEARINGS, *(_name(key) for key in keys)]
    return names, _look_up_args(uses=uses, most_of_body=SPILL)


def _look_up_args(*, uses: int, most_of_body: int) -> list[Any]:
    return [_new_epoch(), _MOST_OF_ENTRY, most_of_body, uses]


def _clear_args(clearing: Clearing) -> list[Any]:
    return [_new_epoch(), encode_clearing(clearing), CLEARINGS_KEPT]


def _new_epoch() -> str:
    return uuid.uuid4().hex


def _mark_of(answer: Sequence[bytes]) -> ClearingMark:
    return ClearingMark(answer[0].decode("latin-1"), _number(answer[1]))


def _entry_of(fields: Sequence[bytes | None], known: KnownClearings) -> StoredResponse | None:
    """The entry that a look-up brought; None for none, and for one that has been cleared."""
    if not fields:
        return None
    try:
        entry = decode_entry(fields[0] or b"")
    except UnreadableEntryError:
        return None
    return None if known.take(entry, decode_mark(fields[1])) else entry


def _goes(
    fields: Sequence[bytes | None],
    clearing: Clearing,
    before: ClearingMark,
    known: KnownClearings,
) -> bool:
    """Whether an entry was there before `clearing`, and goes with it."""
    if not fields or decode_mark(fields[1]).epoch != before.epoch:
        return False
    try:
        entry = decode_entry(fields[0] or b"")
    except UnreadableEntryError:
        return False
    return decode_mark(fields[1]).number <= before.number and clearing.takes(entry)


def _uses(fields: Sequence[bytes | None]) -> int:
    return _number(fields[2] or b"")


def _number(raw: bytes) -> int:
    """0 for what is none."""
    return int(raw) if raw.isdigit() and len(raw) < 19 else 0
