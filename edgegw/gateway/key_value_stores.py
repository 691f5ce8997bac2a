"""The key value stores of a gateway: those of its configuration, and those that the API made.

A store of the configuration begins with its import file (`source`). From then on it is what
commands and the API make of it, over restarts too, until the content of that file is another one:
then the file is imported again, in the place of everything, and the log says so.
A store that no longer stands in the configuration is out of sight, and as it was when it is back.

Everything here may be called from any thread. What writes waits for the disk, so on an event loop
it is called in a thread.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from edgegw.awslambda.names import Account
from edgegw.cloudfront.edge_functions.key_values import KeyValues, StoresBehindError, pairs_of
from edgegw.cloudfront.key_value_stores.state import (
    PairChange,
    StoreState,
    WriteStamp,
    changed,
    new_etag,
    size_of_pairs,
    store_arn,
    store_in_arn,
)
from edgegw.cloudfront.key_value_stores.store_refusals import no_such_store
from edgegw.config.model import Config, KeyValueSource
from edgegw.errors import UsageError
from edgegw.execution.key_value_shelf import MemoryShelf, Shelf, ShelfChange, StoreStates
from edgegw.gateway.world import World

logger = logging.getLogger(__name__)


class KeyValueStores(Mapping[str, KeyValues]):
    """The stores, by name or ARN as functions read them; `folder` answers where they last."""

    def __init__(self, world: World, folder: Callable[[], Path | None]) -> None:
        self._world = world
        self._folder = folder
        self._shelf: Shelf | None = None
        self._configured: Mapping[str, KeyValueSource] = {}
        self._account = Account()

    # As functions read them

    def get(self, name: str, default: KeyValues | None = None) -> KeyValues | None:  # type: ignore[override] - no other default is asked for
        """The store of this name or ARN as it is now."""
        return self.find(name) or default if name else default

    def __getitem__(self, name: str) -> KeyValues:
        state = self.find(name)
        if state is None:
            raise KeyError(name)
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self.states())

    def __len__(self) -> int:
        return len(self.states())

    # Which there are

    def states(self) -> StoreStates:
        """All stores by name: those of the configuration, and those that the API made."""
        return {name: state for name, state in self._look().items() if self._is_there(state)}

    def find(self, name: str) -> StoreState | None:
        """The store of this name, or with the id or name in this ARN."""
        return self._find_in(self._look(), name)

    def at_once(self, name: str) -> KeyValues | None:
        """As `find`, on an event loop. Raises StoresBehindError."""
        states = self._kept().look_at_once()
        if states is None:
            raise StoresBehindError
        return self._find_in(states, name)

    def _find_in(self, states: StoreStates, name: str) -> StoreState | None:
        state = states.get(name)
        if state is None and (identity := store_in_arn(name)) is not None:
            by_id = (state for state in states.values() if state.id == identity)
            state = next(by_id, None) or states.get(identity)
        return state if state is not None and self._is_there(state) else None

    def arn(self, state: StoreState) -> str:
        """The ARN of a store."""
        return store_arn(self._account, state)

    def is_configured(self, name: str) -> bool:
        """Whether the store stands in the configuration."""
        return name in self._configured

    def _is_there(self, state: StoreState) -> bool:
        return state.is_made or state.name in self._configured

    def _look(self) -> StoreStates:
        return self._kept().look()

    def _kept(self) -> Shelf:
        if self._shelf is None:
            folder = self._folder()
            self._shelf = MemoryShelf() if folder is None else _in_folder(folder)
        return self._shelf

    # Changes

    def put(self, name: str, pairs: Mapping[str, str]) -> None:
        """Gives keys of a store their values: for tests.

        Raises UsageError, StoreRefusal and StateProblem.
        """
        for key, content in cast("Mapping[object, object]", pairs).items():
            if not (isinstance(key, str) and isinstance(content, str)):
                text = f"keys and values of a store are text: found {key!r} with {content!r}"
                raise UsageError(f"{text}; write {str(key)!r} and json.dumps({content!r})")
        self.write(name, PairChange(pairs))

    def delete(self, name: str, *keys: str) -> None:
        """Deletes keys of a store, if they are there: for tests."""
        self.write(name, PairChange(deletes=keys))

    def write(self, name: str, change: PairChange, if_match: str | None = None) -> StoreState:
        """Changes the pairs of a store; on disk when it returns. `if_match` is the ETag it has.

        Raises StoreRefusal and StateProblem, and then nothing has changed.
        """
        stamp = self.stamp()

        def decide(states: StoreStates) -> ShelfChange:
            state = states.get(name)
            if state is None or not self._is_there(state):
                raise no_such_store(name)
            return ShelfChange(name, changed(state, change, if_match, stamp), change)

        return self._kept().change(decide)[name]

    def change(self, decide: Callable[[StoreStates], ShelfChange]) -> StoreStates:
        """What `decide` makes of the stores that are there: for stores made, renamed, deleted."""

        def among_those(states: StoreStates) -> ShelfChange:
            return decide({name: state for name, state in states.items() if self._is_there(state)})

        return self._kept().change(among_those)

    def stamp(self) -> WriteStamp:
        """Now, and an ETag that nothing has."""
        return WriteStamp(self._world.now(), new_etag("KV", self._world.token))

    def new_store(self, name: str, identity: str = "") -> StoreState:
        """An empty store, not kept anywhere yet."""
        stamp = self.stamp()
        return StoreState(
            name=name,
            id=identity or str(uuid.UUID(bytes=self._world.token(16), version=4)),
            etag=stamp.etag,
            resource_etag=self.resource_etag(),
            created=stamp.now,
            modified=stamp.now,
            described=stamp.now,
        )

    def resource_etag(self) -> str:
        """An ETag for a store itself."""
        return new_etag("E", self._world.token)

    # The configuration

    def configure(self, config: Config) -> None:
        """The stores of `config` are there from now on; changed import files are imported.

        Raises StateProblem.
        """
        self._configured, self._account = config.key_value_stores, config.account
        for name, source in config.key_value_stores.items():
            content, digest = read_source(name, source)
            state = self._look().get(name)
            if state is None or _differs(state, source, digest):
                self._import(name, source, content, digest)

    def _import(
        self, name: str, source: KeyValueSource, content: Mapping[str, str] | None, digest: str
    ) -> None:
        def decide(states: StoreStates) -> ShelfChange | None:
            state = known = states.get(name)
            if state is None:
                state = self.new_store(name, lasting_id(name))
            elif not _differs(state, source, digest):
                return None  # another gateway of this folder was quicker
            state = replace(state, comment=source.comment, resource_etag=self.resource_etag())
            if content is None or state.source == digest:
                return ShelfChange(name, state)
            if known is not None:
                _tell(known, source, len(content))
                stamp = self.stamp()
                state = replace(state, etag=stamp.etag, modified=stamp.now, is_edited=False)
            state = replace(state, pairs=dict(content), size=size_of_pairs(content), source=digest)
            return ShelfChange(name, state, PairChange(content, is_whole=True))

        self._kept().change(decide)

    def close(self) -> None:
        """Lets go of files."""
        if self._shelf is not None:
            self._shelf.close()


def lasting_id(name: str) -> str:
    """The id of a store of a configuration: made of its name, so that its ARN stays the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"edgegw:{name}"))


