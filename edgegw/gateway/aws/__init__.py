"""The AWS APIs behind one endpoint: which one a call is for, by its target or its path.

Services with a JSON protocol name the operation in `X-Amz-Target: SERVICE.Operation`; the others
have paths that begin with the version of their API. Each API is an ASGI 3 application, made by
`api(gateway)` of its module with the first call.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from edgegw.cloudfront.api import API_PATH
from edgegw.cloudfront.key_value_stores.data_api import STORES_PATH
from edgegw.cloudwatch.targets import METRICS_PATH, METRICS_TARGET
from edgegw.wire.asgi import AsgiApp

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_LAMBDA: Final = "edgegw.gateway.aws.lambda_api"
API_BY_TARGET: Final[dict[str, str]] = {
    METRICS_TARGET: "edgegw.gateway.aws.cloudwatch_api",
    "AmazonSQS": "edgegw.gateway.aws.sqs_api",
    "DynamoDBStreams_20120810": "edgegw.gateway.aws.dynamodb_streams_api",
    "Kinesis_20131202": "edgegw.gateway.aws.kinesis_api",
    "AWSEvents": "edgegw.gateway.aws.events_api",
}
"""Modules by the service that `X-Amz-Target` names, without its dot: `AmazonSQS`."""
API_BY_PATH: Final[tuple[tuple[str, str], ...]] = (
    (API_PATH, "edgegw.gateway.aws.cloudfront_api"),
    (STORES_PATH, "edgegw.gateway.aws.key_value_store_api"),
    (METRICS_PATH, "edgegw.gateway.aws.cloudwatch_api"),
    ("/2019-09-25/functions/", "edgegw.gateway.aws.event_invoke_api"),
    ("/2024-08-31/functions/", "edgegw.gateway.aws.event_invoke_api"),
    ("/2021-10-31/functions/", "edgegw.gateway.aws.function_url_api"),
    ("/2015-03-31/event-source-mappings", "edgegw.gateway.aws.event_source_api"),
)
"""Modules by the beginning of the path, the first that fits; else the Lambda API."""

API_BY_SCOPE: Final[dict[str, str]] = {
    "monitoring": "edgegw.gateway.aws.cloudwatch_api",
    "sqs": "edgegw.gateway.aws.sqs_query_api",
}
"""Modules by the service that a call is signed for: the Query protocol names it nowhere else."""


class AwsApis:
    """The APIs of one event loop, made when they are called."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._apps: dict[str, AsgiApp] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The API that a call is for, as an ASGI 3 application."""
        name = module_of(scope.get("path", ""), scope.get("headers", ()))
        app = self._apps.get(name)
        if app is None:
            app = self._apps[name] = importlib.import_module(name).api(self._gateway)
        await app(scope, receive, send)


def module_of(path: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The module of the API that a call with this path and these headers is for."""
    scope = ""
    for name, text in headers:
        if name == b"x-amz-target":
            service = text.partition(b".")[0].decode("latin-1")
            return API_BY_TARGET.get(service, _LAMBDA)
        if name == b"authorization":
            scope = _signed_for(text.decode("latin-1"))
    otherwise = API_BY_SCOPE.get(scope, _LAMBDA)
    return next((module for prefix, module in API_BY_PATH if path.startswith(prefix)), otherwise)


def _signed_for(authorization: str) -> str:
    """The service that a signature (version 4) is for; empty for other credentials."""
    credential = authorization.partition("Credential=")[2].partition(",")[0]
    parts = credential.split("/")
    return parts[-2] if len(parts) >= 5 else ""
