"""Reason phrases of status codes."""

from __future__ import annotations

import pytest

from edgegw.http.status import reason_phrase


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (200, b"OK"),
        (404, b"Not Found"),
        (413, b"Request Entity Too Large"),  # whatever this Python calls it
        (414, b"Request-URI Too Long"),
        (416, b"Requested Range Not Satisfiable"),
        (422, b"Unprocessable Entity"),
        (464, b""),
        (494, b""),
        (999, b""),
    ],
)
def test_reason_phrase(status: int, phrase: bytes) -> None:
    assert reason_phrase(status) == phrase
