"""Requests, answers and entries for the tests of the cache."""

from __future__ import annotations

from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.key import KeyRecipe, compile_key
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.storable import NotStored, storing
from edgegw.cloudfront.model import CachePolicy
from edgegw.http.message import Body, Headers, Request, Response
from edgegw.http.target import RequestTarget

NOW = 1_000_000_000.0  # Sun, 09 Sep 2001 01:46:40 GMT
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
RECIPE: KeyRecipe = compile_key("E1", "*", CachePolicy("none", "none"))

USUAL = CacheSettings(min_ttl=0, default_ttl=100, max_ttl=1000)
RAISED = CacheSettings(min_ttl=10, default_ttl=100, max_ttl=1000)
OFF = CacheSettings(min_ttl=0, default_ttl=0, max_ttl=0)


def lines(**headers: str) -> Headers:
    """`cache_control="max-age=1"` becomes the line Cache-Control."""
    return Headers(
        (name.replace("_", "-").title().encode(), text.encode("latin-1"))
        for name, text in headers.items()
    )


def asked(target: str = "/a", method: str = "GET", **headers: str) -> Request:
    return Request(method, RequestTarget.parse(target.encode()), lines(**headers))


def answered(status: int = 200, body: bytes = b"0123456789", **headers: str) -> Response:
    """An answer with a Date at its end, as origins send it."""
    return Response(status, b"", lines(**headers).added((b"Date", DATE.encode())), Body.of(body))


def kept(
    request: Request,
    response: Response,
    settings: CacheSettings = USUAL,
    now: float = NOW,
    recipe: KeyRecipe = RECIPE,
    *,
    is_s3: bool = False,
) -> StoredResponse | NotStored:
    """What is stored of an answer."""
    key, place = recipe.key(request), recipe.place(request)
    return storing(request, key, place, response, settings, now, is_s3=is_s3)


def entry(
    response: Response | None = None,
    request: Request | None = None,
    settings: CacheSettings = USUAL,
    now: float = NOW,
    recipe: KeyRecipe = RECIPE,
) -> StoredResponse:
    """An entry, which the answer has to make."""
    stored = kept(request or asked(), response or answered(), settings, now, recipe)
    assert isinstance(stored, StoredResponse), stored
    return stored
