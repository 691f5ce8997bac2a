"""Requests, responses, headers and bodies as values."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from edgegw.http.lenient_head import LenientHead
from edgegw.http.target import RequestTarget
from edgegw.values import value

Header: TypeAlias = tuple[bytes, bytes]

_T = TypeVar("_T")

_MOST_DERIVED: Final = 16
"""What one set of headers keeps of what was derived from it: a front door asks a handful."""


class Headers:
    """Header lines in order of arrival, repeats and spelling kept; names compare without case.

    Immutable: `without`, `replaced` and `added` answer new values. The wire hands out the same
    object for the same bytes, so what is derived from headers hangs on them and is worked out once.
    `base` are the headers that these were `added` to, `more` the number of lines added: what is
    derived from the longer ones can begin with what is known of the shorter.
    """

    __slots__ = ("_derived", "_size", "base", "more", "raw")

    raw: tuple[Header, ...]
    base: Headers | None
    more: int

    def __init__(self, raw: Iterable[Header] = ()) -> None:
        self.raw = tuple(raw)
        self.base: Headers | None = None
        self.more = 0
        self._size = -1
        self._derived: dict[int, tuple[object, Any]] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return Headers, (self.raw,)  # what was derived is not pickled

    def __iter__(self) -> Iterator[Header]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Headers({list(self.raw)!r})"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, bytes) and self.get(name) is not None

    def get(self, name: bytes) -> bytes | None:
        """The first value of `name` (given in lower case), or None."""
        for key, given in self.raw:
            if key.lower() == name:
                return given
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """All values of `name` (given in lower case), in order of arrival."""
        return [value for key, value in self.raw if key.lower() == name]

    def without(self, *names: bytes) -> Headers:
        """These headers less every line of `names` (given in lower case)."""
        return Headers(line for line in self.raw if line[0].lower() not in names)

    def replaced(self, name: bytes, value: bytes) -> Headers:
        """One line of `name` with `value`: in the place of the first old one, else at the end."""
        lower, lines, placed = name.lower(), list[Header](), False
        for line in self.raw:
            if line[0].lower() != lower:
                lines.append(line)
            elif not placed:
                lines.append((name, value))
                placed = True
        if not placed:
            lines.append((name, value))
        return Headers(lines)

    def added(self, *lines: Header) -> Headers:
        """These headers with `lines` behind them."""
        if not lines:
            return self
        longer = Headers(self.raw + lines)
        longer.base, longer.more = self, len(lines)
        return longer

    def share(self, lines: tuple[Header, ...]) -> None:
        """Takes equal `lines` that others have too, in the place of its own: that saves memory."""
        self.raw = lines

    def forget(self) -> None:
        """Lets go of what was derived; who asks again has it worked out again."""
        self._derived = None

    def size(self) -> int:
        """Bytes that the lines take on the wire in HTTP/1.1 (`name: value` CRLF)."""
        if self._size < 0:
            lengths = [len(name) + len(value) for name, value in self.raw]
            self._size = sum(lengths) + 4 * len(lengths)
        return self._size

    def derived(self, key: object, make: Callable[[Headers], _T]) -> _T:
        """What `make` answers for these headers; worked out once for each `key`.

        `key` counts by identity: the configuration object that decides, or the function itself
        where nothing else does. One key stands for one kind of answer.
        """
        known = self._derived
        if known is None:
            known = self._derived = {}
        entry = known.get(id(key))
        if entry is None:
            if len(known) >= _MOST_DERIVED:
                known.clear()
            entry = known[id(key)] = key, make(self)  # with the key, whose id lasts as it does
        return entry[1]


NO_HEADERS: Final = Headers()


class CutOffError(Exception):
    """A response body broke off in the middle: the viewer's is cut as well."""