def _in_folder(folder: Path) -> Shelf:
    from edgegw.execution.key_value_file import FileShelf  # SQLite, for those who have stores

    return FileShelf(folder)


def read_source(name: str, source: KeyValueSource) -> tuple[Mapping[str, str] | None, str]:
    """The pairs of the import file and a digest of it; None where there is no file to import."""
    if not source.path:
        return None, ""
    try:
        raw = Path(source.path).read_bytes()
        pairs = pairs_of(raw.decode())
    except (OSError, ValueError) as error:  # it was judged a moment ago, and changed since
        logger.warning("key value store %s: %s is not imported: %s", name, source.path, error)
        return None, ""
    return pairs, hashlib.sha256(raw).hexdigest()


def _differs(state: StoreState, source: KeyValueSource, digest: str) -> bool:
    return bool(digest and state.source != digest) or state.comment != source.comment


def _tell(state: StoreState, source: KeyValueSource, count: int) -> None:
    """Says that the file changed, and so what was edited is gone."""
    text = "key value store %s: imported again from %s, %s"
    keys = "1 key" if count == 1 else f"{count} keys"
    arguments = (state.name, Path(source.path).name, keys)
    if state.is_edited:
        logger.warning(text + "; what was changed by commands and the API is gone", *arguments)
    else:
        logger.info(text, *arguments)
