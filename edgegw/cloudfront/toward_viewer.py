"""What a behavior does to a response on its way to the viewer, before viewer-response runs.

    origin's answer ─▶ compressed ─▶ response headers policy ─▶ viewer-response
    page, redirect, answer of viewer-request ─▶ response headers policy

Source: CloudFront Developer Guide, "Serve compressed files", "Understand response headers
policies", and observed answers (the policy stands on redirects and error pages as well).
"""

from __future__ import annotations

from dataclasses import replace

from edgegw.cloudfront.compression import compressed
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.request_context import DistributionAnswer, RequestContext
from edgegw.cloudfront.response_headers_policy import with_policy
from edgegw.http.message import Response


def finished(
    context: RequestContext, response: Response, origin_status: int, origin: Origin | None
) -> Response:
    """A response with what its behavior says: compressed, where an origin sent it, and decorated.

    What is not an origin's own, with `origin` None, is not compressed (uncertain).
    """
    behavior = context.behavior
    encoders = context.facts.encoders
    if behavior.compress and origin is not None and encoders is not None:
        policy = behavior.forwarding.cache_policy
        response = compressed(
            response,
            context.viewer,
            origin_status,
            encoders,
            gzip=policy.gzip,
            brotli=policy.brotli,
        )
    return decorated(context, response)


def decorated(context: RequestContext, response: Response) -> Response:
    """`response` with the response headers policy of its behavior, if there is one."""
    policy = context.behavior.response_headers_policy
    if policy is None:
        return response
    return with_policy(policy, response, context.received, context.facts.date)


def decorated_answer(answer: DistributionAnswer) -> DistributionAnswer:
    """An answer that came from no origin, with the response headers policy of its behavior."""
    if answer.context.behavior.response_headers_policy is None:
        return answer
    return replace(answer, response=decorated(answer.context, answer.response))
