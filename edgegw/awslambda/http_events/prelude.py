"""The prelude of a streamed answer: JSON with status, headers and cookies, eight NULs, the body.

A runtime says by its content type that there is one. It may come in any number of pieces, and the
body behind it begins in the middle of one.

Source: Lambda Developer Guide, "Response streaming for Lambda functions", custom metadata.
"""

from __future__ import annotations

from typing import Final

PRELUDE_TYPE: Final = "application/vnd.awslambda.http-integration-response"
"""The content type of a stream that begins with a prelude.

Source: Lambda Developer Guide, "Response streaming for Lambda functions", custom metadata.
"""
MARK: Final = b"\0" * 8
MAX_PRELUDE: Final = 16 * 1024
"""Bytes in which the mark has to come. It is API Gateway's limit; that function URLs have the same
is uncertain.

Source: API Gateway Developer Guide, "Stream the integration response".
"""


class PreludeReader:
    """Takes a stream piece by piece until the prelude is there."""

    def __init__(self) -> None:
        self._taken = b""

    def feed(self, piece: bytes) -> tuple[bytes, bytes] | None:
        """Prelude and beginning of the body, once the mark came. Raises ValueError without one."""
        self._taken += piece
        prelude, mark, rest = self._taken.partition(MARK)
        if mark:
            return prelude, rest
        if len(self._taken) > MAX_PRELUDE + len(MARK):
            raise ValueError(f"there is no end of the metadata within {MAX_PRELUDE} bytes")
        return None
