"""MD5s of messages, against those that AWS has answered."""

from __future__ import annotations

import pytest

from edgegw.messaging.digests import md5_of_attributes, md5_of_body
from edgegw.messaging.message_attributes import chosen_attributes
from edgegw.messaging.queue import MessageAttribute

TEXTS = {
    "General": MessageAttribute("String", "Kenobi"),
    "Hello": MessageAttribute("String", "There"),
    "Help.Me": MessageAttribute("String", "Me"),
}


def test_a_body_is_hashed_in_utf_8() -> None:
    assert md5_of_body("msg") == "6e2baaf3b97dbeef01c0043275f9a0e7"


@pytest.mark.parametrize(
    ("names", "digest"),
    [
        (["All"], "4c360f3fdafd970e05fae2f149d997f5"),
        ([".*"], "4c360f3fdafd970e05fae2f149d997f5"),
        (["Hello", "General"], "fca026605781cb4126a1e9044df24232"),
        (["Hello", "Nothing"], "a311262e065454b75da111d535b8dacd"),
        (["Hel.*"], "83fee93c1bcd8b9a5a923ffacdc636c7"),
        (["Nothing"], None),
        ([], None),
    ],
)
def test_the_digest_is_that_of_the_attributes_asked_for(
    names: list[str], digest: str | None
) -> None:
    assert md5_of_attributes(chosen_attributes(TEXTS, names)) == digest


def test_bytes_are_hashed_as_they_are() -> None:
    raw = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    attributes = {"attr1": MessageAttribute("Binary", raw)}
    assert md5_of_attributes(attributes) == "8cbe4db156db8a94db8b801b7addb984"
