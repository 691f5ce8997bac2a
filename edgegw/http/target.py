"""Request targets: raw path and query as received, and AWS's ways of (not) decoding them."""

from __future__ import annotations

from typing import NamedTuple


class RequestTarget(NamedTuple):
    """The target of a request line, never decoded.

    `query` is what stands behind the first `?`, without it; None where there is no `?`, so `/x`
    and `/x?` stay different. `authority` is the host of an absolute-form target, without user
    information, else None.
    """

    path: bytes
    query: bytes | None = None
    authority: bytes | None = None

    @staticmethod
    def parse(raw: bytes) -> RequestTarget:
        """Splits origin-form (`/a?b`), absolute-form (`http://h/a?b`) and `*`."""
        if raw[:1] == b"/":
            path, mark, query = raw.partition(b"?")
            return RequestTarget(path, query if mark else None)
        scheme, mark, rest = raw.partition(b"://")
        if not mark or scheme.lower() not in (b"http", b"https"):
            path, mark, query = raw.partition(b"?")
            return RequestTarget(path, query if mark else None)
        end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
        path, mark, query = rest[end:].partition(b"?")
        host = rest[:end].rpartition(b"@")[2]
        return RequestTarget(path or b"/", query if mark else None, host)

    @property
    def raw(self) -> bytes:
        """Path and query as they stand on an origin-form request line."""
        return self.path if self.query is None else self.path + b"?" + self.query

    @property
    def size(self) -> int:
        """Bytes of `raw`."""
        return len(self.path) if self.query is None else len(self.path) + 1 + len(self.query)


def to_text(raw: bytes) -> str:
    """Bytes as AWS shows them in events: valid UTF-8 as it is, anything else as ISO-8859-1.

    Source: Lambda@Edge restrictions, "Encoding of URI and query string".
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def normalized_path(path: bytes) -> bytes | None:
    """`path` less its dot segments (RFC 3986 section 5.2.4), for matching only.

    None when it climbs above the root. Duplicate slashes and percent-encoding are left alone.
    """
    if b"/." not in path:
        return path
    kept: list[bytes] = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            if not kept:
                return None
            kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/" + b"/".join(kept)


def collapsed_slashes(path: bytes) -> bytes:
    """`path` with every run of slashes as one."""
    while b"//" in path:
        path = path.replace(b"//", b"/")
    return path


def query_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Key and value of each piece between `&`, undecoded, in order; empty pieces are dropped.

    A piece splits at its first `=`; without one the value is empty.
    """
    pairs: list[tuple[bytes, bytes]] = []
    for piece in query.split(b"&"):
        if piece:
            key, _, value = piece.partition(b"=")
            pairs.append((key, value))
    return pairs


def quoted(raw: bytes) -> str:
    """`raw` in quotes for a message on one line: control characters as escapes, no Python."""
    return repr(to_text(raw))
