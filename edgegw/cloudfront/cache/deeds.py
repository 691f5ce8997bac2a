"""What functions did with requests of one key, compared: by what does it differ?

Nobody can see what a function reads of its event, but what it was shown and what it did can be
compared:

    one key, one trigger        shown (and not in the key)      what it did
    first request               bucket=a, theme=dark            path becomes /a/index.html
    second request              bucket=b, theme=dark            path becomes /b/index.html

What it did differs; so does `bucket`, `theme` does not: the answer varies by the cookie bucket. The
more requests are seen, the fewer names are left that could be it: a name whose one value went with
two different deeds explains nothing. A function that throws dice where the name is absent, as an
A/B test does for new viewers, is named all the same for those who have it. One that does
differently for just the same request has dice of its own, and is left in peace; so is what looks
like an id or a time, which is another for every request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, TypeAlias

from edgegw.cloudfront.cache.key import named_pairs
from edgegw.cloudfront.cache.key_gaps import KeyGap
from edgegw.http.message import Request
from edgegw.values import value

Shown: TypeAlias = Mapping[KeyGap, bytes]
"""What a function was shown and the key lacks, by what it is; the content, or a digest of it."""

Change: TypeAlias = tuple[str, str, bytes]
"""Kind, name and new content of what a function changed; the content is empty where it went."""


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


def digest(content: bytes) -> bytes:
    """Eight bytes that stand for `content`, which may be personal and is not kept."""
    return blake2b(content, digest_size=8).digest()


def changes(shown: Request, left: Request) -> list[Change]:
    """What a function changed of a request, less what looks like an id or a time of its own."""
    before, after = named_pairs(shown), named_pairs(left)
    changed: list[Change] = [
        (kind, name, after.get((kind, name), b""))
        for kind, name in sorted(before.keys() | after.keys())
        if before.get((kind, name)) != after.get((kind, name))
    ]
    if shown.target.path != left.target.path:
        changed.append(("path", "", left.target.path))
    if shown.method != left.method:
        changed.append(("method", "", left.method.encode()))
    copied = set(before.values())
    return [change for change in changed if change[2] in copied or not _is_drawn(change[2])]


_DRAWN: Final = re.compile(
    rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-|[0-9a-fA-F]{16}|(?<![0-9])[0-9]{10}|[0-9]{2}:[0-9]{2}:[0-9]{2}"
)
"""A UUID, a long number in hex digits, seconds since 1970, a time of day."""


def _is_drawn(content: bytes) -> bool:
    return _DRAWN.search(content) is not None


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
    best = min(map(rank, telling), default=0)
    return sorted((name for name in telling if rank(name) == best), key=str)


def _tells(name: KeyGap, deeds: list[FunctionDeed]) -> bool:
    outcomes: dict[bytes | None, set[bytes]] = {}
    for deed in deeds:
        outcomes.setdefault(deed.shown.get(name), set()).add(deed.outcome)
    without = outcomes.pop(None, set[bytes]())
    if any(len(known) > 1 for known in outcomes.values()):
        return False
    present = {outcome for known in outcomes.values() for outcome in known}
    return len(present) > 1 or (len(without) == 1 and bool(present - without))


def rank(name: KeyGap) -> int:
    """How likely it is that a function looks at `name`; 0 is most, 2 what every browser sends."""
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
        "host",
        "if-modified-since",
        "if-none-match",
        "origin",
        "pragma",
        "priority",
        "range",
        "referer",
        "upgrade-insecure-requests",
        "user-agent",
        "via",
        "x-forwarded-for",
    }
)
