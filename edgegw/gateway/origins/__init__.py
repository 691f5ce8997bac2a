"""The ways out of the gateway: to origins of distributions and to targets of load balancers.

`ways_out` chooses; `origin` is the seam for the kinds of origin, `transport` the one for what
carries a request there.
"""

from edgegw.gateway.origins.origin import Enter, InnerWays
from edgegw.gateway.origins.transport import MakeTransport, Transport
from edgegw.gateway.origins.ways_out import OriginRouter, httpx_transport

__all__ = ["Enter", "InnerWays", "MakeTransport", "OriginRouter", "Transport", "httpx_transport"]
