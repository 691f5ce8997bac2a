"""Payloads: JSON bytes and the values they stand for.

orjson does the work where it is installed. The standard library takes over what orjson refuses
and Lambda's own runtimes produce: lone surrogates (Node's `JSON.stringify`), NaN, big integers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

TOO_DEEP: Final = "nested too deeply"
Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


def _stdlib_dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _stdlib_loads(raw: bytes) -> Any:
    return json.loads(raw.decode("utf-8", "surrogatepass"))


_fast_dumps: Callable[[object], bytes] = _stdlib_dumps
_fast_loads: Callable[[bytes], Any] = _stdlib_loads
try:
    import orjson
except ImportError:  # the extra `fast` is not installed
    pass
else:
    _fast_dumps = orjson.dumps
    _fast_loads = orjson.loads


def encode_payload(value: object) -> bytes:
    """`value` as compact JSON in UTF-8. Raises TypeError or ValueError for what JSON cannot say."""
    try:
        return _fast_dumps(value)
    except (TypeError, ValueError):
        pass
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    try:
        return _stdlib_dumps(value)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error


def decode_payload(raw: bytes) -> Json:
    """The JSON value of `raw`. Raises ValueError where it is none, or nested too deeply."""
    try:
        return cast("Json", _fast_loads(raw))
    except (ValueError, RecursionError):
        pass
    try:
        return cast("Json", _stdlib_loads(raw))
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error


def as_text(value: object) -> str:
    """A member that should be a text: itself, else the beginning of its JSON; never raises."""
    return value if isinstance(value, str) else excerpt(value, 1024)


def excerpt(value: object, most: int) -> str:
    """The first `most` bytes of `value` as JSON, for messages; never raises."""
    try:
        raw = encode_payload(value)
    except (TypeError, ValueError):  # a message need not say how deep it is
        return f"{'[' if isinstance(value, list) else '{'}…"
    return raw[:most].decode("utf-8", "replace") + ("…" if len(raw) > most else "")


_STREAM_MARK: Final = b"\0" * 8
"""Parts the metadata of a streamed answer from its body.

Source: Lambda Developer Guide, "Response streaming for Lambda functions", custom metadata.
"""


def no_json(payload: bytes) -> str:
    """What an answer is that is no JSON, and what to return in its place."""
    if not payload:
        return "the answer is empty: return a JSON object"
    if payload.startswith(b"{") and _STREAM_MARK in payload:
        return (
            "the answer is streamed (metadata of HttpResponseStream, then a body), which only "
            "function URLs and InvokeWithResponseStream understand: return a JSON object"
        )
    start = excerpt(payload[:60].decode("utf-8", "replace"), 80)
    return f"the answer is no JSON, it begins with {start}: return a JSON object"
