"""Tags of distributions, CloudFront Functions and key value stores in the CloudFront API.

Those of a store are part of it (`StoreState.tags`), kept and forgotten with it in one step. The
others are kept by ARN beside the functions that the API created, those of resources of the
configuration too: nothing in the configuration says tags.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from sqlite3 import Connection
from typing import TYPE_CHECKING, TypeAlias

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
from edgegw.cloudfront.key_value_stores.state import StoreState
from edgegw.execution.edge_function_rows import kept_function
from edgegw.execution.key_value_shelf import ShelfChange, StoreStates
from edgegw.execution.tag_rows import drop_all_tags, keep_tags, kept_tags
from edgegw.gateway.aws.cloudfront_answers import answered_in_xml, body_of, in_xml

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_TagChange: TypeAlias = Callable[[Mapping[str, str]], Mapping[str, str]]
"""The tags of a resource → what they are from now on. Raises ApiError."""


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
        arn = _asked_arn(request)
        resource = self._resource(arn)
        if resource.kind == "key-value-store":
            states = await asyncio.to_thread(self._gateway.key_values.states)
            return in_xml(encode_tags(_store(states, resource).tags))

        def tags(connection: Connection) -> dict[str, str]:
            self._check_there(connection, resource)
            return kept_tags(connection, arn)

        registry = self._registry
        return in_xml(encode_tags(await registry.aside(registry.kept.read, tags)))

    async def _change(self, request: Request) -> Response:
        change = _asked_change(request.query_params.get("Operation", ""), await body_of(request))
        arn = _asked_arn(request)
        resource = self._resource(arn)
        if resource.kind == "key-value-store":
            await asyncio.to_thread(self._gateway.key_values.change, _of_store(resource, change))
        else:
            await self._change_kept(arn, resource, change)
        return Response(status_code=204, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    async def _change_kept(self, arn: str, resource: TaggedResource, change: _TagChange) -> None:
        def work(connection: Connection) -> None:
            self._check_there(connection, resource)
            tags = change(kept_tags(connection, arn))
            drop_all_tags(connection, arn)
            keep_tags(connection, arn, tags)

        await self._registry.aside(self._registry.kept.write, work)

    def _resource(self, arn: str) -> TaggedResource:
        return resource_in(arn, self._gateway.config.account)

    def _check_there(self, connection: Connection, resource: TaggedResource) -> None:
        """Raises ApiError where there is no such distribution or function."""
        if resource.kind == "distribution":
            doors = self._gateway.config.distributions
            is_there = any(door.distribution.id == resource.name for door in doors)
        else:
            is_configured = self._registry.is_configured(resource.name)
            is_there = is_configured or kept_function(connection, resource.name) is not None
        if not is_there:
            raise no_such_resource()


def _of_store(resource: TaggedResource, change: _TagChange) -> Callable[[StoreStates], ShelfChange]:
    """`change` of the tags of a store."""

    def decide(states: StoreStates) -> ShelfChange:
        store = _store(states, resource)
        return ShelfChange(store.name, replace(store, tags=change(store.tags)))

    return decide


def _store(states: StoreStates, resource: TaggedResource) -> StoreState:
    """The store that `resource` names. Raises ApiError."""
    for store in states.values():
        if store.id == resource.name:
            return store
    raise no_such_resource()


def _asked_arn(request: Request) -> str:
    arn = request.query_params.get("Resource", "")
    if not arn:
        raise missing_member("resource")
    return arn


def _asked_change(operation: str, body: bytes) -> _TagChange:
    """What TagResource or UntagResource does to the tags of a resource. Raises ApiError."""
    if operation == "Tag":
        tags = decode_tags(body)

        def tag(before: Mapping[str, str]) -> Mapping[str, str]:
            check_number([*before, *tags])
            return {**before, **tags}

        return tag
    if operation == "Untag":
        keys = frozenset(decode_tag_keys(body))
        return lambda before: {key: text for key, text in before.items() if key not in keys}
    raise ApiError("InvalidArgument", f"Operation is Tag or Untag, not {operation[:80]!r}.")
