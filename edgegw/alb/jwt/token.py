"""A JWT in its compact form, taken apart: nothing of it is believed yet.

Strict where two readers could understand two things: no padding, no foreign characters, no member
twice, no number that is none.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from edgegw.values import value

_PART: Final = re.compile(rb"[A-Za-z0-9_-]+")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


@value
class ParsedToken:
    """A token: what is signed, and by which signature."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


@value
class TokenFault:
    """Why a text is no token; `detail` goes behind "the token"."""

    detail: str


def parsed_token(text: bytes) -> ParsedToken | TokenFault:
    """The token in `text`, or why it is none."""
    parts = text.split(b".")
    if len(parts) != 3:
        return TokenFault("has not three parts")
    try:
        header, claims, signature = (_decoded(part) for part in parts)
    except ValueError:
        return TokenFault("is not base64url")
    try:
        members, stated = _json_object(header), _json_object(claims)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, _UnclearError) else "is not JSON"
        return TokenFault(why)
    signed = text[: text.rindex(b".")]
    return ParsedToken(members, stated, signed, signature)


def _decoded(part: bytes) -> bytes:
    if part and not _PART.fullmatch(part):
        raise ValueError
    try:
        return base64.b64decode(part.translate(_STANDARD) + b"=" * (-len(part) % 4), validate=True)
    except binascii.Error:
        raise ValueError from None


class _UnclearError(ValueError):
    """JSON that readers understand differently."""


def _json_object(content: bytes) -> Mapping[str, Any]:
    """The object in `content`. Raises ValueError."""
    parsed: object = _DECODER.decode(content.decode("utf-8"))
    if not isinstance(parsed, dict):
        raise _UnclearError("is no JSON object")
    return cast("Mapping[str, Any]", parsed)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _UnclearError("has a member twice")
    return members


def _no_number(text: str) -> float:
    raise _UnclearError(f"has {text} for a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _UnclearError("has a number without end")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
)
