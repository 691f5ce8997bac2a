"""Where key value stores are kept: in memory, and in a file that several processes have open."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edgegw.awslambda.names import Account
from edgegw.cloudfront.edge_functions.key_values import StoresBehindError
from edgegw.cloudfront.key_value_stores.state import PairChange, StoreState
from edgegw.cloudfront.key_value_stores.store_refusals import StoreRefusal
from edgegw.config.model import Config, KeyValueSource
from edgegw.errors import StateProblem
from edgegw.execution.key_value_file import STORES_FILE, FileShelf
from edgegw.execution.key_value_shelf import MemoryShelf, Shelf, ShelfChange
from edgegw.gateway.key_value_stores import KeyValueStores
from edgegw.gateway.world import World

CONFIG = Config({}, (), (), Account(), key_value_stores={"flags": KeyValueSource()})


def opened(folder: Path | None) -> KeyValueStores:
    stores = KeyValueStores(World(), lambda: folder)
    stores.configure(CONFIG)
    return stores


def pairs(stores: KeyValueStores) -> dict[str, str]:
    state = stores.find("flags")
    assert state is not None
    return dict(state.pairs)


@pytest.fixture(params=["memory", "file"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    kept: Shelf = MemoryShelf() if request.param == "memory" else FileShelf(tmp_path)
    yield kept
    kept.close()


def state(name: str, etag: str, **held: str) -> StoreState:
    given = {"id": name, "resource_etag": "E1", "created": 1.0, "modified": 1.0, "described": 1.0}
    return StoreState(name=name, etag=etag, pairs=held, size=2 * len(held), **given)  # type: ignore[arg-type]


def test_a_shelf_keeps_what_it_is_told(shelf: Shelf) -> None:
    assert shelf.look() == {}
    first = state("a", "1", x="1")
    shelf.change(lambda _: ShelfChange("a", first, PairChange({"x": "1"})))
    second = state("b", "2", y="2", z="3")
    after = shelf.change(lambda _: ShelfChange("b", second, PairChange(second.pairs)))
    assert after == shelf.look() == {"a": first, "b": second}
    third = state("b", "3", z="4")
    shelf.change(lambda _: ShelfChange("b", third, PairChange({"z": "4"}, ["y"])))
    shelf.change(lambda _: ShelfChange("a", None))
    assert shelf.look() == {"b": third}
    tagged = replace(third, tags={"team": "edge"})  # neither of its ETags is another
    shelf.change(lambda _: ShelfChange("b", tagged))
    assert shelf.look() == {"b": tagged}


def test_a_shelf_keeps_nothing_of_what_is_refused(shelf: Shelf) -> None:
    shelf.change(lambda _: ShelfChange("a", state("a", "1")))

    def refuse(_: object) -> ShelfChange:
        raise StoreRefusal("ConflictException", "no")

    with pytest.raises(StoreRefusal):
        shelf.change(refuse)
    assert shelf.change(lambda _: None) == shelf.look() == {"a": state("a", "1")}


# The file


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    shelf = FileShelf(folder)
    assert shelf.look() == {}
    assert not folder.exists()


def test_what_one_process_writes_the_others_see_at_once(tmp_path: Path) -> None:
    with contextlib.closing(opened(tmp_path)) as one, contextlib.closing(opened(tmp_path)) as other:
        for at in range(20):
            one.write("flags", PairChange({"k": str(at)}))
            assert pairs(other) == {"k": str(at)}
            other.write("flags", PairChange(deletes=["k"]))
            assert pairs(one) == {}


def test_two_writers_with_one_etag(tmp_path: Path) -> None:
    with contextlib.closing(opened(tmp_path)) as one, contextlib.closing(opened(tmp_path)) as other:
        etag = one.states()["flags"].etag
        other.write("flags", PairChange({"a": "1"}), etag)
        with pytest.raises(StoreRefusal, match="ConflictException"):
            one.write("flags", PairChange({"a": "2"}), etag)
        assert pairs(one) == pairs(other) == {"a": "1"}


def test_writes_from_several_threads_are_all_kept(tmp_path: Path) -> None:
    with contextlib.closing(opened(tmp_path)) as stores:

        def write(name: str) -> None:
            for at in range(10):
                stores.write("flags", PairChange({f"{name}{at}": "1"}))

        threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(pairs(stores)) == 30


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / STORES_FILE).write_bytes(b"no database at all, and longer than its head" * 20)
    with contextlib.closing(FileShelf(tmp_path)) as shelf:
        assert shelf.look() == {}
        with pytest.raises(StateProblem, match="cannot keep state"):
            shelf.change(lambda _: ShelfChange("a", state("a", "1")))


def test_a_locked_file_keeps_nobody_from_reading(tmp_path: Path) -> None:
    with contextlib.closing(opened(tmp_path)) as stores:
        stores.write("flags", PairChange({"a": "1"}))
        other = sqlite3.connect(tmp_path / STORES_FILE, isolation_level=None)
        with contextlib.closing(other):
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM pair")
            assert pairs(stores) == {"a": "1"}


WRITER = """
import sys
from pathlib import Path
from tests.execution.test_key_value_shelf import opened
from edgegw.cloudfront.key_value_stores.state import PairChange
stores = opened(Path(sys.argv[1]))
for at in range(100_000):
    stores.write("flags", PairChange({"last": str(at), f"k{at % 7}": "v" * (at % 1000)}))
    print(at, flush=True)
