"""AWS's wildcards: `*` is any run of characters, `?` exactly one, the whole value must match."""

from __future__ import annotations

import re


def compile_wildcard(
    pattern: str, *, ignore_case: bool = False, escapes: bool = False
) -> re.Pattern[bytes]:
    r"""`pattern` as a regular expression for `fullmatch` on bytes; `*` crosses `/` and `.`.

    With `escapes`, `\*`, `\?` and `\\` stand for the characters themselves.
    """
    source: list[bytes] = []
    characters = iter(pattern)
    for char in characters:
        if char == "*":
            if source[-1:] != [b".*"]:
                source.append(b".*")
        elif char == "?":
            source.append(b".")
        elif char == "\\" and escapes:
            source.append(re.escape(next(characters, "\\").encode()))
        else:
            source.append(re.escape(char.encode()))
    return re.compile(b"".join(source), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
