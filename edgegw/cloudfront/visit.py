"""What every step of a flow knows of its request, and how the request ends."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from edgegw.cloudfront.answers import Facts
from edgegw.cloudfront.faults import Fault
from edgegw.cloudfront.model import Behavior, Distribution, ErrorPage, Origin
from edgegw.cloudfront.rule_table import Breach
from edgegw.cloudfront.trigger_result import Breaches
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Request, Response
from edgegw.values import value


class Warned(NamedTuple):
    """What a developer should know of a result that CloudFront accepts."""

    trigger: Trigger
    breach: Breach

    def __str__(self) -> str:
        return f"{self.trigger}: {self.breach}"


@value
class Visit:
    """One viewer request in its behavior: what every later step needs to know.

    `viewer` is the request as viewer-request left it, `received` as it came. `origin` is the member
    of an origin group that is tried. `instead` is there while a custom error page is fetched.
    """

    distribution: Distribution
    behavior: Behavior
    facts: Facts
    viewer: Request
    received: Request
    origin: Origin
    warnings: tuple[Warned, ...] = ()
    instead: Instead | None = None

    def warned(self, trigger: Trigger, breaches: Breaches) -> Visit:
        """This visit with warnings about the result of `trigger`."""
        if not breaches:
            return self
        more = tuple(Warned(trigger, breach) for breach in breaches)
        return replace(self, warnings=self.warnings + more)

    def edited(self, viewer: Request) -> Visit:
        """This visit with what viewer-request left of the request; `replace` costs much more."""
        return Visit(
            self.distribution,
            self.behavior,
            self.facts,
            viewer,
            self.received,
            self.origin,
            self.warnings,
            self.instead,
        )


@value
class Instead:
    """What a custom error page stands for: `failed` is what the viewer would have got."""

    page: ErrorPage
    failed: Finish


@value
class Finish:
    """The answer stands, stamped. `x_cache` is its verdict; `fault` why it is an error page."""

    response: Response
    visit: Visit
    x_cache: str
    fault: Fault | None = None
