"""The key value stores of a gateway, whose code is imported with the first that there is.

A gateway whose configuration has none starts without them; the API may make some all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from edgegw.cloudfront.edge_functions.key_values import KeyValues, StoresBehindError
from edgegw.config.model import Config
from edgegw.gateway.world import World

if TYPE_CHECKING:
    from edgegw.gateway.key_value_stores import KeyValueStores


class StoresOnDemand(Mapping[str, KeyValues]):
    """The stores as functions read them; every event loop of a gateway has the same."""

    def __init__(
        self, world: World, folder: Callable[[], Path | None], config: Callable[[], Config]
    ) -> None:
        """`folder` answers where they last, `config` the present configuration."""
        self._world, self._folder, self._config = world, folder, config
        self._stores: KeyValueStores | None = None
        self._making = threading.Lock()
        self._users = 0

    def stores(self) -> KeyValueStores:
        """The stores themselves. Raises StateProblem where they cannot be kept."""
        with self._making:
            if self._stores is None:
                from edgegw.gateway.key_value_stores import KeyValueStores

                stores = KeyValueStores(self._world, self._folder)
                stores.configure(self._config())
                self._stores = stores
            return self._stores

    def get(self, name: str, default: KeyValues | None = None) -> KeyValues | None:  # type: ignore[override] - no other default is asked for
        return self.stores().get(name, default) if name else default

    def at_once(self, name: str) -> KeyValues | None:
        """As `get`, on an event loop. Raises StoresBehindError."""
        if not name:
            return None
        if self._stores is None:
            raise StoresBehindError
        return self._stores.at_once(name)

    def __getitem__(self, name: str) -> KeyValues:
        return self.stores()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stores())

    def __len__(self) -> int:
        return len(self.stores())

    def configure(self, config: Config) -> None:
        """The stores of `config` are there from now on. Raises StateProblem."""
        if self._stores is not None:
            self._stores.configure(config)
        elif config.key_value_stores:
            self.stores().configure(config)

    def begin_anew(self) -> None:
        """Stores in memory are what the configuration says again; those on disk stay."""
        with self._making:
            if self._folder() is None:
                self._stores = None

    def enter(self) -> None:
        """One more event loop uses them."""
        self._users += 1

    def leave(self) -> None:
        """One less; with the last one files are let go of."""
        self._users -= 1
        if self._users <= 0 and self._stores is not None:
            self._stores.close()
