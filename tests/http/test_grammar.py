"""The characters that HTTP lets through."""

from __future__ import annotations

import re

import pytest

from edgegw.http.grammar import (
    BREAKING,
    CONTROL,
    NOT_IN_TARGET,
    TEXT_NOT_IN_TARGET,
    TEXT_TOKEN,
    TEXT_VALUE_CONTROL,
    TOKEN,
    VALUE_CONTROL,
)

EVERY_BYTE = bytes(range(256))


def members(pattern: re.Pattern[bytes]) -> bytes:
    """The bytes that a pattern of one character finds."""
    return bytes(byte for byte in EVERY_BYTE if pattern.search(bytes([byte])))


def test_token_is_what_rfc_9110_lists() -> None:
    """RFC 9110 section 5.6.2."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert set(members(TOKEN)) == set(b"!#$%&'*+-.^_`|~0123456789" + letters)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param(BREAKING, b"\0\n\r", id="breaking"),
        pytest.param(CONTROL, bytes(range(32)) + b"\x7f", id="control"),
        pytest.param(
            VALUE_CONTROL, bytes(byte for byte in range(32) if byte != 9) + b"\x7f", id="value"
        ),
        pytest.param(NOT_IN_TARGET, bytes(range(33)) + b"\x7f", id="target"),
    ],
)
def test_what_must_not_be_there(pattern: re.Pattern[bytes], expected: bytes) -> None:
    """RFC 9110 section 5.5, RFC 9112 sections 2.2 and 3.2."""
    assert members(pattern) == expected


@pytest.mark.parametrize(
    ("text", "raw"),
    [(TEXT_TOKEN, TOKEN), (TEXT_VALUE_CONTROL, VALUE_CONTROL), (TEXT_NOT_IN_TARGET, NOT_IN_TARGET)],
)
def test_text_and_bytes_agree(text: re.Pattern[str], raw: re.Pattern[bytes]) -> None:
    assert all(
        bool(text.search(chr(byte))) == bool(raw.search(bytes([byte]))) for byte in EVERY_BYTE
    )
