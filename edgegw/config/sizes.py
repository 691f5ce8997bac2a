"""Sizes in bytes, as people write them: 256MB, 1.5 GiB, 1000."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([KMGT]?)(i?)B?", re.IGNORECASE)
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def size_of(written: object) -> object:
    """Bytes of what is written. Raises ValueError for text that is no size."""
    if not isinstance(written, str):
        return written
    match = _SIZE.fullmatch(written.strip())
    if match is None:
        raise ValueError("a size is a number of bytes, or one with a unit such as 256MB or 2GiB")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.upper()])


Size = Annotated[
    int,
    BeforeValidator(size_of),
    Field(ge=0),
    WithJsonSchema({"type": ["string", "integer"]}),
]
"""A number of bytes."""
