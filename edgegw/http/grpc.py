"""What makes a request one of gRPC."""

from __future__ import annotations

from typing import Final

from edgegw.http.message import Headers

MEDIA_TYPE: Final = b"application/grpc"


def is_grpc(headers: Headers) -> bool:
    """Whether the headers are those of a gRPC call: `application/grpc`, also with `+proto` or so.

    gRPC-Web (`application/grpc-web`) is none: browsers speak it over any version of HTTP.
    Source: "gRPC over HTTP2", section Requests.
    """
    value = headers.get(b"content-type")
    if value is None or value[: len(MEDIA_TYPE)].lower() != MEDIA_TYPE:
        return False
    return value[len(MEDIA_TYPE) :].lstrip()[:1] in (b"", b"+", b";")
