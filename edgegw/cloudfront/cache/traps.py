"""Caching traps that show while requests run: answers that differ though their key does not.

A function at viewer-request or origin-request looks at a cookie and sends the viewer to variant A
or B. If the cookie is no part of the key, the first viewer's variant is everybody's. Nobody can see
what a function reads of its event, but what it was shown and what it did can be compared:

    one key, one trigger        shown (and not in the key)      what it did
    first request               bucket=a, theme=dark            path becomes /a/index.html
    second request              bucket=b, theme=dark            path becomes /b/index.html

What it did differs; so does `bucket`, `theme` does not: the answer varies by the cookie bucket. The
more requests are seen, the fewer names are left that could be it: a name whose one value went with
two different deeds explains nothing. A function that does differently for just the same request has
dice of its own, and is left in peace.

Three more traps show in one request: a Set-Cookie that gets stored, an Authorization that is not in
the key of what is stored, and a cookie in the key that has a value for each viewer.

Each trap is told once for a behavior. What is remembered is bounded, so that traffic without end
costs memory with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.key import KeyParts
from edgegw.cloudfront.cache.key_gaps import KeyGap
from edgegw.values import value

TrapKind: TypeAlias = Literal[
    "varies-beyond-key", "stored-set-cookie", "authorization-not-in-key", "many-variants"
]

Deed: TypeAlias = tuple[str, bytes]
"""The trigger of a function, and a digest of what it changed or answered."""

Shown: TypeAlias = Mapping[KeyGap, bytes]
"""What a function was shown and the key lacks, by what it is."""


@value
class CachingTrap:
    """A trap that traffic fell into: of which behavior, what is concerned, and what to do."""

    kind: TrapKind
    path_pattern: str
    names: tuple[str, ...]
    text: str


@value
class FunctionDeed:
    """What one function did with one request: its key, what was shown to it, what came of it.

    `outcome` is a digest of what it changed of the request, or of the response that it generated.
    """

    key: bytes
    path_pattern: str
    trigger: str
    shown: Shown
    outcome: bytes


MANY_VARIANTS: Final = 50
"""Values of one cookie in the keys of one path from which on they are too many to be shared."""

_MOST_KEYS: Final = 1000
_MOST_DEEDS: Final = 8
_MOST_PATHS: Final = 200


class TrapDetector:
    """Remembers what functions did, and says each trap once for a behavior."""

    def __init__(self) -> None:
        self._deeds: dict[tuple[bytes, str], list[FunctionDeed]] = {}
        self._values: dict[tuple[bytes, bytes], set[int]] = {}
        self._said: set[tuple[TrapKind, str, tuple[str, ...]]] = set()

    def did(self, deed: FunctionDeed) -> CachingTrap | None:
        """A function was run; answers a trap where its deed differs from an earlier one's."""
        place = deed.key, deed.trigger
        deeds = self._deeds.setdefault(place, [])
        if any(same_deed(deed, earlier) for earlier in deeds):
            return None
        deeds.append(deed)
        del deeds[:-_MOST_DEEDS]
        if len(self._deeds) > _MOST_KEYS:
            self._deeds.pop(next(iter(self._deeds)))
        names = explaining(deeds)
        if not names:
            return None
        shown = " or ".join(map(str, names))
        text = (
            f"the {deed.trigger} function does differently by {shown}, which the cache key lacks: "
            "a viewer may get what was made for another. Put it into the cache policy, or have "
            "viewer-request set a header for it and put that into the cache policy"
        )
        return self._once("varies-beyond-key", deed.path_pattern, tuple(map(str, names)), text)

    def stores(
        self, entry: StoredResponse, gaps: list[KeyGap], parts: KeyParts
    ) -> list[CachingTrap]:
        """An answer gets stored; `gaps` are what its request had and the key lacks."""
        pattern = entry.place.path_pattern
        traps = [
            self._set_cookie(entry, pattern) if b"set-cookie" in entry.headers else None,
            self._authorization(pattern, gaps),
            *[self._variant(parts, name, content, pattern) for name, content in parts.cookies],
        ]
        return [trap for trap in traps if trap is not None]

    def _set_cookie(self, entry: StoredResponse, pattern: str) -> CachingTrap | None:
        names = tuple(
            line.partition(b"=")[0].strip().decode("latin-1")
            for line in entry.headers.get_all(b"set-cookie")
        )
        text = (
            f"the answer to {entry.place.url.decode('latin-1')} is stored with Set-Cookie "
            f"({', '.join(names)}): every viewer gets this cookie. Send "
            'Cache-Control: no-cache="Set-Cookie" or do not forward cookies'
        )
        return self._once("stored-set-cookie", pattern, names, text)

    def _authorization(self, pattern: str, gaps: list[KeyGap]) -> CachingTrap | None:
        if not any(gap.kind == "header" and gap.name == "authorization" for gap in gaps):
            return None
        text = (
            "a request with Authorization gets an answer stored whose key lacks it: a viewer "
            "without it gets the same answer. Put Authorization into the cache policy, or check it "
            "at viewer-request, which runs for hits too"
        )
        return self._once("authorization-not-in-key", pattern, (), text)

    def _variant(
        self, parts: KeyParts, name: bytes, content: bytes, pattern: str
    ) -> CachingTrap | None:
        contents = self._values.setdefault((parts.path, name), set())
        if len(self._values) > _MOST_PATHS:
            self._values.pop(next(iter(self._values)))
        if len(contents) <= MANY_VARIANTS:
            contents.add(hash(content))
        if len(contents) <= MANY_VARIANTS:
            return None
        cookie = name.decode("latin-1")
        text = (
            f"the cookie {cookie} is in the cache key and has more than {MANY_VARIANTS} values for "
            f"{parts.path.decode('latin-1')}: hardly a viewer gets another's answer. Leave it out, "
            "or have viewer-request set a header with a few values"
        )
        return self._once("many-variants", pattern, (cookie,), text)

    def _once(
        self, kind: TrapKind, pattern: str, names: tuple[str, ...], text: str
    ) -> CachingTrap | None:
        if (kind, pattern, names) in self._said:
            return None
        self._said.add((kind, pattern, names))
        return CachingTrap(kind, pattern, names, text)


