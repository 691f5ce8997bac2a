"""What a request has that its cache key lacks, and whether the origin gets to see it.

The trap of every A/B test: what reaches the origin (or a function) and changes the answer, but is
no part of the key, gives one viewer's answer to another.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.key import KeyRecipe, named_pairs
from edgegw.http.message import Request
from edgegw.values import value

GapKind: TypeAlias = Literal["header", "cookie", "query"]


@value
class KeyGap:
    """A part of a request that the key lacks. `reaches_origin`: the origin sees it all the same."""

    kind: GapKind
    name: str
    reaches_origin: bool

    def __str__(self) -> str:
        return f"{_KINDS[self.kind]} {self.name}"


_KINDS: Final[dict[GapKind, str]] = {
    "header": "header",
    "cookie": "cookie",
    "query": "query string",
}


def key_gaps(recipe: KeyRecipe, viewer: Request, sent: Request | None = None) -> list[KeyGap]:
    """What `viewer` has and the key lacks; `sent` is the request as policies made it for an origin.

    Host counts as seen by the origin only where it is the viewer's own.
    """
    reaching = named_pairs(sent) if sent is not None else {}
    return [
        KeyGap(kind, name, reaching.get((kind, name)) == content)
        for kind, name, content in left_out(recipe, viewer)
    ]


def beyond_key(recipe: KeyRecipe, request: Request) -> dict[KeyGap, bytes]:
    """What a function that is shown `request` sees and the key lacks, by what it is."""
    return {
        KeyGap(kind, name, reaches_origin=False): content
        for kind, name, content in left_out(recipe, request)
    }


def left_out(recipe: KeyRecipe, request: Request) -> list[tuple[GapKind, str, bytes]]:
    """Kind, name and content of what `request` has and the key lacks."""
    gaps: list[tuple[GapKind, str, bytes]] = []
    for (kind, name), content in named_pairs(request).items():
        known: GapKind = "cookie" if kind == "cookie" else "query" if kind == "query" else "header"
        if not is_in_key(recipe, known, name):
            gaps.append((known, name, content))
    return gaps


def is_in_key(recipe: KeyRecipe, kind: GapKind, name: str) -> bool:
    """Whether the key has what is called `name`; that of a header is in lower case."""
    match kind:
        case "cookie":
            return recipe.keeps_cookie is not None and recipe.keeps_cookie(name)
        case "query":
            keeps = recipe.keeps_query
            return recipe.keeps_all_queries or (keeps is not None and keeps(name))
        case "header":
            return _has_header(recipe, name)


def _has_header(recipe: KeyRecipe, name: str) -> bool:
    if name == "accept-encoding" and (recipe.gzip or recipe.brotli):
        return True
    if name.startswith("cloudfront-"):
        return any(added.lower() == name for added in recipe.added_headers)
    return name.encode("latin-1") in recipe.headers
