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
        match kind:
            case "cookie":
                if not (recipe.keeps_cookie and recipe.keeps_cookie(name)):
                    gaps.append(("cookie", name, content))
            case "query":
                if not (recipe.keeps_query and recipe.keeps_query(name)):
                    gaps.append(("query", name, content))
            case _:
                if not _has_header(recipe, name):
                    gaps.append(("header", name, content))
    return gaps


def _has_header(recipe: KeyRecipe, name: str) -> bool:
    if name == "accept-encoding" and (recipe.gzip or recipe.brotli):
        return True
    if name.startswith("cloudfront-"):
        return any(added.lower() == name for added in recipe.added_headers)
    return name.encode("latin-1") in recipe.headers
