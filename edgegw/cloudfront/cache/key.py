r"""The cache key: what two requests must have in common to get one answer.

One value of bytes to look up, and the same in parts for people. The bytes are

    marker  distribution NUL  variant  CloudFront's headers  path [? query]

Everything of variable length in front of the path carries its length, and the target stands last,
so no two different requests have the same bytes. The marker says what is stored:

    G  a whole answer, for GET and HEAD        O  for OPTIONS
    H  the head of one, for HEAD alone         R  one range of one, with the range behind it

The variant, which is what the key has of the viewer's headers, hangs on the headers: the wire hands
out the same ones for the same bytes, so a connection works it out once. The behavior is no part of
the key, as AWS names none: a function that writes another behavior's path shares its answers.

A query is never sorted: `a=1&b=2` and `b=2&a=1` are two. `Vary` has no say here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import field
from typing import Final

from edgegw.cloudfront.cache.entry import StoredPlace
from edgegw.cloudfront.cache.ranges import asks_plainly, single_range
from edgegw.cloudfront.kept_values import kept_cookies, kept_query, normalized_accept_encoding
from edgegw.cloudfront.model import CachePolicy, Selection
from edgegw.cloudfront.viewer_headers import viewer_header
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, ViewerPlace
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget, query_pairs
from edgegw.values import value


@value
class KeyParts:
    """A cache key part by part, for people. A header that is absent is there with None."""

    distribution: str
    method: str
    path: bytes
    query: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    cookies: tuple[tuple[bytes, bytes], ...]
    accept_encoding: bytes


@value
class KeyRecipe:
    """How a behavior makes keys; two are equal that are made of the same.

    `keeps_cookie` and `keeps_query` answer for a name; None keeps none, and `keeps_all_queries`
    takes the query string as it came. `made_of` is what makes it anew, where it was pickled.
    """

    made_of: tuple[Callable[..., KeyRecipe], tuple[Hashable, ...]]
    distribution: str
    path_pattern: str
    headers: tuple[bytes, ...] = field(compare=False)
    added_headers: tuple[str, ...] = field(compare=False)
    keeps_cookie: Callable[[str], bool] | None = field(compare=False)
    keeps_query: Callable[[str], bool] | None = field(compare=False)
    keeps_all_queries: bool
    gzip: bool
    brotli: bool
    _start: bytes
    _options: bytes
    _is_plain: bool

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.made_of

    @property
    def is_plain(self) -> bool:
        """Whether the key has nothing of the viewer's headers."""
        return self._is_plain

    def key(
        self,
        request: Request,
        error_target: RequestTarget | None = None,
        viewer: ViewerPlace = DEFAULT_PLACE,
    ) -> bytes:
        """The bytes to look up a whole answer by; the method is one that is cached.

        While a custom error page is fetched, `error_target` is what the viewer asked for. `viewer`
        is where it is.
        """
        start = self._options if request.method == "OPTIONS" else self._start
        if not self._is_plain:
            start += self._varying(request, error_target, viewer)
        path, query, _ = request.target
        if query is None:
            return start + path
        if not self.keeps_all_queries:
            query = self.kept_query(query)
            if query is None:
                return start + path
        return b"%b%b?%b" % (start, path, query)

    def parts(
        self,
        request: Request,
        error_target: RequestTarget | None = None,
        viewer: ViewerPlace = DEFAULT_PLACE,
    ) -> KeyParts:
        """What `key` is made of."""
        added = self._added(request, error_target, viewer)
        cookies = [
            pair.partition(b"=") for pair in self._cookies(request.headers).split(b"; ") if pair
        ]
        query = request.target.query
        return KeyParts(
            self.distribution,
            "OPTIONS" if request.method == "OPTIONS" else "GET",
            request.target.path,
            None if query is None else self.kept_query(query),
            (*[(name.decode(), _joined(request.headers, name)) for name in self.headers], *added),
            tuple((name, content) for name, _, content in cookies),
            b"" if request.http_version == "1.0" else self._encoding(request.headers),
        )

    def place(self, request: Request) -> StoredPlace:
        """Where an answer to `request` belongs, for invalidations."""
        path, query, _ = request.target
        if query is not None:
            query = self.kept_query(query)
        return StoredPlace(self.distribution, self.path_pattern, path, query)

    def kept_query(self, query: bytes) -> bytes | None:
        """What the key has of `query`; None for nothing."""
        if self.keeps_all_queries:
            return query
        return None if self.keeps_query is None else kept_query(self.keeps_query, query)

    def _varying(
        self, request: Request, error_target: RequestTarget | None, viewer: ViewerPlace
    ) -> bytes:
        if request.http_version == "1.0":  # has no part in compression
            varying = self._variant(request.headers, encoding=b"")
        else:
            varying = request.headers.derived(self, self._variant)
        if not self.added_headers:
            return varying
        return varying + b"".join(
            _sized(name.encode(), content)
            for name, content in self._added(request, error_target, viewer)
        )

    def _variant(self, headers: Headers, encoding: bytes | None = None) -> bytes:
        parts = [_sized(name, _joined(headers, name)) for name in self.headers]
        parts.append(_sized(b"c", self._cookies(headers)))
        parts.append(_sized(b"e", self._encoding(headers) if encoding is None else encoding))
        return b"".join(parts)

    def _cookies(self, headers: Headers) -> bytes:
        if self.keeps_cookie is None:
            return b""
        cookies = b"; ".join(headers.get_all(b"cookie"))
        return kept_cookies(self.keeps_cookie, cookies) if cookies else b""

    def _encoding(self, headers: Headers) -> bytes:
        """The normalised Accept-Encoding; empty where the viewer accepts none that is on.

        Source: CloudFront Developer Guide, "Cache compressed objects".
        """
        if not (self.gzip or self.brotli):
            return b""
        accepted = _joined(headers, b"accept-encoding") or b""
        normal = normalized_accept_encoding(accepted, gzip=self.gzip, brotli=self.brotli)
        return b"" if normal == b"identity" else normal

    def _added(
        self, request: Request, error_target: RequestTarget | None, viewer: ViewerPlace
    ) -> list[tuple[str, bytes | None]]:
        """CloudFront's own headers; what a viewer sends by these names does not count."""
        shown = [
            (name, viewer_header(name, request, error_target, viewer))
            for name in self.added_headers
        ]
        return [(name, None if text is None else text.encode()) for name, text in shown]


