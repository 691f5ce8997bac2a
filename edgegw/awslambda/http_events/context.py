"""One request on its way to a function: what it came with, and what is known of it."""

from __future__ import annotations

from typing import Final

from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.awslambda.http_events.routes import RouteMatch
from edgegw.awslambda.http_events.signature import Signer
from edgegw.http.hosts import host_name, is_local_name
from edgegw.http.message import Request
from edgegw.values import value

_ROOT: Final = "Root="


@value(kw_only=True)
class HttpFacts:
    """What the flow cannot know by itself.

    `date` is the value of a Date header, `now` seconds since 1970, `entropy` 24 hex digits, `port`
    what X-Forwarded-Port shows. `hosts` are names that are answered to beside the front door's own
    and those of this machine, None where any is right; `is_exact` takes its own alone, as AWS does.
    """

    request_id: str
    date: bytes
    now: float
    entropy: str
    port: int = 443
    hosts: tuple[str, ...] | None = None
    is_exact: bool = False


@value(kw_only=True)
class HttpContext:
    """A request at a function URL or an HTTP API; `match` is its route, `signer` who signed it."""

    front: FunctionUrl | HttpApi
    request: Request
    facts: HttpFacts
    match: RouteMatch | None = None
    signer: Signer | None = None

    @property
    def trace_root(self) -> str:
        """`Root=1-…`: the root that came, else a new one.

        Source: Lambda Developer Guide, "Using AWS X-Ray"; that function URLs pass a root on is
        inferred.
        """
        given = (self.request.headers.get(b"x-amzn-trace-id") or b"").decode("latin-1")
        for part in given.split(";"):
            if part.strip().startswith(_ROOT):
                return part.strip()
        return f"{_ROOT}1-{int(self.facts.now):08x}-{self.facts.entropy}"

    @property
    def trace_id(self) -> str:
        """The trace header of the invocation: what came, else the new root alone."""
        given = self.request.headers.get(b"x-amzn-trace-id")
        return given.decode("latin-1") if given else self.trace_root

    @property
    def foreign_host(self) -> str | None:
        """The Host of the request where it is some other front door's, else None.

        Source: Lambda Developer Guide, "Control access to Lambda function URLs"; that a name of
        nobody gets a 403 is recorded.
        """
        host = host_name((self.request.headers.get(b"host") or b"").decode("latin-1"))
        if host == self.front.domain:
            return None
        if self.facts.is_exact:
            return host
        names = self.facts.hosts
        return None if names is None or host in names or is_local_name(host) else host
