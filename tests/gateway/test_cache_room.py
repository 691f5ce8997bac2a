"""What many stored answers take: memory for each, and work to find one among them."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from pathlib import Path

import pytest

from edgegw.cloudfront.cache.entry import BytesBody, StoredPlace, StoredResponse
from edgegw.cloudfront.cache.freshness import Freshness
from edgegw.gateway.cache_store import MemoryStore
from edgegw.http.message import Headers

NOW = 1_000_000_000.0


def own(text: str) -> bytes:
    """Bytes that nobody else has, as they come from the wire."""
    return text.encode()


def answer(number: int) -> StoredResponse:
    """What a usual origin says of one of many products."""
    lines = {
        "Content-Type": "application/json",
        "Content-Length": "1000",
        "Cache-Control": "public, max-age=3600",
        "ETag": f'"{number:032x}"',
        "Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT",
        "Date": f"Thu, 26 Nov 2026 12:00:{number % 60:02} GMT",
        "Server": "nginx",
        "Vary": "Accept-Encoding",
    }
    path = own(f"/products/{number}/details.json")
    return StoredResponse(
        b"GEDFDVBD632BHDS5\0" + path,
        StoredPlace("EDFDVBD632BHDS5", "*", path),
        200,
        own("OK"),
        Headers([(own(name), own(line)) for name, line in lines.items()]),
        NOW,
        Freshness(3600.0, "max-age"),
        200,
        1000,
    )


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(1 << 40, 1 << 40, tmp_path, lambda: NOW)


def test_100_000_answers_of_1_kb_take_less_than_250_mb(store: MemoryStore) -> None:
    count = 5_000
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(count):
            store.put(answer(number), BytesBody.of(own(f"{number:1000}")))
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / count * 100_000 < 250e6


def test_only_the_latest_hits_are_remembered(store: MemoryStore) -> None:
    count, held = 10_000, list[weakref.ref[Remembered]]()
    for number in range(count):
        store.put(answer(number), BytesBody.of(b"x"))
    for _ in range(2):  # an entry that grew cold is warm again by its next hit
        held.clear()
        for number in range(count):
            stored = store.get((answer(number).key,))
            assert stored is not None
            held.append(weakref.ref(stored.entry.headers.derived(Remembered, Remembered)))
    remembered = [number for number, one in enumerate(held) if one() is not None]
    assert remembered == list(range(count - 8192, count))


def test_an_entry_that_was_hit_leaves_nothing_when_it_goes(store: MemoryStore) -> None:
    store.put(answer(1), BytesBody.of(b"x"))
    stored = store.get((answer(1).key,))
    assert stored is not None
    headers = weakref.ref(stored.entry.headers.derived(Remembered, Remembered))
    del stored
    store.remove([answer(1).key])
    store.put(answer(2), BytesBody.of(b"x"))
    store.clear(lambda entry: True)
    gc.collect()
    assert headers() is None


class Remembered:
    """Something that a hit works out of headers."""

    def __init__(self, headers: Headers) -> None:
        self.length = len(headers)


def test_lines_that_answers_have_in_common_are_there_once(store: MemoryStore) -> None:
    for number in range(2):
        store.put(answer(number), BytesBody.of(b"x"))
    first, second = (cached.entry.headers.raw for cached in store.entries())
    for line, other in zip(first, second, strict=True):
        assert (line is other) == (line == other)
        assert line[0] is other[0]


class CountedKey(bytes):
    """A key that counts how often one is compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedKey.compared += 1
        return bytes.__eq__(self, other)

    __hash__ = bytes.__hash__


def comparisons(store: MemoryStore, most: int) -> int:
    """How many comparisons a hundred look-ups take among `most` entries."""
    keys = [answer(number).key for number in range(0, most, max(1, most // 100))][:100]
    CountedKey.compared = 0
    for key in keys * (100 // len(keys)):
        assert store.get((CountedKey(key),)) is not None
    return CountedKey.compared


def test_a_look_up_takes_as_many_steps_among_ten_thousand_as_among_ten(
    store: MemoryStore,
) -> None:
    for number in range(10):
        store.put(answer(number), BytesBody.of(b"x"))
    among_ten = comparisons(store, 10)
    for number in range(10, 10_000):
        store.put(answer(number), BytesBody.of(b"x"))
    assert comparisons(store, 10_000) <= among_ten + 5  # hashes that happen to be alike
