"""The CloudFront API over HTTP, for boto3, the AWS CLI and every SDK with an `endpoint_url`.

It stands beside the Lambda API, on one port and behind one guard: the command line takes one
endpoint for all services. Credentials are not checked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda.service_errors import ServiceError
from edgegw.cloudfront.api import API_PATH
from edgegw.cloudfront.api.distributions import (
    Surroundings,
    encode_distribution,
    encode_distribution_config,
    encode_distribution_list,
    etag_of,
)
from edgegw.cloudfront.api.errors import ApiError, no_such_distribution
from edgegw.cloudfront.api.invalidations import (
    decode_invalidation,
    encode_invalidation,
    encode_invalidation_list,
)
from edgegw.cloudfront.cache.clearing import Clearing
from edgegw.cloudfront.cache.invalidation import InvalidationBatch, path_hint
from edgegw.cloudfront.model import Distribution
from edgegw.errors import UsageError
from edgegw.execution.api_answers import api_app
from edgegw.gateway.aws.cloudfront_answers import (
    answered_in_xml,
    body_of,
    in_xml,
    page_of,
    refused_in_xml,
)
from edgegw.gateway.aws.cloudfront_functions import FunctionCalls
from edgegw.gateway.aws.cloudfront_stores import StoreCalls
from edgegw.gateway.aws.cloudfront_tags import TagCalls
from edgegw.gateway.cache_control import find_distribution

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

logger = logging.getLogger(__name__)

_FRAME_CODES: Final = {
    "AccessDeniedException": "AccessDenied",
    "UnsupportedMediaTypeException": "UnsupportedMediaType",
}


def api(gateway: Gateway) -> ASGIApp:
    """The API of the distributions of `gateway` as an ASGI application, guarded against pages."""
    return api_app(_CloudFrontApi(gateway).routes(), _frame_error)


def _frame_error(error: ServiceError) -> Response:
    """An error of the frame in the form of this API."""
    text = error.message or ""
    name = _FRAME_CODES.get(error.code, error.code)
    return refused_in_xml(ApiError(name, text.replace("application/json", "application/xml")))


class _CloudFrontApi:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._since = gateway.world.now()

    def routes(self) -> list[Route]:
        one = f"{API_PATH}distribution/{{id}}"
        return [
            Route(
                f"{API_PATH}distribution",
                answered_in_xml(self._list_distributions),
                methods=["GET"],
            ),
            Route(one, answered_in_xml(self._get_distribution), methods=["GET"]),
            Route(f"{one}/config", answered_in_xml(self._get_config), methods=["GET"]),
            Route(f"{one}/invalidation", answered_in_xml(self._create), methods=["POST"]),
            Route(f"{one}/invalidation", answered_in_xml(self._list), methods=["GET"]),
            Route(
                f"{one}/invalidation/{{invalidation}}", answered_in_xml(self._get), methods=["GET"]
            ),
            *StoreCalls(self._gateway).routes(),
            *FunctionCalls(self._gateway).routes(),
            *TagCalls(self._gateway).routes(),
        ]

    def _distribution(self, request: Request) -> Distribution:
        """The distribution that the path names, by id or by its name in the configuration."""
        try:
            return find_distribution(self._gateway.config, request.path_params["id"])
        except UsageError:
            raise no_such_distribution() from None

    # Invalidations

    async def _create(self, request: Request) -> Response:
        asked = decode_invalidation(await body_of(request))
        distribution = self._distribution(request)
        batch, is_new = self._gateway.on_demand.invalidations.ask(distribution, asked)
        if is_new:
            await self._gateway.clear_caches(Clearing(distribution.id, batch.paths))
            _warn(distribution, batch)
        place = f"{request.url.scheme}://{request.url.netloc}{API_PATH}distribution"
        location = f"{place}/{distribution.id}/invalidation/{batch.id}"
        return in_xml(encode_invalidation(batch), 201, {"Location": location})

    async def _list(self, request: Request) -> Response:
        known = self._gateway.on_demand.invalidations.newest_first(self._distribution(request).id)
        return in_xml(encode_invalidation_list(page_of(request, known, lambda batch: batch.id)))

    async def _get(self, request: Request) -> Response:
        distribution = self._distribution(request)
        batch = self._gateway.on_demand.invalidations.get(
            distribution.id, request.path_params["invalidation"]
        )
        return in_xml(encode_invalidation(batch))

    # Distributions

    async def _list_distributions(self, request: Request) -> Response:
        page = page_of(request, self._distributions(), lambda distribution: distribution.id)
        return in_xml(encode_distribution_list(page, self._surroundings()))

    async def _get_distribution(self, request: Request) -> Response:
        distribution = self._distribution(request)
        known = self._gateway.on_demand.invalidations.newest_first(distribution.id)
        in_progress = sum(not batch.is_completed for batch in known)
        document = encode_distribution(distribution, self._surroundings(), in_progress)
        return in_xml(document, headers={"ETag": etag_of(distribution, self._surroundings())})

    async def _get_config(self, request: Request) -> Response:
        distribution = self._distribution(request)
        document = encode_distribution_config(distribution, self._surroundings())
        return in_xml(document, headers={"ETag": etag_of(distribution, self._surroundings())})

    def _distributions(self) -> list[Distribution]:
        """Each once, though it may listen at several places."""
        doors = self._gateway.config.distributions
        return list({door.distribution.id: door.distribution for door in doors}.values())

    def _surroundings(self) -> Surroundings:
        return Surroundings(self._gateway.config.account, self._since)


def _warn(distribution: Distribution, batch: InvalidationBatch) -> None:
    """Says which paths do not do what they look like: the API takes them without a word."""
    for path in batch.paths:
        hint = path_hint(path.text, distribution.default_root_object)
        if hint:
            logger.warning("invalidation of %s: %r: %s", distribution.name, path.text, hint)
        if path.nothing:
            text = "invalidation of %s: %r can match nothing: %s"
            logger.warning(text, distribution.name, path.text, path.nothing)
