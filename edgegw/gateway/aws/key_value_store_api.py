"""The KeyValueStore API over HTTP, for boto3, the AWS CLI and every SDK with an `endpoint_url`.

SDKs put the account's number before the host of the endpoint (`http://123456789012.HOST`), and sign
with SigV4A, for which botocore needs `awscrt`. Signatures are not checked here, so any will do;
docs/cloudfront-functions.md says how clients are led here.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda.payload import Json, encode_payload
from edgegw.awslambda.service_errors import ServiceError
from edgegw.cloudfront.key_value_stores.data_api import (
    STORES_PATH,
    StorePath,
    counted_pairs,
    decode_key_put,
    decode_key_update,
    decode_path,
    described,
    listed,
    missing,
)
from edgegw.cloudfront.key_value_stores.state import PairChange, StoreState, store_in_arn
from edgegw.cloudfront.key_value_stores.store_refusals import (
    StoreRefusal,
    invalid_member,
    no_such_pair,
    no_such_store,
)
from edgegw.errors import EnvironmentProblem
from edgegw.execution.api_answers import GONE, api_app, body_within
from edgegw.gateway.key_value_stores import KeyValueStores

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a body: the largest batch fits, however it is escaped."""


def api(gateway: Gateway) -> ASGIApp:
    """The API of the stores of `gateway` as an ASGI application, guarded against pages."""
    calls = _KeyCalls(gateway.key_values)
    methods = ["GET", "PUT", "POST", "DELETE"]
    return api_app([Route(STORES_PATH + "{rest:path}", calls.answer, methods=methods)], _kept_out)


class _KeyCalls:
    def __init__(self, stores: KeyValueStores) -> None:
        self._stores = stores
        self._orders: dict[str, tuple[str, list[str]]] = {}

    async def answer(self, request: Request) -> Response:
        """What a call is answered, or why it is refused."""
        try:
            return await self._answer(request)
        except StoreRefusal as refusal:
            return _refused(refusal)
        except EnvironmentProblem as problem:  # the disk
            return _refused(StoreRefusal("InternalServerException", str(problem)))
        except ClientDisconnect:
            return Response(status_code=GONE)

    async def _answer(self, request: Request) -> Response:
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = decode_path(raw)
        match request.method, path:
            case "GET", StorePath(is_keys=False):
                state = await self._store(path.arn)
                return _json(described(state, self._stores.arn(state)), state)
            case "GET", StorePath(key=None):
                return _json(await self._listed(await self._store(path.arn), request))
            case "GET", StorePath(key=str(key)):
                return _json(_got(await self._store(path.arn), key))
            case "PUT", StorePath(key=str(key)):
                change = PairChange({key: decode_key_put(await _body(request))})
                return await self._write(path.arn, request, change)
            case "DELETE", StorePath(key=str(key)):
                change = PairChange(deletes=(key,), must_exist=True)
                return await self._write(path.arn, request, change)
            case "POST", StorePath(is_keys=True, key=None):
                return await self._write(path.arn, request, decode_key_update(await _body(request)))
            case _:
                text = f"edgegw does not know the operation {request.method} {request.url.path}"
                raise StoreRefusal("UnknownOperationException", text)

    async def _store(self, arn: str) -> StoreState:
        if store_in_arn(arn) is None:
            raise invalid_member("kvsARN", "Member must be the ARN of a key value store")
        state = await asyncio.to_thread(self._stores.find, arn)  # it may have to be read
        if state is None:
            raise no_such_store(arn)
        return state

    async def _write(self, arn: str, request: Request, change: PairChange) -> Response:
        state = await self._store(arn)
        if_match = request.headers.get("if-match")
        if if_match is None:
            raise missing("ifMatch")
        state = await asyncio.to_thread(self._stores.write, state.name, change, if_match)
        return _json(counted_pairs(state), state)

    async def _listed(self, state: StoreState, request: Request) -> dict[str, Json]:
        etag, order = self._orders.get(state.id, ("", []))
        if etag != state.etag:
            order = await asyncio.to_thread(sorted, state.pairs)  # there may be a million
            self._orders = {state.id: (state.etag, order)}  # of the one that is listed now
        query = request.query_params
        return listed(state, order, query.get("NextToken"), query.get("MaxResults"))


def _got(state: StoreState, key: str) -> dict[str, Json]:
    text = state.get(key)
    if text is None:
        raise no_such_pair(key)
    return {"Key": key, "Value": text, **counted_pairs(state)}


async def _body(request: Request) -> bytes:
    body = await body_within(request, _MAX_BODY)
    if body is None:
        text = f"The request is larger than {_MAX_BODY} bytes."
        raise StoreRefusal("ValidationException", text)
    return body


def _kept_out(error: ServiceError) -> Response:
    """An error of the frame in the form of this API."""
    return _refused(StoreRefusal(error.code, error.message or ""))


def _json(answer: Mapping[str, Json], state: StoreState | None = None) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    if state is not None:
        headers["ETag"] = state.etag
    return Response(encode_payload(dict(answer)), 200, headers, media_type="application/json")


def _refused(refusal: StoreRefusal) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4()), "x-amzn-ErrorType": refusal.code}
    content = encode_payload({"Message": refusal.message})
    return Response(content, refusal.status, headers, media_type="application/json")
