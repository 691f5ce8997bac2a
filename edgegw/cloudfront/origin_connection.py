"""How CloudFront speaks to origins: where they are, time-outs, what is tried again.

Values and functions over them; `gateway/origins` sends what they describe.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from edgegw.cloudfront.model import Origin, S3Origin
from edgegw.http.message import Header

CONNECTION_HEADER: Final[Header] = (b"Connection", b"Keep-Alive")
"""What the Connection header of a viewer is replaced with.

Source: CloudFront Developer Guide, "HTTP request headers and CloudFront behavior (custom and
Amazon S3 origins)".
"""

_S3_CONNECT: Final = 10.0
_S3_READ: Final = 30.0
_S3_KEEP_ALIVE: Final = 5.0
_S3_ATTEMPTS: Final = 3


class OriginConnection(NamedTuple):
    """Scheme, host and port of an origin, and its times in seconds.

    It must take a connection within `connect`, say something every `read`, and keeps an idle
    connection for `keep_alive`. A request that timed out is sent `attempts` times at most.
    """

    address: tuple[str, str, int]
    connect: float
    read: float
    keep_alive: float
    attempts: int


def address_of(origin: Origin) -> tuple[str, str, int]:
    """Scheme, host and port; buckets are spoken to by HTTPS."""
    if isinstance(origin, S3Origin):
        return "https", origin.domain_name, 443
    return origin.protocol, origin.domain_name, origin.port


def connection_to(origin: Origin) -> OriginConnection:
    """How requests go to `origin`.

    Source: CloudFront Developer Guide, "Origin settings": connection timeout and attempts, response
    timeout, keep-alive timeout; S3 origins have the defaults.
    """
    address = address_of(origin)
    if isinstance(origin, S3Origin):
        read = origin.read_timeout or _S3_READ
        return OriginConnection(address, _S3_CONNECT, read, _S3_KEEP_ALIVE, _S3_ATTEMPTS)
    return OriginConnection(
        address,
        origin.connection_timeout,
        origin.read_timeout,
        origin.keepalive_timeout,
        origin.connection_attempts,
    )


def may_try_again(
    connection: OriginConnection, method: str, *, sent: int, was_connected: bool, can_repeat: bool
) -> bool:
    """Whether a request that timed out is sent again after `sent` times.

    A connection that was not made always is tried again; a response that did not come only for GET
    and HEAD, and where the body can be sent again.
    Source: CloudFront Developer Guide, "Origin settings" (connection attempts, response timeout).
    """
    repeats = not was_connected or (method in ("GET", "HEAD") and can_repeat)
    return sent < connection.attempts and repeats
