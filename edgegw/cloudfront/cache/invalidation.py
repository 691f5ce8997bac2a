"""Invalidations: what a path names, what the API refuses, and what goes.

A path is compared with the URL that an answer was stored by: the path as it was asked for, and what
the key has of the query string. `*` is a wildcard only as the last character; anywhere else it is
itself. Case counts.

    /a/*      /a/ and all below it, with any query      not /a
    /a*       /a, /ab, /a/b, /a?x=1
    /a        /a alone                                   not /a?x=1
    /a?x=1    /a?x=1 alone
    /*        everything
    /a*b      the one path that has a star in it
    #tag      every answer that the origin gave this tag

All variants by header, cookie, method and encoding go, and so do errors. What is not ASCII, and
what RFC 1738 calls unsafe, is percent-encoded before it is compared; a path that encodes anything
else matches nothing, and neither does one with a `~`, which CloudFront does not take in any form.
Source: CloudFront Developer Guide, "Invalidate files to remove content".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.entry import StoredPlace, StoredResponse
from edgegw.values import value

MAX_INVALIDATION_PATH: Final = 4000
"""Characters of an invalidation path.

Source: CloudFront Developer Guide, "Quotas", quotas on invalidations.
"""
MAX_PATHS_IN_PROGRESS: Final = 3000
"""Paths without a wildcard in all invalidations in progress.

Source: CloudFront Developer Guide, "Quotas", quotas on invalidations.
"""
MAX_WILDCARDS_IN_PROGRESS: Final = 15
"""Paths with a wildcard in all invalidations in progress.

Source: CloudFront Developer Guide, "Quotas", quotas on invalidations.
"""

_UNSAFE: Final = re.compile(rb'[^\x21-\x7e]|[<>"{}|\\^\[\]`]')
_ENCODED: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_MAY_BE_ENCODED: Final = frozenset(b' <>"#%{}|\\^[]`') | frozenset({*range(0x21), *range(127, 256)})


@value
class InvalidationPath:
    """One path of an invalidation, compiled. `nothing` says why it can match nothing, if so."""

    text: str
    canonical: bytes
    is_wildcard: bool
    is_tag: bool = False
    nothing: str = ""

    def matches(self, entry: StoredResponse) -> bool:
        """Whether `entry` goes."""
        if self.is_tag:
            return self.canonical in entry.tags
        return self.matches_place(entry.place)

    def matches_place(self, place: StoredPlace) -> bool:
        """Whether what is on its way from `place` goes; the tags of that nobody knows yet."""
        if self.is_tag:
            return True
        if self.nothing:
            return False
        url = canonical_url(place.url)
        return url.startswith(self.canonical) if self.is_wildcard else url == self.canonical


def compile_invalidation(path: str) -> InvalidationPath:
    """`path` of an invalidation; the leading slash may be left out on a command line."""
    if path.startswith("#"):
        return InvalidationPath(path, path[1:].lower().encode(), is_wildcard=False, is_tag=True)
    raw = path.encode() if path.startswith("/") else b"/" + path.encode()
    is_wildcard = raw.endswith(b"*")
    raw = raw[:-1] if is_wildcard else raw
    return InvalidationPath(path, canonical_url(raw), is_wildcard, nothing=_matches_nothing(raw))


def path_hint(path: str, default_root_object: str = "") -> str:
    """What a path of an invalidation does not do, though it looks as if it did; empty for most.

    Source: CloudFront Developer Guide, "Invalidate files to remove content".
    """
    if path.startswith("#"):
        return ""
    if "://" in path.partition("?")[0]:
        return "an invalidation names a path, not a URL: leave out scheme and host"
    if "*" in path[:-1]:
        return "* is a wildcard at the end of a path alone, elsewhere it stands for itself"
    if path == "/" and default_root_object:
        return f"what / answers is stored as /{default_root_object}, the default root object"
    return ""


def _matches_nothing(raw: bytes) -> str:
    if b"~" in raw or b"%7e" in raw.lower():
        return "CloudFront does not support ~ in invalidation paths, encoded or not"
    for match in _ENCODED.finditer(raw):
        if int(match[1], 16) not in _MAY_BE_ENCODED:
            code = match[0].decode()
            return f"{code} stands for a character that is not to be encoded in invalidation paths"
    return ""


def canonical_url(raw: bytes) -> bytes:
    """`raw` with what must be percent-encoded so, in upper-case digits; all else as it is."""
    if _UNSAFE.search(raw) is not None:
        raw = _UNSAFE.sub(_percent, raw)
    return _ENCODED.sub(_upper, raw) if b"%" in raw else raw


def _percent(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]


def _upper(match: re.Match[bytes]) -> bytes:
    return match[0].upper()


_INVALID_PATHS: Final = "Your request contains one or more invalid invalidation paths."

InvalidationErrorCode: TypeAlias = Literal[
    "InvalidArgument",
    "InconsistentQuantities",
    "BatchTooLarge",
    "TooManyInvalidationsInProgress",
    "InvalidationBatchAlreadyExists",
]


@value
class RefusedInvalidation:
    """What the API answers instead: AWS's error code, its status, and a message."""

    code: InvalidationErrorCode
    message: str

    @property
    def status(self) -> int:
        """The status that AWS answers with the code."""
        return 413 if self.code == "BatchTooLarge" else 400


