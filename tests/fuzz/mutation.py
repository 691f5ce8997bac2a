"""Changes to bytes and texts that keep most of them as they were."""

from __future__ import annotations

import random
from typing import Final

BYTES: Final = [
    b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"-1", b"\x0b", b"\x7f",
    b"\x80", b"\xff", b"\r\n\r\n", b"\n\n", b"A" * 300, b"chunked", b"HTTP/1.1", b"Content-Length",
]  # fmt: skip
"""What is put in: what parsers look at."""


def mutated(data: bytes, dice: random.Random) -> bytes:
    """`data` with one to three changes at places of chance."""
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        data = _changed(data, dice)
    return data


def _changed(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    end = min(len(data), at + dice.choice([1, 1, 1, 2, 4, 16]))
    match dice.randrange(6):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + data[at:end] * 2 + data[end:]
        case 2:
            return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
        case 3:
            other = dice.randrange(len(data) + 1)
            return data[:at] + data[other : other + end - at] + data[end:]
        case _:
            return data[:at] + dice.choice(BYTES) + data[at:]


def cut(data: bytes, dice: random.Random, most: int = 3) -> list[bytes]:
    """`data` in up to `most + 1` pieces."""
    places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(most + 1)))
    pieces = [
        data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)
    ]
    return [piece for piece in pieces if piece]


def text_of(data: bytes) -> str:
    """Bytes as JSON can hold them."""
    return data.decode("latin-1")


def bytes_of(text: str) -> bytes:
    """What `text_of` was given."""
    return text.encode("latin-1")
