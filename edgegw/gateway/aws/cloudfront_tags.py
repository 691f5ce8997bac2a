"""Tags of distributions, CloudFront Functions and key value stores in the CloudFront API.

They are kept by ARN beside the functions that the API created, those of resources of the
configuration too: nothing in the configuration says tags.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from sqlite3 import Connection
from typing import TYPE_CHECKING, assert_never

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgegw.cloudfront.api import API_PATH
from edgegw.cloudfront.api.errors import ApiError, missing_member
from edgegw.cloudfront.api.tagging import (
    TaggedResource,
    check_number,
    decode_tag_keys,
    decode_tags,
    encode_tags,
    no_such_resource,
    resource_in,
)
from edgegw.execution.edge_function_rows import kept_function
from edgegw.execution.tag_rows import drop_tags, keep_tags, kept_tags
from edgegw.gateway.aws.cloudfront_answers import answered_in_xml, body_of, in_xml

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class TagCalls:
    """The operations on tags of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._registry = gateway.edge_registry

    def routes(self) -> list[Route]:
        """Where they are; two share a path, and the query says which one is meant.

        Source: CloudFront API Reference, request syntax of each operation.
        """
        path = f"{API_PATH}tagging"
        return [
            Route(path, answered_in_xml(self._list), methods=["GET"]),
            Route(path, answered_in_xml(self._change), methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        asked = _asked_arn(request)

        def tags(connection: Connection) -> dict[str, str]:
            return kept_tags(connection, self._present(connection, asked))

        registry = self._registry
        return in_xml(encode_tags(await registry.aside(registry.kept.read, tags)))

    async def _change(self, request: Request) -> Response:
        change = _asked_change(request.query_params.get("Operation", ""), await body_of(request))
        asked = _asked_arn(request)

        def work(connection: Connection) -> None:
            change(connection, self._present(connection, asked))

        registry = self._registry
        await registry.aside(registry.kept.write, work)
        return Response(status_code=204, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    def _present(self, connection: Connection, arn: str) -> str:
        """The ARN, of a resource that is there. Raises ApiError."""
        if not self._is_there(connection, resource_in(arn, self._gateway.config.account)):
            raise no_such_resource()
        return arn

    def _is_there(self, connection: Connection, resource: TaggedResource) -> bool:
        match resource.kind:
            case "distribution":
                doors = self._gateway.config.distributions
                return any(door.distribution.id == resource.name for door in doors)
            case "function":
                is_configured = self._registry.is_configured(resource.name)
                return is_configured or kept_function(connection, resource.name) is not None
            case "key-value-store":
                stores = self._gateway.key_values.states().values()
                return any(store.id == resource.name for store in stores)
            case _:
                assert_never(resource.kind)


def _asked_arn(request: Request) -> str:
    arn = request.query_params.get("Resource", "")
    if not arn:
        raise missing_member("resource")
    return arn


def _asked_change(operation: str, body: bytes) -> Callable[[Connection, str], None]:
    """What TagResource or UntagResource does to the tags of an ARN. Raises ApiError."""
    if operation == "Tag":
        tags = decode_tags(body)

        def tag(connection: Connection, arn: str) -> None:
            check_number([*kept_tags(connection, arn), *tags])
            keep_tags(connection, arn, tags)

        return tag
    if operation == "Untag":
        keys = decode_tag_keys(body)
        return lambda connection, arn: drop_tags(connection, arn, keys)
    raise ApiError("InvalidArgument", f"Operation is Tag or Untag, not {operation[:80]!r}.")
