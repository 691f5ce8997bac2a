"""Cache policy and origin request policy, compiled into one `Forwarding`.

Legacy cache settings make theirs in `legacy_forwarding.py`.
Source: CloudFront Developer Guide, "Control origin requests with a policy".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edgegw.cloudfront.behaviors import GET_HEAD
from edgegw.cloudfront.forwarding import WRITING, Forwarding
from edgegw.cloudfront.managed import ADDED_BY_ALL_VIEWER_EXCEPT_HOST
from edgegw.cloudfront.model import CachePolicy, OriginRequestPolicy, Selection
from edgegw.cloudfront.response_headers import ALWAYS_IN_VARY, ViewerHeaders, passed_on
from edgegw.http.message import Headers


def compile_forwarding(
    cache_policy: CachePolicy,
    origin_request_policy: OriginRequestPolicy | None,
    cached_methods: frozenset[str] = GET_HEAD,
) -> Forwarding:
    """One `Forwarding` of both policies."""
    orp = origin_request_policy or OriginRequestPolicy("", "")
    keeps_header = _header_test(cache_policy.headers, orp.headers)
    keeps_cookie = _name_test(cache_policy.cookies, orp.cookies)
    added_headers = _added_headers(cache_policy.headers, orp.headers)
    return Forwarding(
        (compile_forwarding, (cache_policy, origin_request_policy, cached_methods)),
        cache_policy,
        origin_request_policy,
        keeps_header,
        keeps_cookie,
        _name_test(cache_policy.query_strings, orp.query_strings),
        added_headers,
        headers_toward_viewer(keeps_header, added_headers, keeps_cookies=keeps_cookie is not None),
        "all" in (cache_policy.query_strings.behavior, orp.query_strings.behavior),
        keeps_authorization=WRITING - cached_methods,
    )


def headers_toward_viewer(
    keeps_header: Callable[[bytes], bool], added_headers: tuple[str, ...], *, keeps_cookies: bool
) -> Callable[[Headers], ViewerHeaders]:
    """What of an origin's headers goes on, in a behavior that forwards these."""
    keeps_in_vary = _vary_test(keeps_header, added_headers)
    return partial(passed_on, keeps_cookies=keeps_cookies, keeps_in_vary=keeps_in_vary)


def _name_test(key: Selection, more: Selection) -> Callable[[str], bool] | None:
    """Whether a name is forwarded, by both policies together; None when nothing ever is.

    The union of what each selects, except that two block lists both block.
    """
    if key.behavior == more.behavior == "none":
        return None
    if key.behavior == more.behavior == "allExcept":
        blocked = {*key.items, *more.items}
        return lambda name: name not in blocked
    return lambda name: _selects(key, name) or _selects(more, name)


def _selects(selection: Selection, name: str) -> bool:
    match selection.behavior:
        case "none":
            return False
        case "whitelist":
            return name in selection.items
        case "allExcept":
            return name not in selection.items
        case _:
            return True


def _header_test(key: Selection, more: Selection) -> Callable[[bytes], bool]:
    """Whether a viewer's header (lower case) is forwarded because a policy says so."""
    listed = {item.lower().encode() for item in key.items}
    if more.behavior == "whitelist":
        listed |= {item.lower().encode() for item in more.items}
    if more.behavior in ("allViewer", "allViewerAndWhitelistCloudFront"):
        return lambda _name: True
    if more.behavior == "allExcept":
        blocked = {item.lower().encode() for item in more.items} - listed
        return lambda name: name not in blocked
    return listed.__contains__


def _vary_test(
    keeps_header: Callable[[bytes], bool], added_headers: tuple[str, ...]
) -> Callable[[bytes], bool]:
    """Whether a name (lower case) stays in Vary: that of a header that a policy forwards.

    User-Agent stays as well where a header about the viewer's device is forwarded.
    Source: CloudFront Developer Guide, "Request and response behavior for custom origins", HTTP
    response headers that CloudFront removes or replaces.
    """
    kept = ALWAYS_IN_VARY
    if any(name.lower().startswith("cloudfront-is-") for name in added_headers):
        kept |= {b"user-agent"}
    return lambda name: name in kept or keeps_header(name)


def _added_headers(key: Selection, more: Selection) -> tuple[str, ...]:
    """CloudFront's own headers that the policies name."""
    names = [*key.items]
    if more.behavior in ("whitelist", "allViewerAndWhitelistCloudFront"):
        names += more.items
    elif more.behavior == "allExcept":
        blocked = {item.lower() for item in more.items}
        names += [each for each in ADDED_BY_ALL_VIEWER_EXCEPT_HOST if each.lower() not in blocked]
    return tuple(dict.fromkeys(each for each in names if each.lower().startswith("cloudfront-")))
