"""What a developer should know of a behavior, though CloudFront says nothing: what it drops."""

from __future__ import annotations

from edgegw.cloudfront.dropped import dropped
from edgegw.cloudfront.model import Behavior, Selection
from edgegw.cloudfront.signed_request import without_signature
from edgegw.http.message import Request

_MOST_NAMED = 5


def is_plain_disabled(behavior: Behavior) -> bool:
    """Whether it has no cache and no origin request policy, so that little reaches the origin.

    Many take CachingDisabled for "pass all on".
    Source: CloudFront Developer Guide, "Use managed cache policies", CachingDisabled.
    """
    policy = behavior.forwarding.cache_policy
    nothing = Selection()
    return (
        behavior.forwarding.forwarded_values is None
        and policy.max_ttl == 0
        and behavior.forwarding.origin_request_policy is None
        and policy.cookies == policy.query_strings == nothing
    )


def lost_without_policy(behavior: Behavior, request: Request) -> str | None:
    """What a plainly disabled cache keeps from the origin of `request`, with the way out."""
    if request.target.query is None and request.headers.get(b"cookie") is None:
        return None
    if behavior.trusted_keys is not None:
        request = without_signature(request)  # whatever a policy says, that goes no further
    lost = dropped(
        request,
        request.sent(request.target._replace(query=None), request.headers.without(b"cookie")),
    )
    names = [*_named("cookies", lost.cookies), *_named("query strings", lost.query_strings)]
    if not names:
        return None
    return (
        f"behavior {behavior.path_pattern} keeps {' and '.join(names)} from the origin: "
        f"{behavior.forwarding.cache_policy.name} alone forwards none; "
        "origin_request_policy: AllViewer, or AllViewerExceptHostHeader, forwards them"
    )


def _named(kind: str, names: tuple[str, ...]) -> list[str]:
    more = " …" if len(names) > _MOST_NAMED else ""
    return [f"{kind} ({', '.join(names[:_MOST_NAMED])}{more})"] if names else []


def lost_handshake(behavior: Behavior, request: Request) -> str | None:
    """Why the handshake of a WebSocket comes to the origin as an ordinary request.

    Source: CloudFront Developer Guide, "Use WebSockets with CloudFront distributions".
    """
    if not request.upgrade or behavior.forwarding.keeps_header(b"sec-websocket-key"):
        return None
    return (
        f"a WebSocket's handshake comes to the origin as an ordinary request: the policies of "
        f"behavior {behavior.path_pattern} keep Sec-WebSocket-Key from it; "
        "origin_request_policy: AllViewer, or AllViewerExceptHostHeader, forwards it"
    )
