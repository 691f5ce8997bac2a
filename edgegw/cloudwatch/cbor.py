"""CBOR, as far as AWS's RPC v2 protocol needs it: reading requests, writing answers.

An item begins with a byte: three bits of major type, five of additional information, which is the
argument itself, the size of the argument that follows (24 to 27: 1, 2, 4 or 8 bytes), or 31 for an
indefinite length that a break byte ends. Times are tag 1 with seconds since 1970.

Source: RFC 8949; Smithy RPC v2 CBOR protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Final, cast

from edgegw.values import value

_BREAK: Final = object()
_DEEPEST: Final = 64
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLES: Final = {20: False, 21: True, 22: None, 23: None}


class CborError(ValueError):
    """The bytes are no CBOR, or not of the kinds that are read here."""


@value
class EpochTime:
    """A time, to be written as a tagged number: seconds since 1970."""

    seconds: float


def decode_cbor(content: bytes) -> object:
    """The one item in `content`; times come as numbers. Raises CborError."""
    reader = _CborReader(content)
    try:
        item = reader.item(0)
    except (struct.error, UnicodeDecodeError, TypeError) as error:
        raise CborError(str(error)) from None
    if item is _BREAK or reader.at != len(content):
        raise CborError("there is more, or less, than one item")
    return item


class _CborReader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = 0

    def _take(self, size: int) -> bytes:
        taken = self._content[self.at : self.at + size]
        if len(taken) != size:
            raise CborError("the bytes end within an item")
        self.at += size
        return taken

    def item(self, depth: int) -> object:
        if depth > _DEEPEST:
            raise CborError("nested too deeply")
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == _SIMPLE:
            return self._simple(info)
        length = self._argument(info)
        if length is None and major in (_UNSIGNED, _NEGATIVE, _TAG):
            raise CborError("a number without end")
        return self._of(major, length, depth)

    def _argument(self, info: int) -> int | None:
        """The argument; None for an indefinite length."""
        if info < 24:
            return info
        if info <= 27:
            return int.from_bytes(self._take(1 << (info - 24)), "big")
        if info == 31:
            return None
        raise CborError("a reserved length")

    def _of(self, major: int, length: int | None, depth: int) -> object:
        match major:
            case 0:
                return length
            case 1:
                return -1 - cast("int", length)
            case 2:
                return self._string(length, depth)
            case 3:
                return self._string(length, depth).decode()
            case 4:
                return self._array(length, depth)
            case 5:
                return self._map(length, depth)
            case _:
                return self.item(depth + 1)  # what the tag says is the same for us

    def _string(self, length: int | None, depth: int) -> bytes:
        if length is not None:
            return self._take(length)
        chunks: list[bytes] = []
        while (chunk := self.item(depth + 1)) is not _BREAK:
            chunks.append(chunk.encode() if isinstance(chunk, str) else cast("bytes", chunk))
        return b"".join(chunks)

    def _array(self, length: int | None, depth: int) -> list[object]:
        if length is not None:
            self._check_room(length)
            return [self._inner(depth) for _ in range(length)]
        items: list[object] = []
        while (item := self.item(depth + 1)) is not _BREAK:
            items.append(item)
        return items

    def _map(self, length: int | None, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        if length is not None:
            self._check_room(length)
            for _ in range(length):
                key = self._inner(depth)
                members[str(key)] = self._inner(depth)
            return members
        while (key := self.item(depth + 1)) is not _BREAK:
            members[str(key)] = self._inner(depth)
        return members

    def _inner(self, depth: int) -> object:
        item = self.item(depth + 1)
        if item is _BREAK:
            raise CborError("a break where an item should be")
        return item

    def _check_room(self, length: int) -> None:
        if length > len(self._content) - self.at:
            raise CborError("the bytes end within an item")

    def _simple(self, info: int) -> object:
        if info in _SIMPLES:
            return _SIMPLES[info]
        if info == 31:
            return _BREAK
        if info in (25, 26, 27):
            kind = {25: ">e", 26: ">f", 27: ">d"}[info]
            (number,) = struct.unpack(kind, self._take(struct.calcsize(kind)))
            return number
        raise CborError("a simple value that is none of AWS's")


def encode_cbor(item: object) -> bytes:
    """`item`, made of None, booleans, numbers, texts, bytes, lists, mappings and EpochTime."""
    match item:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if item else b"\xf4"
        case int():
            return _head(_UNSIGNED, item) if item >= 0 else _head(_NEGATIVE, -1 - item)
        case float():
            return b"\xfb" + struct.pack(">d", item)
        case str():
            text = item.encode()
            return _head(_TEXT, len(text)) + text
        case bytes():
            return _head(_BYTES, len(item)) + item
        case EpochTime():
            return b"\xc1" + encode_cbor(float(item.seconds))
        case Mapping():
            members = cast("Mapping[str, object]", item)
            written = b"".join(encode_cbor(k) + encode_cbor(v) for k, v in members.items())
            return _head(_MAP, len(members)) + written
        case Sequence():
            items = cast("Sequence[object]", item)
            return _head(_ARRAY, len(items)) + b"".join(map(encode_cbor, items))
        case _:
            raise CborError(f"{type(item).__name__} cannot be written")


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise CborError("a number too large")
