"""Function URLs as front doors."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from edgegw.awslambda.http_events.model import FunctionUrl
from edgegw.gateway.drive import Driver, Step
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Request, Response
from edgegw.http.target import RequestTarget

if TYPE_CHECKING:
    from edgegw.awslambda.http_events.context import HttpContext, HttpFacts
    from edgegw.awslambda.http_events.signature import Credentials
    from edgegw.config.model import Door, FunctionUrlDoor

UNREAD = Request("-", RequestTarget(b"/"))
"""Stands for what could not be read as a request."""


class FunctionUrlFront(FrontDoor):
    """The URL of a function or an alias; its name is the function's."""

    kind: ClassVar[str] = "function-url"
    is_waited_for: ClassVar[bool] = True

    @property
    def _url(self) -> FunctionUrl:
        return cast("FunctionUrlDoor", self.present).url

    @property
    def address(self) -> tuple[str, int] | None:
        return self._url.domain, 443

    @property
    def http_version(self) -> str:
        return "http2"

    def certificate_names(self) -> Sequence[str]:
        return (self._url.domain,)

    @staticmethod
    def _aliases(door: Door) -> Sequence[str]:
        return ()

    @staticmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        url = cast("FunctionUrlDoor", door).url
        marks = [mark for mark in (url.auth_type, url.invoke_mode) if mark not in _USUAL]
        return [("*", " ".join([f"function {url.function}", *marks]))]

    def limits(self) -> Limits:
        from edgegw.awslambda.http_events.pages import LIMITS

        return LIMITS

    def _new_id(self) -> str:
        """A UUID, which the invocation has as well."""
        return str(uuid.UUID(bytes=self.gateway.world.token(16), version=4))

    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        from edgegw.awslambda.http_events.answers import refuse
        from edgegw.awslambda.http_events.context import HttpContext
        from edgegw.awslambda.http_events.flow import start_url

        config = self.gateway.config
        facts = http_facts(self, request, exchange)
        url = cast("FunctionUrlDoor", door).url
        if exchange.is_inner and self.key not in self.gateway.doors:
            return refuse(
                HttpContext(front=url, request=request, facts=facts),
                "Forbidden",
                "the function URL was deleted",
            )
        keys = signing_keys(with_own=config.pass_credentials) if url.auth_type != "NONE" else ()
        return start_url(url, request, facts, keys)

    def _count(self, exchange: Exchange) -> None:
        self.gateway.figures.tallies.caller(exchange)

    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        return refused(self._unread(exchange_id), why)

    def _failure(self, exchange_id: str) -> Response:
        return refused(self._unread(exchange_id), None)

    def _unread(self, exchange_id: str) -> HttpContext:
        from edgegw.awslambda.http_events.context import HttpContext

        facts = http_facts(self, UNREAD, Exchange(exchange_id, self.name, self.kind, UNREAD))
        return HttpContext(front=self._url, request=UNREAD, facts=facts)


_USUAL = ("NONE", "BUFFERED")


def http_facts(front: FrontDoor, request: Request, exchange: Exchange) -> HttpFacts:
    """What a flow cannot know by itself, of a request at `front`."""
    from edgegw.awslambda.http_events.context import HttpFacts

    world = front.gateway.world
    usual = 443 if request.scheme == "https" else 80
    return HttpFacts(
        request_id=exchange.id,
        date=world.date(),
        now=world.now(),
        entropy=world.entropy(),
        port=usual if exchange.is_inner else front.real_port or usual,
        hosts=front.answered_hosts,
        is_exact=exchange.is_inner,
    )


def refused(context: HttpContext, why: Trouble | None) -> Response:
    """The page for what cannot be read as a request; without `why` for a fault of our own."""
    from edgegw.awslambda.http_events.answers import refuse
    from edgegw.awslambda.http_events.pages import TROUBLES

    return refuse(context, "Fault" if why is None else TROUBLES[why], why or "").response


def signing_keys(*, with_own: bool) -> tuple[Credentials, ...]:
    """What signed requests may be signed with: the made-up credentials that functions get.

    With `with_own` also those of this process, which functions get in their place.
    """
    from edgegw.awslambda.http_events.signature import Credentials
    from edgegw.execution.environment_maker import CREDENTIALS

    sources: list[Mapping[str, str]] = [CREDENTIALS, *([os.environ] if with_own else [])]
    return tuple(
        Credentials(
            source["AWS_ACCESS_KEY_ID"],
            source.get("AWS_SECRET_ACCESS_KEY", ""),
            source.get("AWS_SESSION_TOKEN", ""),
        )
        for source in sources
        if source.get("AWS_ACCESS_KEY_ID")
    )
