"""What of a viewer's request its policies keep from the origin."""

from __future__ import annotations

from edgegw.http.message import Request
from edgegw.http.target import query_pairs, to_text
from edgegw.values import value


@value
class Dropped:
    """Names that the viewer sent and the origin does not see, in the viewer's order."""

    headers: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    query_strings: tuple[str, ...] = ()


def dropped(viewer: Request, sent: Request) -> Dropped:
    """What `viewer` has that `sent`, the request for the origin, has not."""
    there = {name.lower() for name, _ in sent.headers}
    headers = [to_text(name) for name, _ in viewer.headers if name.lower() not in there]
    cookies, kept = _cookie_names(viewer), set(_cookie_names(sent))
    names, left = _query_names(viewer), set(_query_names(sent))
    return Dropped(
        tuple(name for name in dict.fromkeys(headers) if name.lower() != "cookie"),
        tuple(name for name in cookies if name not in kept),
        tuple(name for name in names if name not in left),
    )


def _cookie_names(request: Request) -> list[str]:
    pairs = b";".join(request.headers.get_all(b"cookie")).split(b";")
    names = [to_text(pair.partition(b"=")[0].strip()) for pair in pairs]
    return list(dict.fromkeys(filter(None, names)))


def _query_names(request: Request) -> list[str]:
    names = [to_text(name) for name, _ in query_pairs(request.target.query or b"")]
    return list(dict.fromkeys(filter(None, names)))
