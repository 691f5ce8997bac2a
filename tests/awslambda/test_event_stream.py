"""The frames of InvokeWithResponseStream, byte for byte."""

from __future__ import annotations

import struct
import zlib

from edgegw.awslambda.event_stream import invoke_complete, message, payload_chunk


def test_a_message_has_its_lengths_its_checksums_and_typed_headers() -> None:
    """Lengths, their CRC, headers (7 is the type of strings), payload, the CRC of all before."""
    header = b"\x01a" + b"\x07" + b"\x00\x02bc"
    prelude = struct.pack(">II", 16 + len(header) + 4, len(header))
    content = prelude + struct.pack(">I", zlib.crc32(prelude)) + header + b"data"
    assert message({"a": "bc"}, b"data") == content + struct.pack(">I", zlib.crc32(content))


def test_kinds_of_events() -> None:
    """Lambda API Reference, "InvokeWithResponseStream": PayloadChunk and InvokeComplete."""
    chunk, end = payload_chunk(b"x"), invoke_complete("Code", "Details", "Tail")
    assert b"\x0b:event-type\x07\x00\x0cPayloadChunk" in chunk
    assert b"\x0d:content-type\x07\x00\x18application/octet-stream" in chunk
    assert b"\x0b:event-type\x07\x00\x0eInvokeComplete" in end
    assert b'{"ErrorCode":"Code","ErrorDetails":"Details","LogResult":"Tail"}' in end
    assert b"{}" in invoke_complete()
