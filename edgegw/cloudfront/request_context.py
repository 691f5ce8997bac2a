"""What every step of a flow knows of its request, and how the request ends."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.cache.decision import Miss, Revalidate
from edgegw.cloudfront.cache.entry import FoundEntry, StoredPlace, StoredResponse
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.edge_rule import Violation
from edgegw.cloudfront.error_causes import ErrorCause
from edgegw.cloudfront.model import Behavior, Distribution, ErrorPage, Origin
from edgegw.cloudfront.response_headers_policy import ResponseHeadersPolicy
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
    fetched, `asked` while the origin is asked on behalf of the cache. Nobody waits for an answer
    that `is_background`.
    """

    distribution: Distribution
    behavior: Behavior
    facts: DistributionFacts
    viewer: Request
    received: Request
    origin: Origin
    warnings: tuple[ToleratedViolation, ...] = ()
    error_page_fetch: ErrorPageFetch | None = None
    asked: AskedOrigin | None = None
    is_background: bool = False

    @property
    def headers_policy(self) -> ResponseHeadersPolicy | None:
        """That of the URL that the viewer asked for, whichever page stands for an error there.

        A page may come out of the cache under that URL, and is the same then.
        """
        fetch = self.error_page_fetch
        context = self if fetch is None else fetch.failed.context
        return context.behavior.response_headers_policy

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

    def asking(self, asked: AskedOrigin) -> RequestContext:
        """This context on its way to the origin on behalf of the cache."""
        return RequestContext(
            self.distribution,
            self.behavior,
            self.facts,
            self.viewer,
            self.received,
            self.origin,
            self.warnings,
            self.error_page_fetch,
            asked,
            self.is_background,
        )

    def settled(self) -> RequestContext:
        """This context once the cache knows what became of what it asked."""
        return RequestContext(
            self.distribution,
            self.behavior,
            self.facts,
            self.viewer,
            self.received,
            self.origin,
            self.warnings,
            self.error_page_fetch,
            None,
            self.is_background,
        )

    def behind_the_back(self, request: Request) -> RequestContext:
        """This context for a `request` that nobody waits for."""
        return RequestContext(
            self.distribution,
            self.behavior,
            self.facts,
            request,
            self.received,
            self.origin,
            self.warnings,
            is_background=True,
        )


@value(eq=False)
class AskedOrigin:
    """What the origin is asked on behalf of the cache, and what its answer is kept under.

    `request` is the viewer's that the whole answer's `key` was made of; `stale` is what is stored
    of it, if that may still be of use.
    """

    decision: Miss | Revalidate
    request: Request
    key: bytes
    place: StoredPlace
    stale: FoundEntry | None = None


@value
class Keeping:
    """An error that is kept once its custom error page is there: on the terms of `entry`."""

    asked: AskedOrigin
    entry: StoredResponse
    settings: CacheSettings


@value
class ErrorPageFetch:
    """What a custom error page stands for: `failed` is what the viewer would have got.

    With `keeping` the page is stored under the URL that failed.
    """

    page: ErrorPage
    failed: DistributionAnswer
    keeping: Keeping | None = None


@value
class DistributionAnswer:
    """The answer stands, stamped; `cause` says why it is an error page."""

    response: Response
    context: RequestContext
    verdict: Verdict
    cause: ErrorCause | None = None
