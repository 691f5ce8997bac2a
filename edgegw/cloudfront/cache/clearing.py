"""What goes from a cache besides what expires, as a value that gateways with one store can share.

An invalidation names paths of a distribution; a reload names the places whose answers would be
others now. Both are written down as JSON (`encode_clearing`), so that every gateway can judge its
entries, and what is still on its way, by itself.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

from edgegw.cloudfront.cache.entry import StoredPlace, StoredResponse
from edgegw.cloudfront.cache.invalidation import InvalidationPath, compile_invalidation
from edgegw.values import value


@value
class Clearing:
    """What goes: whatever one of these names.

    `paths` are of `distribution`. `places` are an id of a distribution and a path pattern each.
    Of the distributions in `error_pages` the stored errors go.
    """

    distribution: str = ""
    paths: tuple[InvalidationPath, ...] = ()
    places: frozenset[tuple[str, str]] = frozenset()
    error_pages: frozenset[str] = frozenset()
    is_everything: bool = False

    def takes(self, entry: StoredResponse) -> bool:
        """Whether `entry` goes."""
        place = entry.place
        if self.is_everything or (place.distribution, place.path_pattern) in self.places:
            return True
        if entry.is_error and place.distribution in self.error_pages:
            return True
        return place.distribution == self.distribution and any(
            path.matches(entry) for path in self.paths
        )

    def takes_place(self, place: StoredPlace) -> bool:
        """Whether what is on its way from `place` is not to be kept."""
        if self.is_everything or (place.distribution, place.path_pattern) in self.places:
            return True
        return place.distribution == self.distribution and any(
            path.matches_place(place) for path in self.paths
        )

    @property
    def is_nothing(self) -> bool:
        return not (self.paths or self.places or self.error_pages or self.is_everything)


EVERYTHING: Final = Clearing(is_everything=True)


def encode_clearing(clearing: Clearing) -> bytes:
    """`clearing` as a JSON object with the fields of it; paths are as they were written."""
    content = {
        "distribution": clearing.distribution,
        "paths": [path.text for path in clearing.paths],
        "places": sorted(clearing.places),
        "error_pages": sorted(clearing.error_pages),
        "is_everything": clearing.is_everything,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def decode_clearing(raw: bytes | None) -> Clearing:
    """What `encode_clearing` wrote; EVERYTHING where it cannot be read."""
    try:
        content = cast("dict[str, Any]", json.loads(raw or b""))
        return Clearing(
            str(content["distribution"]),
            tuple(compile_invalidation(str(path)) for path in content["paths"]),
            frozenset((str(identity), str(pattern)) for identity, pattern in content["places"]),
            frozenset(map(str, content["error_pages"])),
            bool(content["is_everything"]),
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return EVERYTHING
