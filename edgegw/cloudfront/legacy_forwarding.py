"""What reaches the origin with legacy cache settings, compiled into one `Forwarding`.

Policies forward the headers that they name. Legacy settings do the reverse: every header goes
through, unless it is one of those that CloudFront keeps, and these go through where they are named.
So an origin may see, and answer by, what is no part of the key.
Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers; "Cache behavior settings", legacy cache settings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edgegw.cloudfront.behaviors import ALL_METHODS, GET_HEAD
from edgegw.cloudfront.cache.legacy import ForwardedValues, cookie_test
from edgegw.cloudfront.forwarding import Forwarding
from edgegw.cloudfront.model import CachePolicy
from edgegw.cloudfront.policies import headers_toward_viewer

KEPT_UNLESS_NAMED: Final = frozenset(
    {
        b"accept",
        b"accept-charset",
        b"accept-encoding",
        b"accept-language",
        b"authorization",
        b"host",
        b"referer",
        b"user-agent",
        b"x-http-method-override",
    }
)
"""Headers of the viewer that reach the origin as they came only where `Headers` names them.

Authorization goes through with methods that are not cached, and Accept-Encoding, Host and
User-Agent are written anew.
Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""


def legacy_forwarding(
    forwarded: ForwardedValues,
    ttls: tuple[int, int, int],
    cached_methods: frozenset[str] = GET_HEAD,
) -> Forwarding:
    """One `Forwarding` of `forwarded`; `ttls` are minimum, default and maximum, in seconds."""
    keeps_header = _header_test(forwarded)
    keeps_cookie = cookie_test(forwarded)
    added_headers = tuple(
        name for name in forwarded.headers if name.lower().startswith("cloudfront-")
    )
    return Forwarding(
        (legacy_forwarding, (forwarded, ttls, cached_methods)),
        CachePolicy("forwarded_values", "", *ttls, gzip=True),
        None,
        keeps_header,
        keeps_cookie,
        (lambda _name: True) if forwarded.query_string else None,
        added_headers,
        headers_toward_viewer(keeps_header, added_headers, keeps_cookies=keeps_cookie is not None),
        forwarded.query_string,
        forwarded,
        ALL_METHODS - GET_HEAD - cached_methods,
    )


def _header_test(forwarded: ForwardedValues) -> Callable[[bytes], bool]:
    """Whether a viewer's header (lower case) goes through."""
    if forwarded.keeps_nothing:
        return lambda _name: True
    kept = KEPT_UNLESS_NAMED - {name.lower().encode() for name in forwarded.headers}
    return lambda name: name not in kept
