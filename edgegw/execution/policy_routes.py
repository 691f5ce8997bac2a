"""The operations of the Lambda API on resource policies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgegw.awslambda import policy_api
from edgegw.awslambda.api import request_body
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.payload import Json
from edgegw.awslambda.service_errors import not_found
from edgegw.awslambda.versions import Deployed
from edgegw.execution.api_answers import answered, json_response
from edgegw.execution.service import LambdaService

PolicyOperation = Callable[[Deployed, FunctionRef, Request], Awaitable[Json]]


def policy_routes(service: LambdaService) -> list[Route]:
    """AddPermission, GetPolicy and RemovePermission, on what runs from then on."""
    account = service.account

    async def add(deployed: Deployed, ref: FunctionRef, request: Request) -> Json:
        body = request_body(await request.body())
        changed, statement = policy_api.add_permission(deployed, ref, body, account)
        service.change(changed)
        return {"Statement": policy_api.statement_text(statement, ref, account)}

    async def get(deployed: Deployed, ref: FunctionRef, request: Request) -> Json:
        return policy_api.get_policy(deployed, ref, account)

    async def remove(deployed: Deployed, ref: FunctionRef, request: Request) -> Json:
        sid, revision = request.path_params["sid"], request.query_params.get("RevisionId")
        service.change(policy_api.remove_permission(deployed, ref, sid, revision, account))
        return None

    def route(path: str, method: str, operation: PolicyOperation, status: int) -> Route:
        async def endpoint(request: Request) -> Response:
            name, qualifier = request.path_params["name"], request.query_params.get("Qualifier")
            ref = account.function_ref(name, qualifier)
            deployed = service.functions.get(ref.name)
            if deployed is None or not deployed.targets(ref):
                raise not_found(account.arn(ref.name, ref.qualifier))
            answer = await operation(deployed, ref, request)
            return Response(status_code=204) if answer is None else json_response(answer, status)

        return Route(path, answered(endpoint), methods=[method])

    policy = "/2015-03-31/functions/{name}/policy"
    return [
        route(policy, "POST", add, 201),
        route(policy, "GET", get, 200),
        route(f"{policy}/{{sid}}", "DELETE", remove, 204),
    ]
