"""Parts of a body that nobody has taken yet: crumbs are put together."""

from __future__ import annotations

from collections import deque
from typing import Final

_SMALL: Final = 4096
"""Bytes up to which parts are joined: copying so few costs less than another part does."""


def add_part(parts: deque[bytes], part: bytes) -> None:
    """Puts `part` behind `parts`.

    A body that comes in crumbs so costs no more memory, and no more turns of whoever reads it,
    than another one of its size: what is counted in bytes is counted in parts, too.
    """
    if parts and len(parts[-1]) + len(part) <= _SMALL:
        parts[-1] += part
    else:
        parts.append(part)
