"""Vary, which viewers are shown and the cache does not heed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgegw.http.message import Headers

_ALWAYS_SHOWN = frozenset({b"accept-encoding", b"cookie"})


def shown_vary(
    headers: Headers, keeps_header: Callable[[bytes], bool], added_headers: Iterable[str] = ()
) -> Headers:
    """An origin's `headers` with the names that a viewer is shown left in Vary.

    `keeps_header` says which headers (lower case) of a viewer the policies forward, `added_headers`
    are those of CloudFront's own that they name. What is left empty goes; `*` is not among the
    names that stay (uncertain).
    Source: CloudFront Developer Guide, "Request and response behavior for custom origins", Vary
    header.
    """
    lines = headers.get_all(b"vary")
    if not lines:
        return headers
    by_device = any(name.lower().startswith("cloudfront-is-") for name in added_headers)
    names = [name.strip() for line in lines for name in line.split(b",") if name.strip()]
    kept = [name for name in names if _is_shown(name.lower(), keeps_header, by_device=by_device)]
    if len(kept) == len(names):
        return headers
    return headers.replaced(b"Vary", b", ".join(kept)) if kept else headers.without(b"vary")


def _is_shown(name: bytes, keeps_header: Callable[[bytes], bool], *, by_device: bool) -> bool:
    if name in _ALWAYS_SHOWN or (by_device and name == b"user-agent"):
        return True
    return name != b"*" and keeps_header(name)
