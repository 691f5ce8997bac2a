"""What a behavior does to a response on its way from the origin's side to the viewer.

    origin's answer ─▶ compressed ─▶ the cache ─▶ response headers policy ─▶ viewer-response
                            a hit ──────┘
    page, redirect, answer of viewer-request ─▶ response headers policy

What is stored is compressed already, under the Accept-Encoding of its key; the policy works on top
of the cache, so that nothing of it is stored.

Source: CloudFront Developer Guide, "Serve compressed files", "Understand response headers
policies", and observed answers (the policy stands on redirects and error pages as well).
"""

from __future__ import annotations

from dataclasses import replace

from edgegw.cloudfront.compression import ContentCoding, coding_for
from edgegw.cloudfront.kept_values import normalized_accept_encoding
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.request_context import DistributionAnswer, RequestContext
from edgegw.cloudfront.response_headers_policy import with_policy
from edgegw.http.grammar import BLANKS
from edgegw.http.message import Request, Response


def coding_toward_viewer(
    context: RequestContext, response: Response, origin_status: int, origin: Origin | None
) -> ContentCoding | None:
    """How the answer of `origin` is compressed; None for not at all.

    What is not an origin's own, with `origin` None, is not compressed (uncertain).
    """
    behavior, encoders = context.behavior, context.facts.encoders
    if not behavior.compress or origin is None or encoders is None:
        return None
    policy = behavior.forwarding.cache_policy
    return coding_for(
        response,
        context.viewer,
        origin_status,
        encoders,
        gzip=policy.gzip,
        brotli=policy.brotli,
    )


def fits_key(context: RequestContext, request: Request, page: Response) -> bool:
    """Whether `page` may be stored under the key of `request` in the behavior of `context`.

    A custom error page comes through a behavior of its own. One in a coding that the failed URL's
    key does not have would go to viewers who do not accept it.
    """
    coding = page.headers.get(b"content-encoding")
    if coding is None:
        return True
    policy = context.behavior.forwarding.cache_policy
    if request.http_version == "1.0":
        return False
    given = b",".join(request.headers.get_all(b"accept-encoding"))
    kept = normalized_accept_encoding(given, gzip=policy.gzip, brotli=policy.brotli)
    return coding.strip(BLANKS).lower() in kept.split(b",")


def decorated(context: RequestContext, response: Response) -> Response:
    """`response` with the response headers policy of its behavior, if there is one.

    A custom error page has the one of the URL that failed (uncertain).
    """
    policy = context.headers_policy
    if policy is None:
        return response
    return with_policy(policy, response, context.received, context.facts.date)


def decorated_answer(answer: DistributionAnswer) -> DistributionAnswer:
    """An answer that came from no origin, with the response headers policy of its behavior."""
    if answer.context.headers_policy is None:
        return answer
    return replace(answer, response=decorated(answer.context, answer.response))
