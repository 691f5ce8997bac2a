"""HTTP/2 to targets, as a transport."""

from __future__ import annotations

from edgegw.alb.target_connection import UNVERIFIED_TARGETS
from edgegw.gateway.origins.http2_client import Http2Client
from edgegw.gateway.origins.http2_target import Http2Error
from edgegw.gateway.origins.transport import Outgoing, SendError
from edgegw.http.message import Response


class Http2Transport:
    """Sends through one `Http2Client`."""

    def __init__(self) -> None:
        self._client = Http2Client(unverified=UNVERIFIED_TARGETS)

    async def send(self, outgoing: Outgoing) -> Response:
        """The response, as soon as its head is there. Raises SendError."""
        at, request, times, _ = outgoing
        try:
            return await self._client.send(at, request, connect=times.connect, idle=times.read)
        except Http2Error as error:
            raise SendError("timeout" if error.timed_out else "closed", str(error)) from error

    async def close(self) -> None:
        await self._client.close()
