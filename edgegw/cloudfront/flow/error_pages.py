"""What goes wrong behind a request that was let in, and the pages that stand for it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from edgegw.awslambda.model import Outcome
from edgegw.cloudfront.answers import CLOSING_BEHIND_ERROR_PAGE, error_page, stamped
from edgegw.cloudfront.behaviors import choose_behavior
from edgegw.cloudfront.cache.conditions import CONDITIONS
from edgegw.cloudfront.cache.storable import entry_of
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.edge_functions.model import EdgeOutcome
from edgegw.cloudfront.error_causes import OriginFailure, failed_edge_function, failed_outcome
from edgegw.cloudfront.flow import cache_side
from edgegw.cloudfront.flow.steps import DistributionStep, EdgeFunctionStep, FunctionStep, Store
from edgegw.cloudfront.request_context import (
    DistributionAnswer,
    ErrorPageFetch,
    Keeping,
    RequestContext,
)
from edgegw.cloudfront.response_headers import framed_anew
from edgegw.cloudfront.toward_viewer import decorated, decorated_answer, fits_key
from edgegw.cloudfront.trigger_result import InvalidResult
from edgegw.http.message import EMPTY, Body, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import RequestTarget


def failed(
    step: FunctionStep, outcome: Outcome, answer: InvalidResult | None = None
) -> DistributionStep:
    """The error page for a function that failed, or whose `answer` CloudFront refuses."""
    context, trigger = step.context, step.trigger
    cause = failed_outcome(trigger, step.invocation.function, outcome, answer)
    context = context.with_warnings(
        trigger, tuple(each for each in cause.violations if not each.is_refused)
    )
    page = error_page(cause.status, cause.rule.page, context.facts, verdict=cause.kind)
    finish = decorated_answer(DistributionAnswer(page, context, cause.kind, cause))
    stays = context.distribution.strictness.error_page_after_function_fault == "skip"
    is_limit = cause.kind is Verdict.LAMBDA_LIMIT_EXCEEDED
    if trigger == "viewer-request" or is_limit or stays:
        return finish
    return or_error_page(finish)


def edge_function_failed(
    step: EdgeFunctionStep, outcome: EdgeOutcome, answer: InvalidResult | None = None
) -> DistributionStep:
    """The error page for a CloudFront Function that failed, or whose `answer` is refused.

    Which of these failures a custom error page stands for is as for Lambda@Edge (uncertain).
    """
    context, trigger = step.context, step.trigger
    cause = failed_edge_function(trigger, step.call.function, outcome, answer)
    context = context.with_warnings(
        trigger, tuple(each for each in cause.violations if not each.is_refused)
    )
    page = error_page(cause.status, cause.rule.page, context.facts, verdict=cause.kind)
    finish = decorated_answer(DistributionAnswer(page, context, cause.kind, cause))
    stays = context.distribution.strictness.error_page_after_function_fault == "skip"
    return finish if trigger == "viewer-request" or stays else or_error_page(finish)


def failure_page(context: RequestContext, failure: OriginFailure) -> DistributionAnswer:
    """The error page for an origin that gave no usable answer."""
    page = error_page(failure.status, failure.text, context.facts)
    return DistributionAnswer(page, context, Verdict.ERROR, failure)


def to_be_kept(page: Response) -> Response:
    """An error page of CloudFront's own without what every answer gets anew."""
    return replace(page, headers=page.headers.without(b"via", b"x-amz-cf-pop", b"alt-svc"))


def has_page(context: RequestContext, status: int) -> bool:
    """Whether a custom error page stands for `status`."""
    return status in context.distribution.error_pages and context.error_page_fetch is None


def or_error_page(failed: DistributionAnswer, keeping: Keeping | None = None) -> DistributionStep:
    """`failed`, or the way to the custom error page that stands for its status.

    With `keeping` the page is stored under the URL that failed.

    The page comes through the behavior of its own path. viewer-request and viewer-response do not
    run for it, the triggers of the origin do; there is no page for a page.
    Source: CloudFront Developer Guide, "Generate custom error responses".
    """
    context = failed.context
    if not has_page(context, failed.response.status):
        return failed
    page = context.distribution.error_pages[failed.response.status]
    release(failed.response)
    viewer = context.viewer
    request = replace(
        viewer,
        method="HEAD" if viewer.method == "HEAD" else "GET",
        target=RequestTarget(page.path.encode()),
        headers=viewer.headers.without(*_NOT_FOR_A_PAGE),
        body=EMPTY,
    )
    behavior = choose_behavior(context.distribution, request.target.path)
    return cache_side.look_up(
        replace(
            context,
            behavior=behavior,
            facts=replace(context.facts, error_target=viewer.target),
            viewer=request,
            origin=behavior.origin,
            error_page_fetch=ErrorPageFetch(page, failed, keeping),
            asked=None,
        )
    )


_NOT_FOR_A_PAGE: Final = (
    *CONDITIONS,
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"transfer-encoding",
    b"if-range",
    b"range",
)
"""What a custom error page is fetched without: headers of the viewer's body, ranges, conditions.

A page that is "not modified", or a part of one, would stand in the place of the error otherwise.
Source: CloudFront Developer Guide, "Generate custom error responses" (uncertain: AWS does not say).
"""


def page_came(
    context: RequestContext, response: Response, error_page_fetch: ErrorPageFetch
) -> DistributionStep:
    """The page with the status it is to have; one that is an error itself is passed on.

    Source: CloudFront Developer Guide, "Configure error response behavior".
    """
    keeping, failed = error_page_fetch.keeping, error_page_fetch.failed
    if keeping is not None and not fits_key(failed.context, keeping.asked.request, response):
        keeping = None
    if response.status >= 400:
        keeping = None
    else:
        origin_status, status = response.status, error_page_fetch.page.status
        response = Response(status, reason_phrase(status), response.headers, response.body)
        response = framed_anew(response, context.viewer.method, origin_status)
    following = partial(_page_out, context, response, failed)
    if keeping is None:
        return following(response.body)
    entry = entry_of(
        keeping.asked.request,
        keeping.asked.key,
        keeping.asked.place,
        to_be_kept(response),
        keeping.entry.freshness,
        keeping.settings,
        keeping.entry.stored_at,
        origin_status=keeping.entry.origin_status,
    )
    return Store(context, keeping.asked, entry, response.body, (), following)


def _page_out(
    context: RequestContext, page: Response, failed: DistributionAnswer, body: Body
) -> DistributionAnswer:
    response = Response(page.status, page.reason, page.headers, body)
    response = closing(decorated(context, response), failed.response.status)
    response = stamped(response, failed.verdict, context.facts)
    return DistributionAnswer(response, context, failed.verdict, failed.cause)


def closing(page: Response, status: int) -> Response:
    """The custom error page for `status`, behind which the connection closes for some."""
    if status not in CLOSING_BEHIND_ERROR_PAGE:
        return page
    return replace(page, headers=page.headers.replaced(b"Connection", b"close"))


def release(response: Response) -> None:
    """Gives the connection of an unread body back."""
    if response.body.release is not None:
        response.body.release()
