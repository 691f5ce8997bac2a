"""How the operations of the CloudFront API answer: XML, its errors, a request id on each."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edgegw.cloudfront.api.errors import ApiError, batch_too_large
from edgegw.cloudfront.api.paging import Listed, ListPage, cut_page
from edgegw.errors import EnvironmentProblem
from edgegw.execution.api_answers import GONE, body_within

_MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a body: the paths of the largest invalidation fit."""

Answering = Callable[[Request], Awaitable[Response]]


def answered_in_xml(operation: Answering) -> Answering:
    """`operation` with the API's errors as answers."""

    async def answer(request: Request) -> Response:
        try:
            return await operation(request)
        except ApiError as error:
            return refused_in_xml(error)
        except EnvironmentProblem as problem:  # the shared store is gone
            return refused_in_xml(ApiError("ServiceUnavailable", str(problem)))
        except ClientDisconnect:
            return Response(status_code=GONE)

    return answer


async def body_of(request: Request) -> bytes:
    """The body of a request. Raises ApiError."""
    body = await body_within(request, _MAX_BODY)
    if body is None:
        raise batch_too_large()
    return body


def page_of(
    request: Request, items: Sequence[Listed], identity: Callable[[Listed], str]
) -> ListPage[Listed]:
    """The page of a list that a request asks for. Raises ApiError."""
    query = request.query_params
    return cut_page(items, identity, query.get("Marker", ""), query.get("MaxItems", ""))


def in_xml(
    document: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A document as the answer."""
    named = {"x-amzn-RequestId": str(uuid.uuid4()), **(headers or {})}
    return Response(document, status, named, media_type="text/xml")


def refused_in_xml(error: ApiError) -> Response:
    """An error as the answer."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": request_id}
    return Response(error.document(request_id), error.status, headers, media_type="text/xml")
