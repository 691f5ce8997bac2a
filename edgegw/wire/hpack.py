"""HPACK, the compression of header blocks (RFC 7541), for one connection each way.

Both sides keep a table of lines they have seen; a line in it, or in the static one, is a number.
A client sends most of its lines again with every request, and a front door most of its answer's:
what is all numbers is read and written at some 0.2 µs a line, faster than by a library in Rust
that has to carry every line over to Python, and ten times as fast as by the usual one in Python.

Written are whole strings, never by Huffman's code: it saves bytes, of which there are enough here.
What passes by (a path, a length) is put into the table only when it comes twice in a row: it would
push out what stays.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from edgegw.http.message import Header
from edgegw.wire.huffman import HuffmanError, decode_huffman

TABLE: Final = 4096
"""Bytes that either side may keep of what the other sent, as long as nobody says otherwise."""
LARGEST: Final = 256 * 1024
"""Bytes that a header block may take unpacked, 32 more for a line (RFC 9113, section 6.5.2)."""

_OVERHEAD: Final = 32
_BIGGEST_NUMBER: Final = 28
_SMALL: Final = LARGEST // (TABLE + _OVERHEAD)
"""Bytes of a block that stand for no more than the largest, whatever they are."""
_WORTH: Final = 512
_PASSING: Final = frozenset(
    {b":path", b"content-length", b"etag", b"last-modified", b"location", b"set-cookie"}
)

_STATIC: Final[tuple[Header, ...]] = (
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
)
"""RFC 7541, appendix A."""

_FIRST: Final = len(_STATIC) + 1
"""The number of the latest line in the table of what was seen."""

_LINES: Final[dict[Header, int]] = {line: at + 1 for at, line in reversed(list(enumerate(_STATIC)))}
_NAMES: Final[dict[bytes, int]] = {
    line[0]: at + 1 for at, line in reversed(list(enumerate(_STATIC)))
}


class HeaderBlockError(Exception):
    """A header block cannot be unpacked, and nothing behind it; or it `is_too_large`."""

    def __init__(self, text: str, *, is_too_large: bool = False) -> None:
        super().__init__(text)
        self.is_too_large = is_too_large


def size_of(lines: list[Header]) -> int:
    """Bytes that `lines` take unpacked."""
    return sum([len(name) + len(value) for name, value in lines]) + _OVERHEAD * len(lines)


class Unpacker:
    """Header blocks of a peer → their lines."""

    def __init__(self) -> None:
        self._seen: deque[Header] = deque()
        self._size = 0
        self._limit = TABLE

    def unpack(self, block: bytes) -> list[Header]:
        """The lines of a header block. Raises HeaderBlockError."""
        try:
            return self._lines(block)
        except IndexError:
            raise HeaderBlockError("it ends too early, or names a line that is not there") from None
        except HuffmanError as error:
            raise HeaderBlockError(str(error)) from None

    def _lines(self, block: bytes) -> list[Header]:
        lines: list[Header] = []
        seen = self._seen
        at, end = 0, len(block)
        while at < end:
            byte = block[at]
            if 0x80 < byte < 0xFF:
                at += 1
                byte &= 0x7F
                lines.append(_STATIC[byte - 1] if byte < _FIRST else seen[byte - _FIRST])
                continue
            if byte & 0x80:
                index, at = _number(block, at, 0x7F)
                line = self._line(index)
            elif byte & 0x60 == 0x20:
                if lines:
                    raise HeaderBlockError("the table changes behind a line")
                size, at = _number(block, at, 0x1F)
                self._resize(size)
                continue
            else:
                is_kept = byte & 0x40
                index, at = _number(block, at, 0x3F if is_kept else 0x0F)
                name, at = (self._line(index)[0], at) if index else _string(block, at)
                value, at = _string(block, at)
                line = (name, value)
                if is_kept:
                    self._keep(line)
            lines.append(line)
        if end > _SMALL and size_of(lines) > LARGEST:  # a few bytes may stand for many
            raise HeaderBlockError("it is too large", is_too_large=True)
        return lines

    def _line(self, index: int) -> Header:
        if index >= _FIRST:
            return self._seen[index - _FIRST]
        if not index:
            raise HeaderBlockError("there is no line 0")
        return _STATIC[index - 1]

    def _keep(self, line: Header) -> None:
        self._seen.appendleft(line)
        self._size += len(line[0]) + len(line[1]) + _OVERHEAD
        self._shrink()

    def _resize(self, size: int) -> None:
        if size > TABLE:
            raise HeaderBlockError("the table would become larger than it may")
        self._limit = size
        self._shrink()

    def _shrink(self) -> None:
        while self._size > self._limit:
            name, value = self._seen.pop()
            self._size -= len(name) + len(value) + _OVERHEAD


def _number(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """The number that begins in the low bits of a byte, and where it ends."""
    number = block[at] & mask
    at += 1
    if number < mask:
        return number, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        number += (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > _BIGGEST_NUMBER:
            raise HeaderBlockError("a number has no end")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """The string that begins at `at`, and where it ends."""
    is_coded = block[at] & 0x80
    size, at = _number(block, at, 0x7F)
    end = at + size
    if end > len(block):
        raise IndexError
    text = block[at:end]
    return (decode_huffman(text) if is_coded else text), end


class Packer:
    """Lines → header blocks for a peer."""

    def __init__(self) -> None:
        self._kept: deque[Header] = deque()
        self._numbers: dict[Header, int] = {}
        self._count = 0
        self._size = 0
        self._limit = TABLE
        self._changes: list[int] = []
        self._passing: dict[bytes, bytes] = {}

    def pack(self, lines: list[Header]) -> bytes:
        """A header block of `lines`, names in lower case."""
        out = bytearray()
        if self._changes:
            for size in self._changes:
                _put_number(out, size, 0x1F, 0x20)
            self._changes.clear()
        numbers = self._numbers
        for line in lines:
            index = _LINES.get(line)
            if index is None:
                number = numbers.get(line)
                if number is None:
                    self._put(out, line)
                    continue
                index = _FIRST + self._count - number
            if index < 0x7F:
                out.append(0x80 | index)
            else:
                _put_number(out, index, 0x7F, 0x80)
        return bytes(out)

    def _put(self, out: bytearray, line: Header) -> None:
        """A line that no table has."""
        name, value = line
        is_kept = len(name) + len(value) <= _WORTH
        if name in _PASSING and self._passing.get(name) != value:
            self._passing[name] = value
            is_kept = False
        index = _NAMES.get(name, 0)
        if is_kept:
            _put_number(out, index, 0x3F, 0x40)
            self._keep(line)
        else:
            _put_number(out, index, 0x0F, 0x00)
        if not index:
            _put_number(out, len(name), 0x7F, 0x00)
            out += name
        _put_number(out, len(value), 0x7F, 0x00)
        out += value

    def _keep(self, line: Header) -> None:
        self._count += 1
        self._numbers[line] = self._count
        self._kept.append(line)
        self._size += len(line[0]) + len(line[1]) + _OVERHEAD
        self._shrink()

    def resize(self, size: int) -> None:
        """The peer keeps so many bytes from here on."""
        size = min(size, TABLE)
        if size != self._limit:
            self._limit = size
            # The smallest one between two blocks is told, and the last (RFC 7541, section 4.2).
            self._changes = [min([size, *self._changes]), size]
            self._shrink()

    def _shrink(self) -> None:
        while self._size > self._limit:
            line = self._kept.popleft()
            del self._numbers[line]
            self._size -= len(line[0]) + len(line[1]) + _OVERHEAD


def _put_number(out: bytearray, number: int, mask: int, pattern: int) -> None:
    """`number` in the low bits of a byte of `pattern`, and as many more as it needs."""
    if number < mask:
        out.append(pattern | number)
        return
    out.append(pattern | mask)
    number -= mask
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
