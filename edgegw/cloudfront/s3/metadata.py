"""Metadata of an object, in a JSON file beside it: `page.html.s3.json` for `page.html`.

    {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "max-age=60",
     "x-amz-meta-owner": "ada", "x-amz-website-redirect-location": "/elsewhere"}

The names are those of the headers that an upload would have. Such a file is no object itself.
"""

from __future__ import annotations

import json
import re
from typing import Final, cast

from edgegw.http.grammar import TEXT_TOKEN
from edgegw.http.message import Header

SUFFIX: Final = ".s3.json"
"""What the name of the file ends with, behind the name of the object's."""

_SYSTEM: Final = {
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "content-type": "Content-Type",
    "expires": "Expires",
    "x-amz-storage-class": "x-amz-storage-class",
    "x-amz-website-redirect-location": "x-amz-website-redirect-location",
}
"""System-defined metadata that an upload sets, in lower case, with its spelling.

Source: Amazon S3 User Guide, "Working with object metadata".
"""
MAX_USER_METADATA: Final = 2048
"""Bytes of all names and values of user-defined metadata.

Source: Amazon S3 User Guide, "Working with object metadata".
"""
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_USER: Final = "x-amz-meta-"


class MetadataError(ValueError):
    """A file of metadata cannot be used; the message says what to write."""


def parse_metadata(text: bytes) -> tuple[Header, ...]:
    """The header lines that a file of metadata gives its object. Raises MetadataError."""
    try:
        given = cast("object", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise MetadataError('is no object of header names: write {"Cache-Control": "max-age=60"}')
    lines = [_line(name, value) for name, value in cast("dict[str, object]", given).items()]
    size = sum(len(name) + len(value) - len(_USER) for name, value in lines if _is_user(name))
    if size > MAX_USER_METADATA:
        raise MetadataError(f"has {size} bytes of x-amz-meta-…, at most {MAX_USER_METADATA}")
    return tuple(lines)


def _is_user(name: bytes) -> bool:
    return name.startswith(_USER.encode())


def _line(name: str, value: object) -> Header:
    lower = name.lower()
    is_user = lower.startswith(_USER) and TEXT_TOKEN.fullmatch(lower) and lower != _USER
    if lower not in _SYSTEM and not is_user:
        known = ", ".join(sorted(_SYSTEM.values(), key=str.lower))
        raise MetadataError(f"has {name!r}, which no object has: there are {known}, x-amz-meta-…")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise MetadataError(f"has for {name!r} what is no text of a header: {value!r}")
    return _SYSTEM.get(lower, lower).encode(), value.encode()
