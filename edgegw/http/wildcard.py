"""AWS's wildcards: `*` is any run of characters, `?` exactly one, the whole value must match."""

from __future__ import annotations

import re


def compile_wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[bytes]:
    """`pattern` as a regular expression for `fullmatch` on bytes; `*` crosses `/` and `.`."""
    source = b"".join(
        b".*" if char == "*" else b"." if char == "?" else re.escape(char.encode())
        for char in re.sub(r"\*+", "*", pattern)
    )
    return re.compile(source, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
