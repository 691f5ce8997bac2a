"""An entry as bytes, and back: for stores outside this process.

What is read may be of another version, or of another program that writes to the same place. So
nothing of it is trusted: each field is of its kind, no header holds a line end, and what is no
entry is as good as absent.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final, TypeVar, cast, get_args

from edgegw.cloudfront.cache.entry import StoredPlace, StoredResponse
from edgegw.cloudfront.cache.freshness import Freshness, TtlBound, TtlSource
from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.compression import ContentCoding
from edgegw.http.message import Headers

_FORMAT: Final = 2
_SOURCES: Final = frozenset(get_args(TtlSource))
_BOUNDS: Final = frozenset(get_args(TtlBound))
_CODINGS: Final = frozenset(get_args(ContentCoding))


class UnreadableEntryError(Exception):
    """What a store has is no entry of this version: it is as good as absent."""


def encode_entry(entry: StoredResponse) -> bytes:
    """`entry` as JSON: an object with `format` and the fields; bytes are text in ISO-8859-1."""
    place, terms = entry.place, entry.freshness
    content: dict[str, Any] = {
        "format": _FORMAT,
        "key": _text(entry.key),
        "place": [place.distribution, place.path_pattern, _text(place.path), _text(place.query)],
        "status": entry.status,
        "reason": _text(entry.reason),
        "headers": [[_text(name), _text(line)] for name, line in entry.headers],
        "stored_at": entry.stored_at,
        "freshness": [
            terms.ttl,
            terms.source,
            terms.bound,
            terms.is_kept,
            terms.has_conditions,
            terms.stale_while_revalidate,
            terms.stale_if_error,
        ],
        "origin_status": entry.origin_status,
        "length": entry.length,
        "part": [entry.part.first, entry.part.last] if entry.part is not None else None,
        "total": entry.total,
        "is_head": entry.is_head,
        "is_chunked": entry.is_chunked,
        "tags": sorted(tag.decode("latin-1") for tag in entry.tags),
        "retry_at": entry.retry_at,
        "coding": entry.coding,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def decode_entry(raw: bytes) -> StoredResponse:
    """What `encode_entry` wrote. Raises UnreadableEntryError."""
    try:
        content = cast("dict[str, Any]", json.loads(raw))
        if content["format"] != _FORMAT:
            raise UnreadableEntryError(f"entry of format {content['format']}, not {_FORMAT}")
        return _decoded(content)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise UnreadableEntryError(f"no entry of a cache: {error}") from error


def _decoded(content: dict[str, Any]) -> StoredResponse:
    """The fields, each of its kind. Raises ValueError and what else wrong kinds lead to."""
    distribution, pattern, path, query = content["place"]
    part = content["part"]
    return StoredResponse(
        _raw(content["key"]),
        StoredPlace(
            _of(str, distribution),
            _of(str, pattern),
            _raw(path),
            None if query is None else _raw(query),
        ),
        _status(content["status"]),
        _line(content["reason"]),
        Headers([(_line(name), _line(line)) for name, line in content["headers"]]),
        _number(content["stored_at"]),
        _terms(*content["freshness"]),
        _status(content["origin_status"]),
        _optional_count(content["length"]),
        None if part is None else Span(*map(_count, part)),
        _optional_count(content["total"]),
        _of(bool, content["is_head"]),
        _of(bool, content["is_chunked"]),
        frozenset(map(_raw, content["tags"])),
        _number(content["retry_at"]),
        _coding(content["coding"]),
    )


def _terms(
    ttl: object,
    source: object,
    bound: object,
    is_kept: object,
    has_conditions: object,
    *stale: object,
) -> Freshness:
    if source not in _SOURCES or bound not in _BOUNDS:
        raise ValueError(f"no rule: {source}, {bound}")
    return Freshness(
        _number(ttl),
        cast("TtlSource", source),
        cast("TtlBound", bound),
        _of(bool, is_kept),
        _of(bool, has_conditions),
        *map(_number, stale),
    )


_T = TypeVar("_T")


def _of(kind: type[_T], content: object) -> _T:
    if type(content) is not kind:
        raise ValueError(f"{content!r} is no {kind.__name__}")
    return cast("_T", content)


def _count(content: object) -> int:
    number = _of(int, content)
    if number < 0:
        raise ValueError(f"{number} is below 0")
    return number


def _status(content: object) -> int:
    status = _of(int, content)
    if not 100 <= status <= 999:
        raise ValueError(f"no status: {status}")
    return status


def _optional_count(content: object) -> int | None:
    return None if content is None else _count(content)


def _number(content: object) -> float:
    if type(content) not in (int, float) or not math.isfinite(cast("float", content)):
        raise ValueError(f"{content!r} is no number")
    return cast("float", content)


def _line(content: object) -> bytes:
    """A name or a value of a header, which holds no line end."""
    line = _raw(content)
    if any(end in line for end in (b"\r", b"\n", b"\0")):
        raise ValueError("a header with a line end")
    return line


def _coding(content: object) -> ContentCoding | None:
    if content is not None and content not in _CODINGS:
        raise ValueError(f"no coding: {content}")
    return cast("ContentCoding | None", content)


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("latin-1")


def _raw(content: object) -> bytes:
    return _of(str, content).encode("latin-1")
