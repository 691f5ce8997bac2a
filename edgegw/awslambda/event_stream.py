"""`application/vnd.amazon.eventstream`: the frames of InvokeWithResponseStream.

All numbers are big-endian.
Source: Lambda API Reference, "InvokeWithResponseStream"; the encoding as the SDKs parse it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

from edgegw.awslambda.payload import encode_payload

_STRING = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: prelude with its checksum, headers, payload, checksum of everything."""
    encoded = b"".join(
        bytes([len(name)]) + name.encode() + bytes([_STRING]) + _counted(value)
        for name, value in headers.items()
    )
    total = 16 + len(encoded) + len(payload)
    prelude = struct.pack(">II", total, len(encoded))
    content = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return content + struct.pack(">I", zlib.crc32(content))


def _counted(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def payload_chunk(data: bytes) -> bytes:
    """The next bytes of the function's response."""
    return message(
        {
            ":message-type": "event",
            ":event-type": "PayloadChunk",
            ":content-type": "application/octet-stream",
        },
        data,
    )


def invoke_complete(error_code: str = "", error_details: str = "", log_result: str = "") -> bytes:
    """The end of the stream; what does not apply is left out."""
    found = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    return message(
        {
            ":message-type": "event",
            ":event-type": "InvokeComplete",
            ":content-type": "application/json",
        },
        encode_payload({name: value for name, value in found.items() if value}),
    )
