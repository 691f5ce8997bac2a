"""What a gateway remembers of invalidations."""

from __future__ import annotations

from edgegw.cloudfront.cache.invalidation import compile_invalidation
from edgegw.gateway.invalidations import Invalidations
from edgegw.gateway.world import World

PATHS = [compile_invalidation(f"/{number}") for number in range(3000)]


def test_the_oldest_are_forgotten_when_there_are_many_paths() -> None:
    invalidations = Invalidations(World())
    first = invalidations.note("E1", PATHS)
    others = [invalidations.note("E1", PATHS) for _ in range(33)]
    kept = [batch.id for batch in invalidations.newest_first("E1")]
    assert first.id not in kept
    assert kept == [batch.id for batch in reversed(others)]
    assert invalidations.newest_first("E2") == []


def test_ids_have_the_form_of_cloudfront_and_come_out_the_same_again() -> None:
    first, again = ([World(seed=7).invalidation_id() for _ in range(2)] for _ in range(2))
    assert first == again
    assert all(len(identity) == 26 and identity.startswith("I") for identity in first)
    assert all(identity.isalnum() and identity.isupper() for identity in first)
