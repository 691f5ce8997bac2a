"""The cache of a configuration: in this process, or in a store that several gateways share."""

from __future__ import annotations

import importlib
from functools import partial

from edgegw.config.model import Config
from edgegw.gateway.behavior_digests import behavior_digests
from edgegw.gateway.cache_store import MemoryStore, SharedStore
from edgegw.gateway.caching import Caching
from edgegw.gateway.handler_words import HandlerWords
from edgegw.gateway.world import World


def caching_of(
    config: Config, world: World, handlers: HandlerWords | None = None, *, caches: bool
) -> Caching:
    """The cache of `config`, whose functions `handlers` knows; one that is not used shares nothing.

    Raises EnvironmentProblem.
    """
    limits = config.cache
    store = MemoryStore(limits.memory, limits.disk, config.state, world.now)
    return Caching(store, world, shared_store(config, world, caches=caches), handlers)


def shared_store(config: Config, world: World, *, caches: bool) -> SharedStore | None:
    """The store that `config` shares with others. Raises EnvironmentProblem without its client."""
    if config.cache.store is None or not caches:
        return None
    # What it needs takes a tenth of a second to import.
    store = importlib.import_module("edgegw.gateway.shared_cache.store")
    return store.RedisStore(config.cache.store, world.now, partial(behavior_digests, config))


def compare_anew(caching: Caching, config: Config) -> None:
    """What a shared store has must come from what `config`, and the code it names, is now."""
    if caching.shared is not None:
        caching.shared.compare(partial(behavior_digests, config))
