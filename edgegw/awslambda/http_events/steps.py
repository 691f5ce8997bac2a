"""The steps of a request through a function URL or an HTTP API; `flow` decides what follows.

    start ─▶ ReadHttpBody ─▶ InvokeHttp ─▶ HttpAnswer     a function runs
          ─▶ HttpAnswer                                   a preflight, no route, no signature

Each step names what is needed; `next(reply)` answers the step that follows. A function that streams
answers InvokeHttp with a StreamedReply: its head is there, its body comes while the client gets it.

The interpreter of steps knows these, whatever a gateway serves; the rules behind them are imported
by the first request that comes this way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from edgegw.awslambda.model import (
    FunctionError,
    Invocation,
    InvokeRefusal,
    Outcome,
    Returned,
    Throttled,
)
from edgegw.http.message import Body, Request, Response
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.awslambda.http_events.context import HttpContext
    from edgegw.awslambda.http_events.pages import HttpFault
    from edgegw.awslambda.http_events.signature import Credentials


@value
class HttpRefusal:
    """Why the front door answers itself; `detail` is a sentence for the developer."""

    fault: HttpFault
    detail: str


@value
class HttpAnswer:
    """The answer stands; `warning` is what worked and is hardly meant."""

    response: Response
    context: HttpContext
    refusal: HttpRefusal | None = None
    is_preflight: bool = False
    warning: str | None = None

    @property
    def verdict(self) -> str:
        """What became of the request in one word, for the exchange record."""
        if self.refusal is not None:
            return self.refusal.fault
        return "preflight" if self.is_preflight else "forwarded"


@value
class StreamedReply:
    """A function that streams has begun; `prelude` is None where its content type promises none.

    `outcome` answers what became of the invocation, None while it runs.
    """

    content_type: str
    prelude: bytes | None
    body: Body
    outcome: Callable[[], Outcome | None]


@value
class BrokenStream:
    """A function streamed something that cannot be answered with."""

    detail: str


@value
class IntegrationTimeout:
    """The function did not answer as soon as its HTTP API asks for."""


HttpReply: TypeAlias = (
    Returned
    | FunctionError
    | Throttled
    | InvokeRefusal
    | StreamedReply
    | BrokenStream
    | IntegrationTimeout
)


@value
class ReadHttpBody:
    """The request's body is needed whole, up to `limit` bytes; `keys` may have signed it."""

    request: Request
    context: HttpContext
    limit: int
    keys: Sequence[Credentials] = ()

    def next(self, content: bytes, *, truncated: bool) -> InvokeHttp | HttpAnswer:
        from edgegw.awslambda.http_events.flow import after_body

        return after_body(self, content, truncated=truncated)


@value
class InvokeHttp:
    """The function runs; with `is_streamed` its answer goes on while it still does.

    `timeout` are the seconds that it has at most, beside its own time-out.
    """

    invocation: Invocation
    context: HttpContext
    is_streamed: bool = False
    timeout: float | None = None

    def next(self, reply: HttpReply) -> HttpAnswer:
        from edgegw.awslambda.http_events.flow import after_reply

        return after_reply(self, reply)


HttpStep: TypeAlias = ReadHttpBody | InvokeHttp | HttpAnswer
