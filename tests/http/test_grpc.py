"""What makes a request one of gRPC."""

from __future__ import annotations

import pytest

from edgegw.http.grpc import is_grpc
from edgegw.http.message import Headers


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"Application/GRPC; charset=utf-8", True),
        (b"application/grpc-web", False),
        (b"application/grpc-web+proto", False),
        (b"application/json", False),
        (None, False),
    ],
)
def test_is_grpc(content_type: bytes | None, expected: bool) -> None:
    lines = [] if content_type is None else [(b"Content-Type", content_type)]
    assert is_grpc(Headers(lines)) is expected
