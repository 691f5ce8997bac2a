"""Function URLs as front doors."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final, cast

from edgegw.awslambda.http_events.model import FunctionUrl
from edgegw.gateway.drive import Driver, Step
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.http_front import HttpFrontDoor
from edgegw.http.message import Request

if TYPE_CHECKING:
    from edgegw.awslambda.http_events.signature import Credentials
    from edgegw.config.model import Door, FunctionUrlDoor

_USUAL: Final = ("NONE", "BUFFERED")


class FunctionUrlFront(HttpFrontDoor):
    """The URL of a function or an alias; its name is the function's."""

    kind: ClassVar[str] = "function-url"

    @property
    def configured(self) -> FunctionUrl:
        return cast("FunctionUrlDoor", self.present).url

    @staticmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        url = cast("FunctionUrlDoor", door).url
        marks = [mark for mark in (url.auth_type, url.invoke_mode) if mark not in _USUAL]
        return [("*", " ".join([f"function {url.function}", *marks]))]

    def _new_id(self) -> str:
        """A UUID, which the invocation has as well."""
        return str(uuid.UUID(bytes=self.gateway.world.token(16), version=4))

    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        from edgegw.awslambda.http_events.answers import refuse
        from edgegw.awslambda.http_events.context import HttpContext
        from edgegw.awslambda.http_events.flow import start_url

        config = self.gateway.config
        facts = self._facts(request, exchange)
        url = cast("FunctionUrlDoor", door).url
        if exchange.is_inner and self.key not in self.gateway.doors:
            return refuse(
                HttpContext(front=url, request=request, facts=facts),
                "Forbidden",
                "the function URL was deleted",
            )
        keys = signing_keys(with_own=config.pass_credentials) if url.auth_type != "NONE" else ()
        return start_url(url, request, facts, keys)


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