def same_deed(one: FunctionDeed, other: FunctionDeed) -> bool:
    """Whether two deeds tell the same: what was shown, and what came of it."""
    return one.outcome == other.outcome and dict(one.shown) == dict(other.shown)


def explaining(deeds: list[FunctionDeed]) -> list[KeyGap]:
    """The names that tell deeds apart: each value of theirs went with one outcome only.

    Cookies and query strings come first, then headers of the site's own, then those that any
    browser sends: it is seldom these that a function looks at.
    """
    if len({deed.outcome for deed in deeds}) < 2:
        return []
    names = {name for deed in deeds for name in deed.shown}
    telling = [name for name in names if _tells(name, deeds)]
    best = min(map(_rank, telling), default=0)
    return sorted((name for name in telling if _rank(name) == best), key=str)


def _tells(name: KeyGap, deeds: list[FunctionDeed]) -> bool:
    outcomes: dict[bytes | None, set[bytes]] = {}
    for deed in deeds:
        outcomes.setdefault(deed.shown.get(name), set()).add(deed.outcome)
    return len(outcomes) > 1 and all(len(known) == 1 for known in outcomes.values())


def _rank(name: KeyGap) -> int:
    if name.kind != "header":
        return 0
    return 2 if name.name in _OF_EVERY_BROWSER or name.name.startswith("sec-") else 1


_OF_EVERY_BROWSER: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "if-modified-since",
        "if-none-match",
        "pragma",
        "priority",
        "range",
        "referer",
        "upgrade-insecure-requests",
        "user-agent",
    }
)
