"""Reason phrases of status codes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

_PHRASES: Final[dict[int, bytes]] = {
    **{status.value: status.phrase.encode() for status in HTTPStatus},
    # Renamed between versions of Python, after RFC 9110: the names that servers had before.
    413: b"Request Entity Too Large",
    414: b"Request-URI Too Long",
    416: b"Requested Range Not Satisfiable",
    422: b"Unprocessable Entity",
}


def reason_phrase(status: int) -> bytes:
    """The registered phrase of `status`, or none. Source: RFC 9110 section 15."""
    return _PHRASES.get(status, b"")
