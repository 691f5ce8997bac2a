"""What function URLs and HTTP APIs have in common as front doors: functions behind HTTP.

Both have a name of AWS's at which they are reached by TLS alone, both begin a flow of
`awslambda.http_events` with the same facts, and their pages for what is no request are that flow's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from edgegw.awslambda.http_events.model import FunctionUrl, HttpApi
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Request, Response
from edgegw.http.target import RequestTarget

if TYPE_CHECKING:
    from edgegw.awslambda.http_events.context import HttpFacts
    from edgegw.awslambda.http_events.pages import HttpFault
    from edgegw.config.model import Door

UNREAD = Request("-", RequestTarget(b"/"))
"""Stands for what could not be read as a request."""


class HttpFrontDoor(FrontDoor):
    """A front door whose every request goes to a function; rules are imported by the first."""

    is_waited_for: ClassVar[bool] = True

    @property
    @abstractmethod
    def configured(self) -> FunctionUrl | HttpApi:
        """What is configured, as it is now."""

    @property
    def address(self) -> tuple[str, int] | None:
        return self.configured.domain, 443

    @property
    def http_version(self) -> str:
        return "http2"

    def certificate_names(self) -> Sequence[str]:
        return (self.configured.domain,)

    @staticmethod
    def _aliases(door: Door) -> Sequence[str]:
        return ()

    def limits(self) -> Limits:
        from edgegw.awslambda.http_events.pages import LIMITS

        return LIMITS

    def _facts(self, request: Request, exchange: Exchange) -> HttpFacts:
        """What a flow cannot know by itself of a request."""
        from edgegw.awslambda.http_events.context import HttpFacts

        world = self.gateway.world
        usual = 443 if request.scheme == "https" else 80
        return HttpFacts(
            request_id=exchange.id,
            date=world.date(),
            now=world.now(),
            entropy=world.entropy(),
            port=usual if exchange.is_inner else self.real_port or usual,
            hosts=self.answered_hosts,
            is_exact=exchange.is_inner,
        )

    def _count(self, exchange: Exchange) -> None:
        self.gateway.figures.tallies.caller(exchange)

    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        from edgegw.awslambda.http_events.pages import TROUBLES

        return self._unread(exchange_id, TROUBLES[why], why)

    def _failure(self, exchange_id: str) -> Response:
        return self._unread(exchange_id, "Fault")

    def _unread(self, exchange_id: str, fault: HttpFault, detail: str = "") -> Response:
        """The page where there is no request, or none that a flow has taken."""
        from edgegw.awslambda.http_events.answers import refuse
        from edgegw.awslambda.http_events.context import HttpContext

        facts = self._facts(UNREAD, Exchange(exchange_id, self.name, self.kind, UNREAD))
        context = HttpContext(front=self.configured, request=UNREAD, facts=facts)
        return refuse(context, fault, detail).response
