"""One health check of a target: a request on a connection of its own."""

from __future__ import annotations

import asyncio

from edgegw.alb.model import IpTargetGroup, Target
from edgegw.alb.target_connection import probe_address, probe_answer, probe_request
from edgegw.alb.targets import ProbeAnswer
from edgegw.gateway.origins.transport import Outgoing, SendError, Timeouts, Transport
from edgegw.http.message import CutOffError, Response

_TOO_LATE = ProbeAnswer(failure="no answer in time", timed_out=True)


async def probe(transport: Transport, group: IpTargetGroup, target: Target) -> ProbeAnswer:
    """What `target` answers to a health check; redirects are not followed."""
    timeout, version = group.health_check.timeout, group.protocol_version
    outgoing = Outgoing(
        probe_address(group, target),
        probe_request(group, target),
        Timeouts(timeout, timeout, timeout),
    )
    try:
        async with asyncio.timeout(timeout):
            response = await transport.send(outgoing)
            if version != "HTTP1":
                await _read(response)
    except TimeoutError:
        return _TOO_LATE
    except SendError as error:
        return _TOO_LATE if error.kind == "timeout" else ProbeAnswer(failure=str(error))
    except CutOffError as error:
        return ProbeAnswer(failure=str(error))
    if response.body.release is not None:
        response.body.release()
    return probe_answer(version, response)


async def _read(response: Response) -> None:
    """To the end, behind which trailers are."""
    if response.body.chunks is not None:
        async for _ in response.body.chunks:
            pass
