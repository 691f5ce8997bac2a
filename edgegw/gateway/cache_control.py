"""What goes from the caches of distributions: by an invalidation, and when something changed.

A reload takes away only what would be another answer now: those of a behavior whose key, policies,
origin or functions at the origin's side changed, or whose origin is a load balancer of this
configuration that changed. Functions at the viewer's side act outside the cache. What custom error
pages stand for goes when those change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from edgegw.cloudfront.cache.clearing import Clearing
from edgegw.cloudfront.cache.invalidation import (
    InvalidationPath,
    compile_invalidation,
    refused_invalidation,
)
from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.config.model import Config
from edgegw.errors import UsageError


def find_distribution(config: Config, name: str) -> Distribution:
    """The distribution of that name or id. Raises UsageError."""
    for door in config.distributions:
        if name in (door.name, door.distribution.id):
            return door.distribution
    known = ", ".join(dict.fromkeys(door.name for door in config.distributions)) or "none"
    raise UsageError(f"there is no distribution {name!r} (known: {known})")


def compiled_paths(distribution: Distribution, paths: Sequence[str]) -> list[InvalidationPath]:
    """The paths of an invalidation; the leading slash may be left out. Raises UsageError."""
    whole = [path if path.startswith(("/", "#")) else f"/{path}" for path in paths]
    has_tags = bool(distribution.cache_tag_header)
    refused = refused_invalidation(whole, "edgegw", has_tags=has_tags)
    if refused is not None:
        raise UsageError(f"{refused.code}: {refused.message}")
    return [compile_invalidation(path) for path in whole]


def invalidation_of(config: Config, distribution: str, paths: Sequence[str]) -> Clearing:
    """What goes with an invalidation. Raises UsageError."""
    target = find_distribution(config, distribution)
    return Clearing(target.id, tuple(compiled_paths(target, paths)))


def outdated(old: Config, new: Config, functions: AbstractSet[str]) -> Clearing:
    """What goes when `new` takes the place of `old` and the code of `functions` is another."""
    before, now = behaviors_of(old), behaviors_of(new)
    changed_sources = _changed_sources(old, new, functions)
    places = frozenset(
        place
        for place, behavior in before.items()
        if place not in now or _answers_otherwise(behavior, now[place], changed_sources, functions)
    )
    pages = {door.distribution.id: door.distribution.error_pages for door in old.distributions}
    error_pages = frozenset(
        door.distribution.id
        for door in new.distributions
        if pages.get(door.distribution.id) != door.distribution.error_pages
    )
    return Clearing(places=places, error_pages=error_pages)


def behaviors_of(config: Config) -> dict[tuple[str, str], Behavior]:
    """The behaviors by the id of their distribution and their path pattern."""
    behaviors: dict[tuple[str, str], Behavior] = {}
    for door in config.distributions:
        distribution = door.distribution
        for behavior in (*distribution.behaviors, distribution.default_behavior):
            behaviors.setdefault((distribution.id, behavior.path_pattern), behavior)
    return behaviors


def _answers_otherwise(
    old: Behavior, new: Behavior, sources: AbstractSet[str], functions: AbstractSet[str]
) -> bool:
    origins = {new.origin.domain_name}
    if new.fallback is not None:
        origins.add(new.fallback.origin.domain_name)
    return (
        (old.cache, old.key, old.forwarding) != (new.cache, new.key, new.forwarding)
        or (old.origin, old.fallback) != (new.origin, new.fallback)
        or old.compress != new.compress
        or not origins.isdisjoint(sources)
        or any(
            old.associations.get(trigger) != new.associations.get(trigger)
            for trigger in ("origin-request", "origin-response")
        )
        or any(name in functions for name in functions_at_origin(new))
    )


def functions_at_origin(behavior: Behavior) -> Iterator[str]:
    for trigger, association in behavior.associations.items():
        if trigger.startswith("origin"):
            yield association.function.name


def _changed_sources(old: Config, new: Config, functions: AbstractSet[str]) -> set[str]:
    """The DNS names of front doors behind distributions that answer otherwise now."""
    before = {door.hosts[0]: door for door in old.inner_doors}
    return {
        door.hosts[0]
        for door in new.inner_doors
        if before.get(door.hosts[0]) != door or any(ref.name in functions for ref in door.functions)
    }