"""


def test_what_was_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=env
    )
    assert writer.stdout is not None
    with writer:
        acknowledged = [int(writer.stdout.readline()) for _ in range(30)][-1]
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
    with contextlib.closing(opened(tmp_path)) as stores:
        kept = int(pairs(stores)["last"])
        assert kept >= int(rest[-1] if rest else acknowledged)
        assert len(pairs(stores)[f"k{kept % 7}"]) == kept % 1000, "a write is whole"
        stores.write("flags", PairChange({"a": "1"}))


# A store beside a dict

KEYS = st.one_of(
    st.sampled_from(
        ["a", "b", "..", "a/b", "%2F", "\0", "constructor", "__proto__", " ", "é", "😀"]
    ),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8),
)
VALUES = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


class StoreBesideDict(RuleBasedStateMachine):
    """Puts, deletes, batches and imports, by two processes' worth of openings, with restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = [opened(self.folder), opened(self.folder)]
        self.expected: dict[str, str] = {}
        self.etags = {self.etag(0)}

    def etag(self, of: int) -> str:
        return self.stores[of].states()["flags"].etag

    def write(self, of: int, change: PairChange) -> None:
        etag = self.etag(of)
        after = self.stores[of].write("flags", change, etag)
        assert after.etag not in self.etags
        self.etags.add(after.etag)
        with pytest.raises(StoreRefusal, match="ConflictException"):
            self.stores[1 - of].write("flags", change, etag)

    @rule(of=st.integers(0, 1), key=KEYS, text=VALUES)
    def put(self, of: int, key: str, text: str) -> None:
        self.write(of, PairChange({key: text}))
        self.expected[key] = text

    @precondition(lambda self: self.expected)
    @rule(of=st.integers(0, 1), data=st.data())
    def delete(self, of: int, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.expected)))
        self.write(of, PairChange(deletes=[key], must_exist=True))
        del self.expected[key]

    @rule(
        of=st.integers(0, 1),
        puts=st.dictionaries(KEYS, VALUES, max_size=4),
        deletes=st.lists(KEYS, max_size=3),
        is_whole=st.booleans(),
    )
    def batch(self, of: int, puts: dict[str, str], deletes: list[str], *, is_whole: bool) -> None:
        self.write(of, PairChange(puts, deletes, is_whole=is_whole))
        kept = {} if is_whole else self.expected
        self.expected = {key: kept[key] for key in kept if key not in deletes} | puts

    @rule(of=st.integers(0, 1), key=KEYS)
    def refused_batch(self, of: int, key: str) -> None:
        with pytest.raises(StoreRefusal, match="Quota"):
            self.stores[of].write("flags", PairChange({key: "", "b": "v" * 1025}, ["a"]))

    @rule(of=st.integers(0, 1))
    def restart(self, of: int) -> None:
        self.stores[of].close()
        self.stores[of] = opened(self.folder)

    @invariant()
    def both_have_it(self) -> None:
        for stores in self.stores:
            state = stores.states()["flags"]
            assert state.pairs == self.expected
            size = sum(len(key.encode()) + len(self.expected[key].encode()) for key in state.pairs)
            assert (state.size, state.count()) == (size, len(self.expected))

    def teardown(self) -> None:
        for stores in self.stores:
            stores.close()
        shutil.rmtree(self.folder)


TestStoreBesideDict = StoreBesideDict.TestCase
TestStoreBesideDict.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


def test_what_others_wrote_is_not_read_on_an_event_loop(tmp_path: Path) -> None:
    own, other = opened(tmp_path), opened(tmp_path)
    other.write("flags", PairChange({"a": "1"}))
    with pytest.raises(StoresBehindError):
        own.at_once("flags")
    assert pairs(own) == {"a": "1"}
    store = own.at_once("flags")
    assert store is not None
    assert store.get("a") == "1"
    assert own.at_once("none") is None
    own.close()
    other.close()


def test_while_a_thread_reads_an_event_loop_does_not_wait(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path)
    shelf.change(lambda _: ShelfChange("a", state("a", "KV1")))
    assert shelf.look_at_once() is not None
    with shelf._reading:
        assert shelf.look_at_once() is None
    shelf.close()
    assert shelf.look_at_once() is None
    assert shelf.look() != {}


def test_what_is_in_memory_is_always_at_hand() -> None:
    stores = opened(None)
    stores.write("flags", PairChange({"a": "1"}))
    store = stores.at_once("flags")
    assert store is not None
    assert store.get("a") == "1"
