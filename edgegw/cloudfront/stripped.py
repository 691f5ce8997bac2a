"""What CloudFront takes out of a viewer's request on its way to the origin, and why."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.dropped import dropped
from edgegw.cloudfront.forwarding import Forwarding, is_never_forwarded
from edgegw.http.message import Request
from edgegw.values import value

PartKind: TypeAlias = Literal["header", "cookie", "query"]


@value
class StrippedPart:
    """Something that the viewer sent and the origin does not get as it was, and why."""

    kind: PartKind
    name: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """As plain values, fit for JSON."""
        return {"kind": self.kind, "name": self.name, "why": self.why}


_WRITTEN_ANEW: Final = {
    b"host": "replaced by the origin's domain name",
    b"user-agent": "replaced by Amazon CloudFront",
    b"accept-encoding": "normalised, as the cache policy compresses",
}
"""Headers that CloudFront writes anew where no policy names them.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""


def stripped(forwarding: Forwarding, viewer: Request, sent: Request) -> list[StrippedPart]:
    """What `viewer` lost until it was `sent`, in its own order: headers, cookies, query strings."""
    lost = dropped(viewer, sent)
    parts = [StrippedPart("header", name, _header(forwarding, name)) for name in lost.headers]
    parts += [
        StrippedPart("header", name.decode().title(), why)
        for name, why in _WRITTEN_ANEW.items()
        if name in viewer.headers
        and name in sent.headers
        and viewer.headers.get(name) != sent.headers.get(name)
    ]
    parts += [StrippedPart("cookie", name, _cookie(forwarding, name)) for name in lost.cookies]
    why = _unnamed(forwarding)
    return parts + [StrippedPart("query", name, why) for name in lost.query_strings]


def _header(forwarding: Forwarding, name: str) -> str:
    lower = name.lower().encode("latin-1", "replace")
    if is_never_forwarded(lower):
        return "CloudFront never forwards it"
    if lower == b"authorization":
        return f"taken out of GET and HEAD, as {_unnamed(forwarding)}"
    if forwarding.keeps_header(lower):
        return "the origin's own custom header, or a rule for this header, takes its place"
    return _unnamed(forwarding)


def _cookie(forwarding: Forwarding, name: str) -> str:
    keeps = forwarding.keeps_cookie
    if keeps is not None and keeps(name):
        return "CloudFront forwards NAME=VALUE alone, and no name that begins with $"
    return _unnamed(forwarding)


def _unnamed(forwarding: Forwarding) -> str:
    policy, more = forwarding.cache_policy.name, forwarding.origin_request_policy
    if forwarding.forwarded_values is not None:
        return f"{policy} does not name it"
    if more is None:
        return f"{policy} does not name it, and there is no origin request policy"
    return f"neither {policy} nor {more.name} names it"