@value
class InvalidationBatch:
    """One invalidation: its id, when it was made (seconds since 1970), and what it names."""

    id: str
    created_at: float
    caller_reference: str
    paths: tuple[InvalidationPath, ...]
    is_completed: bool = True

    def clears(self, entry: StoredResponse) -> bool:
        """Whether `entry` goes: it was stored by then, and a path names it."""
        return entry.stored_at <= self.created_at and any(
            path.matches(entry) for path in self.paths
        )


def refused_invalidation(
    items: Sequence[str],
    caller_reference: str,
    *,
    quantity: int | None = None,
    in_progress: Iterable[InvalidationBatch] = (),
    has_tags: bool = False,
) -> RefusedInvalidation | None:
    """Why CreateInvalidation is refused; None where it is not. `has_tags`: there are cache tags.

    Source: CloudFront API Reference, CreateInvalidation.
    """
    if not caller_reference:
        return RefusedInvalidation("InvalidArgument", "CallerReference must not be empty.")
    if quantity is not None and quantity != len(items):
        text = f"Quantity is {quantity}, and there are {len(items)} items."
        return RefusedInvalidation("InconsistentQuantities", text)
    if not items:
        return RefusedInvalidation("InvalidArgument", "An invalidation needs at least one path.")
    for item in items:
        text = _refused_item(item, has_tags=has_tags)
        if text:
            return RefusedInvalidation("InvalidArgument", f"{_INVALID_PATHS} {text}")
    if len(items) > MAX_PATHS_IN_PROGRESS:
        text = f"At most {MAX_PATHS_IN_PROGRESS} paths can be invalidated at once."
        return RefusedInvalidation("BatchTooLarge", text)
    return _too_many(items, in_progress)


def _refused_item(item: str, *, has_tags: bool) -> str:
    if item.startswith("#"):
        if not has_tags:
            return f"{item}: the distribution has no CacheTagConfig."
        return f"{item}: a cache tag has no wildcard." if "*" in item else ""
    if not item.startswith("/"):
        return f"{item}: an invalidation path begins with /."
    if len(item) > MAX_INVALIDATION_PATH:
        return f"An invalidation path has at most {MAX_INVALIDATION_PATH} characters."
    return ""


def _too_many(
    items: Sequence[str], in_progress: Iterable[InvalidationBatch]
) -> RefusedInvalidation | None:
    wildcards = sum(item.endswith("*") for item in items)
    paths = len(items) - wildcards
    for batch in in_progress:
        if not batch.is_completed:
            stars = sum(path.is_wildcard for path in batch.paths)
            wildcards, paths = wildcards + stars, paths + len(batch.paths) - stars
    if paths <= MAX_PATHS_IN_PROGRESS and wildcards <= MAX_WILDCARDS_IN_PROGRESS:
        return None
    text = "Processing your request will cause you to exceed the maximum number of in-progress "
    return RefusedInvalidation("TooManyInvalidationsInProgress", text + "invalidations.")


def repeated(
    items: Sequence[str], caller_reference: str, batches: Mapping[str, InvalidationBatch]
) -> InvalidationBatch | RefusedInvalidation | None:
    """The invalidation that a CallerReference stands for already; None for a new one.

    `batches` are those of the distribution by CallerReference. The same paths are answered with the
    old invalidation, others refused.
    Source: CloudFront API Reference, InvalidationBatch.
    """
    earlier = batches.get(caller_reference)
    if earlier is None:
        return None
    if sorted(path.text for path in earlier.paths) == sorted(items):
        return earlier
    text = f"CallerReference {caller_reference} was used for other paths."
    return RefusedInvalidation("InvalidationBatchAlreadyExists", text)
