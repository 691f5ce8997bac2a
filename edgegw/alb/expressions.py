"""Regular expressions as a load balancer takes them, and the replacements of transforms.

AWS's engine works in linear time and so knows neither look-around nor back-references; Python's
does, and what only Python knows is refused here.
Source: ELB User Guide for ALB, "Transforms for listener rules", "Condition types".
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

_GROUPS: Final = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<=": "look-behind",
    "(?<!": "look-behind",
    "(?>": "an atomic group",
    "(?P=": "a back-reference",
    "(?P>": "a subroutine",
    "(?&": "a subroutine",
    "(?R": "recursion",
    "(?(": "a conditional",
    "(?|": "a branch reset",
    "(?#": "a comment",
}
_TOKEN: Final = re.compile(
    r"\\(?P<escape>.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<group>\(\?(?:P[=>]|<[=!]|[=!>&R(|#]|\d))"
    r"|(?P<named>\(\?<)"
    r"|(?P<possessive>(?:[*+?]|\{\d+(?:,\d*)?\})\+)",
    re.DOTALL,
)


def compile_expression(text: str, *, ignore_case: bool = False) -> re.Pattern[bytes]:
    """`text` as a pattern for `search` on bytes. Raises ValueError with what is wrong."""
    pieces: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "escape" and (token["escape"] in "123456789kgpPK"):
            what = "a property class" if token["escape"] in "pP" else "a back-reference"
            raise ValueError(f"{token[0]!r} is {what}, which the load balancer does not support")
        if kind == "group":
            what = _GROUPS.get(token["group"], "a subroutine")
            raise ValueError(f"{token[0]!r} is {what}, which the load balancer does not support")
        if kind == "possessive":
            raise ValueError(
                f"{token[0]!r} is a possessive quantifier, which the load balancer does not support"
            )
        if kind == "named":  # Python spells named groups in its own way
            pieces += [text[end : token.start()], "(?P<"]
            end = token.end()
    source = "".join([*pieces, text[end:]])
    try:
        return re.compile(source.encode(), re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None


Piece: TypeAlias = bytes | int
_REFERENCE: Final = re.compile(r"\$(?:(\d+)|\{(\d+)\})")


def compile_replacement(text: str, pattern: re.Pattern[bytes]) -> tuple[Piece, ...]:
    """`text` in pieces: bytes, and the numbers of the groups that `$1` and so on stand for.

    Raises ValueError for a group that `pattern` does not have.
    """
    pieces: list[Piece] = []
    end = 0
    for reference in _REFERENCE.finditer(text):
        number = int(reference[1] or reference[2])
        if number > pattern.groups:
            raise ValueError(
                f"{reference[0]!r} refers to group {number}; the regex has {pattern.groups}"
            )
        pieces += [text[end : reference.start()].encode(), number]
        end = reference.end()
    pieces.append(text[end:].encode())
    return tuple(piece for piece in pieces if piece != b"")


def replace_first(
    pattern: re.Pattern[bytes], replacement: tuple[Piece, ...], value: bytes
) -> bytes | None:
    """`value` with the first match replaced; None when nothing matches."""
    match = pattern.search(value)
    if match is None:
        return None
    made = [piece if isinstance(piece, bytes) else match[piece] or b"" for piece in replacement]
    return value[: match.start()] + b"".join(made) + value[match.end() :]
