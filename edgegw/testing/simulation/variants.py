r"""Which variant an answer is of: what of it tells so.

    cookie:bucket          the cookie that the viewer has behind the answer
    header:x-bucket        a header of the answer
    body:page (\w)         the first group of a pattern in the body
    location:/home-(\w)    the same in the Location of a redirect
    origin                 the origin that made the answer, also where it comes out of the cache
    uri:/page-(\w)         the first group of a pattern in the path that this origin was asked for
    target-group           the target group of the load balancer

A cookie says what the viewer takes itself for; all others say what it got. Only the latter can show
that an answer went to the wrong one, so they come first where there are several.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, cast, get_args

from edgegw.errors import UsageError
from edgegw.values import value

VariantKind: TypeAlias = Literal[
    "cookie", "header", "body", "location", "origin", "uri", "target-group"
]
_NAMED: Final = ("cookie", "header", "body", "location", "uri")
_PATTERNS: Final = ("body", "location", "uri")
_FORMS: Final = (
    "cookie:NAME, header:NAME, body:PATTERN, location:PATTERN, uri:PATTERN, origin, target-group"
)


@value
class VariantSource:
    """What of an answer tells its variant; `name` is a cookie, a header or a pattern's text."""

    kind: VariantKind
    name: str = ""
    pattern: re.Pattern[bytes] | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


def variant_source(text: str) -> VariantSource:
    """The source that `text` names. Raises UsageError."""
    kind, _, name = text.partition(":")
    known = cast("VariantKind", kind)
    if kind not in get_args(VariantKind) or bool(name) != (kind in _NAMED):
        raise UsageError(f"a variant is told by {_FORMS}; not by {text!r}")
    if kind == "header":
        name = name.lower()
    return VariantSource(known, name, _pattern(kind, name))


def _pattern(kind: str, name: str) -> re.Pattern[bytes] | None:
    if kind not in _PATTERNS:
        return None
    try:
        pattern = re.compile(name.encode())
    except re.error as error:
        raise UsageError(f"{kind}:{name} is no regular expression: {error}") from None
    if not pattern.groups:
        raise UsageError(
            f"{kind}:{name} needs a group in brackets around the variant, as page (\\w)"
        )
    return pattern


def sticky_cookie_of(sources: Sequence[VariantSource]) -> str:
    """The cookie that keeps a viewer at its variant, where a source names one; else empty."""
    return next((source.name for source in sources if source.kind == "cookie"), "")


def shares(text: str, what: str) -> tuple[tuple[str, float], ...]:
    """`a=50,b=50` → names and weights. Raises UsageError; `what` is what the names are of."""
    pairs: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, mark, number = part.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if not mark or not name or not 0 <= weight < float("inf"):
            raise UsageError(f"{what} are written as a=50,b=50; {part!r} is no NAME=WEIGHT")
        pairs[name] = weight
    if not pairs or not sum(pairs.values()):
        raise UsageError(f"{what} are written as a=50,b=50, at least one of them above 0")
    return tuple(pairs.items())
