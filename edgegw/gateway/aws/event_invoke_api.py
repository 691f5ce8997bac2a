"""The part of the Lambda API about asynchronous invocation: what happens to events, and loops.

What is set here lasts until the gateway ends, as everything that the Lambda API changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from edgegw.awslambda import event_invoke
from edgegw.awslambda.api import request_body
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.payload import Json
from edgegw.awslambda.service_errors import not_found
from edgegw.awslambda.versions import Deployed
from edgegw.execution.api_answers import answered, json_response, lambda_app

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_CONFIG: Final = "/2019-09-25/functions/{name}/event-invoke-config"
_RECURSION: Final = "/2024-08-31/functions/{name}/recursion-config"

_About: TypeAlias = Callable[[Deployed, FunctionRef, Mapping[str, Json]], Json]


def api(gateway: Gateway) -> ASGIApp:
    """The API as an ASGI application, guarded against web pages."""
    return lambda_app(_EventInvokeApi(gateway).routes())


class _EventInvokeApi:
    def __init__(self, gateway: Gateway) -> None:
        self._service = gateway.service
        self._now = gateway.world.now

    def routes(self) -> list[Route]:
        return [
            self._route(_CONFIG, "PUT", self._put),
            self._route(_CONFIG, "POST", self._update),
            self._route(_CONFIG, "GET", self._get),
            self._route(_CONFIG, "DELETE", self._delete, 204),
            self._route(f"{_CONFIG}/list", "GET", self._list),
            self._route(_RECURSION, "GET", self._recursion),
            self._route(_RECURSION, "PUT", self._put_recursion),
        ]

    def _route(self, path: str, method: str, operation: _About, status: int = 200) -> Route:
        """An operation on one function, which must be there.

        It gets the body, or the query where there is none.
        """

        async def endpoint(request: Request) -> Response:
            body: Mapping[str, Json] = dict(request.query_params)
            if method in ("PUT", "POST"):
                body = request_body(await request.body())
                event_invoke.check_event_invoke(body)
            account = self._service.account
            ref = account.function_ref(
                request.path_params["name"], request.query_params.get("Qualifier")
            )
            deployed = self._service.functions.get(ref.name)
            if deployed is None:
                raise not_found(account.arn(ref.name, ref.qualifier))
            answer = operation(deployed, ref, body)
            return Response(status_code=status) if status == 204 else json_response(answer, status)

        return Route(path, answered(endpoint), methods=[method])

    def _put(self, deployed: Deployed, ref: FunctionRef, body: Mapping[str, Json]) -> Json:
        changed = event_invoke.put_event_invoke(deployed, ref, body, self._now())
        return self._changed(changed, ref)

    def _update(self, deployed: Deployed, ref: FunctionRef, body: Mapping[str, Json]) -> Json:
        event_invoke.get_event_invoke(deployed, ref, self._service.account)  # it must be there
        changed = event_invoke.put_event_invoke(deployed, ref, body, self._now(), update=True)
        return self._changed(changed, ref)

    def _changed(self, deployed: Deployed, ref: FunctionRef) -> Json:
        self._service.change(deployed)
        return event_invoke.get_event_invoke(deployed, ref, self._service.account)

    def _get(self, deployed: Deployed, ref: FunctionRef, _body: Mapping[str, Json]) -> Json:
        return event_invoke.get_event_invoke(deployed, ref, self._service.account)

    def _delete(self, deployed: Deployed, ref: FunctionRef, _body: Mapping[str, Json]) -> Json:
        changed = event_invoke.delete_event_invoke(deployed, ref, self._service.account)
        self._service.change(changed)
        return None

    def _list(self, deployed: Deployed, _ref: FunctionRef, query: Mapping[str, Json]) -> Json:
        asked = {name: str(given) for name, given in query.items()}
        return event_invoke.list_event_invoke(deployed, asked, self._service.account)

    # Loops

    def _recursion(self, deployed: Deployed, _ref: FunctionRef, _body: Mapping[str, Json]) -> Json:
        return {"RecursiveLoop": deployed.recursive_loop}

    def _put_recursion(
        self, deployed: Deployed, _ref: FunctionRef, body: Mapping[str, Json]
    ) -> Json:
        changed = event_invoke.put_recursion(deployed, body)
        self._service.change(changed)
        return {"RecursiveLoop": changed.recursive_loop}
