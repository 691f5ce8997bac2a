"""Key value stores in the CloudFront API: made, described, listed, commented, deleted.

Stores of the configuration are there as well, but stay: the file would bring them back.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgegw.cloudfront.api import API_PATH
from edgegw.cloudfront.api.key_value_stores import (
    ImportSource,
    check_store_version,
    decode_new_store,
    decode_store_comment,
    encode_store,
    encode_store_list,
    import_too_large,
    invalid_argument,
    no_such_store_name,
    store_in_use,
    store_name_taken,
    too_many_stores,
)
from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.edge_functions.key_values import (
    MAX_KEY_VALUE_STORES,
    MAX_STORE_SIZE,
    pairs_of,
)
from edgegw.cloudfront.key_value_stores.state import PairChange, StoreState, size_of_pairs
from edgegw.execution.key_value_shelf import ShelfChange, StoreStates
from edgegw.gateway.aws.cloudfront_answers import answered_in_xml, body_of, in_xml, page_of
from edgegw.gateway.origins.object_files import ObjectFiles
from edgegw.http.message import CutOffError

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class StoreCalls:
    """The operations on stores of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._stores = gateway.key_values

    def routes(self) -> list[Route]:
        """Where they are."""
        every, one = f"{API_PATH}key-value-store", f"{API_PATH}key-value-store/{{name}}"
        return [
            Route(every, answered_in_xml(self._create), methods=["POST"]),
            Route(every, answered_in_xml(self._list), methods=["GET"]),
            Route(one, answered_in_xml(self._describe), methods=["GET"]),
            Route(one, answered_in_xml(self._update), methods=["PUT"]),
            Route(one, answered_in_xml(self._delete), methods=["DELETE"]),
        ]

    async def _create(self, request: Request) -> Response:
        asked = decode_new_store(await body_of(request))
        pairs: Mapping[str, str] = {}
        if asked.source is not None:
            pairs = await asyncio.to_thread(self._imported, asked.source)
        store = replace(
            self._stores.new_store(asked.name),
            comment=asked.comment,
            is_made=True,
            tags=asked.tags,
            pairs=pairs,
            size=size_of_pairs(pairs),
        )

        def create(states: StoreStates) -> ShelfChange:
            if store.name in states:
                raise store_name_taken()
            if len(states) >= MAX_KEY_VALUE_STORES:
                raise too_many_stores()
            return ShelfChange(store.name, store, PairChange(pairs, is_whole=True))

        await asyncio.to_thread(self._stores.change, create)
        place = f"{request.url.scheme}://{request.url.netloc}{API_PATH}key-value-store"
        return self._answer(store, 201, {"Location": f"{place}/{store.name}"})

    def _imported(self, source: ImportSource) -> Mapping[str, str]:
        """The pairs of an object in a bucket of the configuration. Raises ApiError."""
        folders = self._gateway.config.buckets.values()
        folder = next((folder for folder in folders if folder.bucket.name == source.bucket), None)
        if folder is None:
            raise invalid_argument(f"No origin of the configuration is the bucket {source.bucket}.")
        opened = ObjectFiles().open(folder, source.key)
        if opened is None:
            raise invalid_argument(f"The bucket {source.bucket} has no object {source.key}.")
        try:
            if opened.stored.length > MAX_STORE_SIZE:
                raise import_too_large()
            return pairs_of(opened.read(Span(0, opened.stored.length - 1)).decode())
        except (OSError, CutOffError, ValueError) as error:
            raise invalid_argument(f"{source.key} cannot be imported: {error}") from None
        finally:
            opened.close()

    async def _list(self, request: Request) -> Response:
        status = request.query_params.get("Status", "READY")
        stores = [store for _, store in sorted((await self._states()).items())]
        page = page_of(request, stores if status == "READY" else [], lambda store: store.name)
        arns = {store.name: self._stores.arn(store) for store in page.items}
        return in_xml(encode_store_list(page, arns))

    async def _describe(self, request: Request) -> Response:
        return self._answer(await self._store(request))

    async def _update(self, request: Request) -> Response:
        comment = decode_store_comment(await body_of(request))
        name, if_match = (await self._store(request)).name, request.headers.get("if-match")
        etag, now = self._stores.resource_etag(), self._stores.stamp().now

        def update(states: StoreStates) -> ShelfChange:
            store = _present(states, name)
            check_store_version(if_match, store.resource_etag)
            changed = replace(store, comment=comment, resource_etag=etag, described=now)
            return ShelfChange(name, changed)

        states = await asyncio.to_thread(self._stores.change, update)
        return self._answer(states[name])

    async def _delete(self, request: Request) -> Response:
        known, if_match = await self._store(request), request.headers.get("if-match")

        def delete(states: StoreStates) -> ShelfChange:
            store = _present(states, known.name)
            check_store_version(if_match, store.resource_etag)
            self._check_unused(store)
            return ShelfChange(store.name, None)

        await asyncio.to_thread(self._stores.change, delete)
        return Response(status_code=204, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    def _check_unused(self, store: StoreState) -> None:
        """Raises ApiError where a function reads the store, or the configuration has it."""
        for function in self._gateway.edge_registry.all():
            if any(stage.function.key_value_store == store.name for stage in function.stages):
                raise store_in_use()
        if self._stores.is_configured(store.name):
            raise store_in_use("It stands in the configuration: remove it there.")

    async def _store(self, request: Request) -> StoreState:
        return _present(await self._states(), request.path_params["name"])

    async def _states(self) -> StoreStates:
        return await asyncio.to_thread(self._stores.states)  # they may have to be read

    def _answer(
        self, store: StoreState, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        document = encode_store(store, self._stores.arn(store))
        return in_xml(document, status, {"ETag": store.resource_etag, **(headers or {})})


def _present(states: StoreStates, name: str) -> StoreState:
    store = states.get(name)
    if store is None:
        raise no_such_store_name()
    return store