def compile_key(distribution_id: str, path_pattern: str, policy: CachePolicy) -> KeyRecipe:
    """The recipe of a behavior with `policy`.

    Source: CloudFront Developer Guide, "Understand the cache key", and "Understand cache policies",
    cache key settings.
    """
    names = sorted(
        {name.lower() for name in policy.headers.items} if _selects_any(policy.headers) else ()
    )
    own = tuple(name for name in names if name.startswith("cloudfront-"))
    viewer = tuple(name.encode() for name in names if name not in own)
    return recipe_of(
        (compile_key, (distribution_id, path_pattern, policy)),
        distribution_id,
        path_pattern,
        headers=viewer,
        added_headers=own,
        keeps_cookie=selection_test(policy.cookies),
        keeps_query=selection_test(policy.query_strings),
        keeps_all_queries=policy.query_strings.behavior == "all",
        gzip=policy.gzip,
        brotli=policy.brotli,
    )


def recipe_of(
    made_of: tuple[Callable[..., KeyRecipe], tuple[Hashable, ...]],
    distribution_id: str,
    path_pattern: str,
    *,
    headers: tuple[bytes, ...] = (),
    added_headers: tuple[str, ...] = (),
    keeps_cookie: Callable[[str], bool] | None = None,
    keeps_query: Callable[[str], bool] | None = None,
    keeps_all_queries: bool = False,
    gzip: bool = False,
    brotli: bool = False,
) -> KeyRecipe:
    """A recipe of its parts: lower-case names of headers, tests for names of the rest."""
    named = distribution_id.encode() + b"\0"
    return KeyRecipe(
        made_of,
        distribution_id,
        path_pattern,
        headers,
        added_headers,
        keeps_cookie,
        keeps_query,
        keeps_all_queries,
        gzip,
        brotli,
        b"G" + named,
        b"O" + named,
        not (headers or added_headers or keeps_cookie or gzip or brotli),
    )


def lookups(key: bytes, request: Request) -> tuple[bytes, ...]:
    """The keys to look under, in order; the first answer there counts.

    A whole answer serves everybody, the head of one a HEAD alone, a range who asks for just that.
    """
    if request.method == "HEAD":
        return key, head_key(key)
    if request.method != "GET" or asks_plainly(request.headers):
        return (key,)
    if (asked := request.headers.get(b"range")) is not None:
        only = single_range(asked)
        if only is not None:
            return key, part_key(key, only)
    return (key,)


def head_key(key: bytes) -> bytes:
    """Where the answer to a HEAD is kept, of the key of a whole one."""
    return b"H" + key[1:]


def part_key(key: bytes, only: bytes) -> bytes:
    """Where one range of an answer is kept; `only` is how it was asked for: `0-99`."""
    return b"R%d:%b%b" % (len(only), only, key[1:])


def selection_test(selection: Selection) -> Callable[[str], bool] | None:
    """Whether a name is selected; None where none ever is."""
    match selection.behavior:
        case "none":
            return None
        case "whitelist":
            return frozenset(selection.items).__contains__
        case "allExcept":
            blocked = frozenset(selection.items)
            return lambda name: name not in blocked
        case _:
            return lambda _name: True


def _selects_any(selection: Selection) -> bool:
    return selection.behavior == "whitelist"


def _joined(headers: Headers, name: bytes) -> bytes | None:
    lines = headers.get_all(name)
    return b", ".join(lines) if lines else None


_ABSENT: Final = b"-"


def _sized(name: bytes, content: bytes | None) -> bytes:
    """A part that ends where its length says; one that is absent differs from an empty one."""
    if content is None:
        return b"%b%b" % (name, _ABSENT)
    return b"%b=%d:%b" % (name, len(content), content)


def named_pairs(request: Request) -> dict[tuple[str, str], bytes]:
    """Everything of `request` that a key could have: by kind (`header` …) and name.

    What is there several times is one, joined as HTTP joins it.
    """
    content: dict[tuple[str, str], bytes] = {}

    def add(kind: str, name: bytes, text: bytes, joint: bytes) -> None:
        place = kind, name.decode("latin-1")
        content[place] = content[place] + joint + text if place in content else text

    for name, line in request.headers:
        if (lower := name.lower()) != b"cookie":
            add("header", lower, line, b", ")
    cookies = kept_cookies(lambda _name: True, b"; ".join(request.headers.get_all(b"cookie")))
    for pair in cookies.split(b"; ") if cookies else ():
        name, _, text = pair.partition(b"=")
        add("cookie", name, text, b"; ")
    for name, text in query_pairs(request.target.query or b""):
        add("query", name, text, b"&")
    return content
