"""Path pattern → behavior, and what a behavior refuses at the door.

Source: CloudFront Developer Guide, "Cache behavior settings", "Quotas".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from edgegw.cloudfront.model import Behavior, Distribution
from edgegw.http.message import Request
from edgegw.http.target import RequestTarget, collapsed_slashes, normalized_path, to_text
from edgegw.http.wildcard import compile_wildcard
from edgegw.values import value

MAX_URL: Final = 8192
"""Bytes that a viewer's URL may have; a longer one is a 414.

Source: CloudFront Developer Guide, "Quotas", general quotas.
"""
MAX_HEADERS: Final = 32768
"""Bytes that request line and headers may have, or an origin's status line and headers.

Source: CloudFront Developer Guide, "Quotas", general quotas.
"""
TOO_LARGE: Final = 494
"""The status for a request line and headers above `MAX_HEADERS`.

Source: CloudFront Developer Guide, "Quotas", general quotas.
"""
BAD_REQUEST: Final = 400
"""The status for a request that the HTTP parser refuses.

Source: CloudFront Developer Guide, "HTTP 400 status code (Bad Request)".
"""


GET_HEAD: Final = frozenset({"GET", "HEAD"})
GET_HEAD_OPTIONS: Final = GET_HEAD | {"OPTIONS"}
ALL_METHODS: Final = GET_HEAD_OPTIONS | {"PUT", "POST", "PATCH", "DELETE"}
"""The methods that a behavior can allow; one of three sets.

Source: CloudFront Developer Guide, "Allowed HTTP methods".
"""


@value
class DistributionRefusal:
    """CloudFront answers itself: `status`, the page's reason line, and why (for the developer).

    `host` is the name that it does not answer to, None where it is not for that. With a `code` the
    page is XML.
    """

    status: int
    text: str
    detail: str
    host: str | None = None
    code: str = ""


@value
class RedirectToHttps:
    """The viewer is sent to https with `status` 301 or 307."""

    status: int


def compile_path_pattern(pattern: str) -> re.Pattern[bytes]:
    """A path pattern, compiled; the leading slash is optional and case counts.

    Source: CloudFront Developer Guide, "Path pattern" of cache behavior settings.
    """
    return compile_wildcard(pattern if pattern.startswith(("/", "*")) else f"/{pattern}")


def compared_path(path: bytes) -> bytes:
    """`path` as path patterns see it."""
    return collapsed_slashes(normalized_path(path) or path)


def choose_behavior(distribution: Distribution, path: bytes) -> Behavior:
    """The first behavior whose pattern fits `path` (as the viewer sent it), else the default one.

    Dot segments and duplicate slashes are resolved for matching only; a path that climbs above
    the root is matched as it is.
    """
    if not distribution.behaviors:
        return distribution.default_behavior
    compared = compared_path(path)
    for behavior in distribution.behaviors:
        if behavior.compiled.fullmatch(compared):
            return behavior
    return distribution.default_behavior


def refuse_target(request: Request) -> DistributionRefusal | None:
    """400 for a target that names nothing here.

    What may stand there is RFC 9112 section 3.2: a path, a URL of HTTP with a host, `*` of OPTIONS;
    CONNECT's is refused with its method.
    Source: CloudFront Developer Guide, "HTTP 400 status code (Bad Request)".
    """
    target, method = request.target, request.method
    if target.path[:1] == b"/" and target.authority != b"":
        return None
    if method == "CONNECT" or (method == "OPTIONS" and target.path == b"*"):
        return None
    detail = f"the request target {to_text(target.path[:80])!r} is neither a path nor a URL of HTTP"
    return DistributionRefusal(BAD_REQUEST, "Bad request.", detail)


def refuse_size(request: Request) -> DistributionRefusal | None:
    """414 for a URL above 8,192 bytes, 494 for over 32,768 bytes of request line and headers."""
    url = request.target.size
    if url > MAX_URL:
        return DistributionRefusal(
            414, "", f"the URL has {url} bytes, at most {MAX_URL} are allowed"
        )
    size = url + len(request.method) + len(" HTTP/1.1\r\n ") + request.headers.size()
    if size > MAX_HEADERS:
        detail = f"request line and headers have {size} bytes, at most {MAX_HEADERS} are allowed"
        return DistributionRefusal(TOO_LARGE, "", detail)
    return None


def refuse_host(distribution: Distribution, request: Request) -> DistributionRefusal | None:
    """403 for a Host that is neither the distribution's nor this machine's.

    It is worked out once for headers that come again. An absolute target names a host as well.
    Source: CloudFront Developer Guide, "HTTP 403 status code (Permission Denied)".
    """
    hosts = distribution.hosts
    if hosts is None:
        return None
    refused = request.headers.derived(hosts, hosts.refused)
    if refused is None and request.target.authority is not None:
        refused = hosts.refused_name(request.target.authority)
    if refused is None:
        return None
    detail = (
        f"the Host {refused!r} is neither an alias nor the domain name {distribution.domain_name} "
        f"of {distribution.name}, and does not name this machine"
    )
    return DistributionRefusal(403, "Bad request.", detail, refused)


_UNSAFE_TEXT: Final = (
    "This distribution is not configured to allow the HTTP request method that was used for this "
    "request. The distribution supports only cachable requests."
)


def admit(behavior: Behavior, request: Request) -> DistributionRefusal | RedirectToHttps | None:
    """What the behavior refuses or redirects before any function runs; None admits.

    Source: CloudFront Developer Guide, "Viewer protocol policy", "Allowed HTTP methods", and
    "Request and response behavior for custom origins" (GET with a body).
    """
    if request.scheme == "http" and behavior.viewer_protocol_policy != "allow-all":
        if behavior.viewer_protocol_policy == "https-only":
            detail = (
                f"behavior {behavior.path_pattern} is https-only and the request came over http"
            )
            return DistributionRefusal(403, "Bad request.", detail)
        if request.method in GET_HEAD:
            return RedirectToHttps(301)
        if request.http_version >= "1.1" and request.method in ALL_METHODS:
            return RedirectToHttps(307)
        detail = f"{request.method} over HTTP/{request.http_version} cannot be redirected to https"
        return DistributionRefusal(403, "Bad request.", detail)
    if request.method not in behavior.allowed_methods:
        allowed = ", ".join(sorted(behavior.allowed_methods))
        detail = f"behavior {behavior.path_pattern} allows {allowed}, not {request.method}"
        return DistributionRefusal(403, _UNSAFE_TEXT, detail)
    if request.method in GET_HEAD and not request.body.is_empty:
        return DistributionRefusal(403, "Bad request.", f"a {request.method} must not carry a body")
    return None


def with_default_root_object(distribution: Distribution, request: Request) -> Request:
    """The default root object stands in for exactly `/`.

    Source: CloudFront Developer Guide, "Specify a default root object".
    """
    root = distribution.default_root_object
    if not root or request.target.path != b"/":
        return request
    return replace(request, target=RequestTarget(b"/" + root.encode(), request.target.query))
