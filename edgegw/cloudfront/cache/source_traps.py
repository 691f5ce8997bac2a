"""Caching traps that can be seen without traffic: in what a handler does and its policies say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from edgegw.cloudfront.cache.key import KeyRecipe
from edgegw.cloudfront.cache.key_fixes import key_fix
from edgegw.cloudfront.cache.key_gaps import GapKind, KeyGap, is_in_key
from edgegw.cloudfront.forwarding import Forwarding
from edgegw.cloudfront.handler_reads import HandlerUse, edge_function_uses, handler_uses
from edgegw.cloudfront.handler_text import handler_text, mentions
from edgegw.cloudfront.model import Behavior
from edgegw.cloudfront.triggers import Trigger


class SourceTrap(NamedTuple):
    """A trap in a source, with its place there; `code` is that of the finding."""

    line: int
    column: int
    code: str
    text: str


def source_traps(
    behavior: Behavior, trigger: Trigger, source: str, language: str, handler: str
) -> list[SourceTrap]:
    """What `handler` does at `trigger` that goes wrong once `behavior` caches.

    Only what is certain: a function at viewer-request may do what it likes with a cookie, as the
    key is made behind it; one at origin-request runs for a miss alone.
    """
    if behavior.cache is None or behavior.key is None:
        return []
    uses = handler_uses(source, language, handler)
    text = handler_text(source, language, handler)
    traps: dict[str, SourceTrap] = {}
    for use, code, said in _judged(behavior, behavior.key, trigger, uses, text):
        traps.setdefault(f"{code} {use.name}", SourceTrap(use.line, use.column, code, said))
    return sorted(traps.values())


def edge_source_traps(behavior: Behavior, trigger: Trigger, source: str) -> list[SourceTrap]:
    """What a CloudFront Function does at `trigger` that goes wrong once `behavior` caches.

    One that may answer itself is left alone: what looks like a header of the request may be one of
    its response.
    """
    if behavior.cache is None or behavior.key is None or trigger != "viewer-request":
        return []
    text = handler_text(source, "nodejs", "handler")
    if mentions(source, "statusCode"):
        return []
    uses = edge_function_uses(source)
    traps: dict[str, SourceTrap] = {}
    for use in uses:
        if use.kind == "sets-header":
            said = _handed_on(behavior, behavior.key, use.name, uses, text)
            if said is not None:
                traps.setdefault(use.name, SourceTrap(use.line, use.column, *said))
    return sorted(traps.values())


def _judged(
    behavior: Behavior, recipe: KeyRecipe, trigger: Trigger, uses: list[HandlerUse], text: str
) -> Iterator[tuple[HandlerUse, str, str]]:
    for use in uses:
        verdict: tuple[str, str] | None = None
        if use.kind == "sets-header" and use.name == "set-cookie":
            if trigger.startswith("origin") and not _keeps_out(text):
                verdict = _set_cookie(behavior)
        elif trigger == "origin-request" and use.kind != "sets-header":
            kind: GapKind = "cookie" if use.kind == "reads-cookie" else "header"
            if kind == "cookie" or _is_of_interest(use.name):
                verdict = _read(behavior, recipe, KeyGap(kind, use.name, reaches_origin=True))
        elif trigger == "viewer-request" and use.kind == "sets-header":
            verdict = _handed_on(behavior, recipe, use.name, uses, text)
        if verdict is not None:
            yield (use, *verdict)


def _read(behavior: Behavior, recipe: KeyRecipe, gap: KeyGap) -> tuple[str, str] | None:
    """origin-request reads `gap`, and the key may lack it."""
    if is_in_key(recipe, gap.kind, gap.name):
        return None
    fix = key_fix(behavior.forwarding.cache_policy, [gap])
    if not _is_forwarded(behavior.forwarding, gap):
        return "cloudfront.never-seen", (
            f"reads the {gap}, which never gets to origin-request in behavior "
            f"{behavior.path_pattern}: no policy lets it through. {fix}"
        )
    if gap.name == "authorization":
        return "cloudfront.authorization-not-in-key", (
            f"checks Authorization at origin-request, which runs for a miss alone in behavior "
            f"{behavior.path_pattern}, and the cache key lacks it: a hit goes to anybody. {fix}, "
            "or check it at viewer-request"
        )
    return "cloudfront.varies-beyond-key", (
        f"reads the {gap} at origin-request, and the cache key of behavior "
        f"{behavior.path_pattern} lacks it: the answer made for one viewer goes to every viewer "
        f"until it expires. {fix}"
    )


def _handed_on(
    behavior: Behavior, recipe: KeyRecipe, name: str, uses: list[HandlerUse], text: str
) -> tuple[str, str] | None:
    """viewer-request sets the header `name` by a cookie; the origin sees it, the key lacks it."""
    cookies = sorted({use.name for use in uses if use.kind == "reads-cookie"})
    gap = KeyGap("header", name, reaches_origin=True)
    if (
        not cookies
        or any(is_in_key(recipe, "cookie", cookie) for cookie in cookies)
        or any(mentions(text, word) for word in ("uri", "querystring"))
        or is_in_key(recipe, "header", name)
        or not _is_of_interest(name)
        or not _is_forwarded(behavior.forwarding, gap)
    ):
        return None
    return "cloudfront.varies-beyond-key", (
        f"reads the cookie {', '.join(cookies)} and sets the header {name}, which the origin of "
        f"behavior {behavior.path_pattern} sees and the cache key lacks: the answer made for one "
        f"viewer goes to every viewer until it expires. "
        f"{key_fix(behavior.forwarding.cache_policy, [gap])}"
    )


def _set_cookie(behavior: Behavior) -> tuple[str, str]:
    where = f"in behavior {behavior.path_pattern}, which caches"
    if behavior.forwarding.keeps_cookie is None:
        return "cloudfront.set-cookie-removed", (
            f"sets Set-Cookie {where} and forwards no cookies: CloudFront takes it out of every "
            "response. Set it at viewer-response"
        )
    return "cloudfront.stored-set-cookie", (
        f"sets Set-Cookie {where}: it is stored, and every viewer gets the cookie of the first. "
        "Set it at viewer-response, which runs for each viewer"
    )


def _keeps_out(text: str) -> bool:
    """Whether a handler speaks of answers that are not to be stored."""
    return any(mentions(text, word) for word in ("no-store", "no-cache", "private"))


_EXCEPTED: Final = ("x-forwarded-", "x-amz", "x-edge-", "x-real-ip")


def _is_of_interest(name: str) -> bool:
    """Whether a header is one by which answers differ, and no fact of the connection."""
    if name in ("authorization", "accept-language"):
        return True
    return name.startswith(("x-", "cloudfront-viewer-", "cloudfront-is-")) and not name.startswith(
        _EXCEPTED
    )


def _is_forwarded(forwarding: Forwarding, gap: KeyGap) -> bool:
    if gap.kind == "cookie":
        return forwarding.keeps_cookie is not None and forwarding.keeps_cookie(gap.name)
    if gap.name.startswith("cloudfront-"):
        return any(added.lower() == gap.name for added in forwarding.added_headers)
    return forwarding.keeps_header(gap.name.encode("latin-1"))