@value
class Body:
    """A handle on a body: `content` when the bytes are at hand, else `chunks`, to be read once.

    `length` is the number of bytes where it is known before reading, else None. `release` gives
    back what an unread stream holds (a connection); reading to the end releases as well.
    `trailers` answers the lines that came behind the body, once it is read to its end. `chunks` of
    a response raise CutOffError where it has none.
    """

    content: bytes | None = None
    chunks: AsyncIterable[bytes] | None = None
    length: int | None = None
    release: Callable[[], object] | None = None
    trailers: Callable[[], Headers] | None = None

    @staticmethod
    def of(content: bytes) -> Body:
        return Body(content=content, length=len(content)) if content else EMPTY

    @staticmethod
    def streaming(chunks: AsyncIterable[bytes], length: int | None = None) -> Body:
        return Body(chunks=chunks, length=length)

    @property
    def is_empty(self) -> bool:
        return self.length == 0


EMPTY: Final = Body(content=b"", length=0)


class Client(NamedTuple):
    """The TCP peer of a front door: who sent the request.

    `connection` tells connections apart in logs. With TLS, `server_name` is the name the client
    asked for (SNI) and `certificates` its own chain in DER, leaf first.
    """

    address: str = "127.0.0.1"
    port: int = 0
    connection: str = ""
    server_name: str = ""
    certificates: tuple[bytes, ...] = ()


LOCAL: Final = Client()


class NegotiatedTls(NamedTuple):
    """How TLS was agreed on: protocol and cipher suite by OpenSSL's names, and in which handshake.

    `reused` is a request that is not the first one of its connection.
    """

    protocol: str
    cipher: str
    negotiation: Literal["full", "resumed", "reused"]


@value
class Request:
    """A request as it was received, or as it will be sent.

    `upgrade` is the protocol that the sender asks to switch to (`websocket`), else empty. `tls` is
    None without TLS.
    `lenient` is the head as it stood where a strict parser refused it and the front door did not.
    """

    method: str
    target: RequestTarget
    headers: Headers = NO_HEADERS
    body: Body = EMPTY
    scheme: str = "http"
    http_version: str = "1.1"
    client: Client = LOCAL
    upgrade: bytes = b""
    tls: NegotiatedTls | None = None
    lenient: LenientHead | None = None

    def sent(self, target: RequestTarget, headers: Headers) -> Request:
        """This request with another target and headers; `replace` costs more."""
        return Request(
            self.method,
            target,
            headers,
            self.body,
            self.scheme,
            self.http_version,
            self.client,
            self.upgrade,
            self.tls,
            self.lenient,
        )

    def sent_from(self, address: str) -> Request:
        """This request by a client with another address."""
        return Request(
            self.method,
            self.target,
            self.headers,
            self.body,
            self.scheme,
            self.http_version,
            self.client._replace(address=address),
            self.upgrade,
            self.tls,
            self.lenient,
        )


class Upgraded(NamedTuple):
    """The connection that goes on behind a 101; what it is only the I/O rooms know.

    It ends after `idle` seconds without bytes; with `only_origin` those of the viewer do not count.
    """

    connection: object
    idle: float = 60.0
    only_origin: bool = False


@value
class Response:
    """A response. `reason` is the HTTP/1.1 reason phrase; empty bytes send none.

    `exchange` is what the front door that made it keeps of the request, for whoever carries it.
    """

    status: int
    reason: bytes = b""
    headers: Headers = NO_HEADERS
    body: Body = EMPTY
    upgraded: Upgraded | None = None
    exchange: object = None


def has_body(method: str, status: int) -> bool:
    """Whether a response of `status` to a request of `method` has a body on the wire.

    RFC 9110 section 6.4.1, for final responses.
    """
    return status not in (204, 304) and method != "HEAD"


HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers that belong to one connection and are never passed on (RFC 9110 section 7.6.1)."""


def named_by_connection(headers: Headers) -> frozenset[bytes]:
    """Lower-case names that `Connection` declares to belong to this connection only."""
    return frozenset(
        token.strip().lower()
        for value in headers.get_all(b"connection")
        for token in value.split(b",")
        if token.strip()
    )
