"""What every step of a flow knows of its request, and how the request ends."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.error_causes import ErrorCause
from edgegw.cloudfront.model import Behavior, Distribution, ErrorPage, Origin
from edgegw.cloudfront.rule_table import Violation
from edgegw.cloudfront.trigger_result import Violations
from edgegw.cloudfront.triggers import Trigger
from edgegw.http.message import Request, Response
from edgegw.values import value


class ToleratedViolation(NamedTuple):
    """What a developer should know of a result that CloudFront accepts."""

    trigger: Trigger
    violation: Violation

    def __str__(self) -> str:
        return f"{self.trigger}: {self.violation}"


@value
class RequestContext:
    """One viewer request in its behavior: what every later step needs to know.

    `viewer` is the request as viewer-request left it, `received` as it came. `origin` is the member
    of an origin group that is tried. `error_page_fetch` is there while a custom error page is
    fetched.
    """

    distribution: Distribution
    behavior: Behavior
    facts: DistributionFacts
    viewer: Request
    received: Request
    origin: Origin
    warnings: tuple[ToleratedViolation, ...] = ()
    error_page_fetch: ErrorPageFetch | None = None

    def with_warnings(self, trigger: Trigger, violations: Violations) -> RequestContext:
        """This context with warnings about the result of `trigger`."""
        if not violations:
            return self
        more = tuple(ToleratedViolation(trigger, violation) for violation in violations)
        return replace(self, warnings=self.warnings + more)

    def edited(self, viewer: Request) -> RequestContext:
        """This context with what viewer-request left of the request; `replace` costs much more."""
        return RequestContext(
            self.distribution,
            self.behavior,
            self.facts,
            viewer,
            self.received,
            self.origin,
            self.warnings,
            self.error_page_fetch,
        )


@value
class ErrorPageFetch:
    """What a custom error page stands for: `failed` is what the viewer would have got."""

    page: ErrorPage
    failed: DistributionAnswer


@value
class DistributionAnswer:
    """The answer stands, stamped; `cause` says why it is an error page."""

    response: Response
    context: RequestContext
    verdict: Verdict
    cause: ErrorCause | None = None
