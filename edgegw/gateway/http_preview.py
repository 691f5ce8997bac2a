"""The event that a function URL or an HTTP API would send for a request; nothing is invoked."""

from __future__ import annotations

import base64
import uuid

from edgegw.awslambda.http_events.context import HttpContext, HttpFacts
from edgegw.awslambda.http_events.event import encode_event
from edgegw.awslambda.http_events.flow import start_api
from edgegw.awslambda.http_events.model import (
    DEFAULT,
    ApiRoute,
    FunctionUrl,
    HttpApi,
    PayloadFormat,
    api_domain,
    url_domain,
)
from edgegw.awslambda.http_events.routes import route_fault, segments_of
from edgegw.awslambda.http_events.signature import Signer
from edgegw.awslambda.http_events.steps import InvokeHttp, ReadHttpBody
from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.names import Account
from edgegw.errors import UsageError
from edgegw.execution.environment_maker import CREDENTIALS
from edgegw.gateway.world import REAL
from edgegw.http.message import Request

_EXAMPLE = FunctionRef("example")


def example_url() -> FunctionUrl:
    """Stands for a function URL where no configuration is named."""
    account = Account()
    domain = url_domain(_EXAMPLE, account.region, account.account_id)
    return FunctionUrl(function=_EXAMPLE, domain=domain)


def example_api(key: str, payload: PayloadFormat) -> HttpApi:
    """Stands for an HTTP API with one route. Raises UsageError for what is no route."""
    fault = route_fault(key)
    if fault is not None:
        raise UsageError(f"--route: {fault}")
    account = Account()
    method, _, path = key.partition(" ")
    route = ApiRoute(
        key=key,
        function=_EXAMPLE,
        method=None if method in ("ANY", DEFAULT) else method,
        segments=None if key == DEFAULT else segments_of(path),
        payload=payload,
    )
    domain = api_domain("example", account.region, account.account_id)
    return HttpApi(name="example", domain=domain, routes=(route,))


def url_event(
    url: FunctionUrl, request: Request, body: bytes, facts: HttpFacts | None = None
) -> bytes:
    """The event of a function URL as JSON; with AWS_IAM as if the request were signed."""
    facts = facts or _facts(str(uuid.UUID(bytes=REAL.token(16), version=4)), request)
    signer = Signer(CREDENTIALS["AWS_ACCESS_KEY_ID"]) if url.auth_type == "AWS_IAM" else None
    context = HttpContext(front=url, request=request, facts=facts, signer=signer)
    return encode_event(context, body)


def api_event(api: HttpApi, request: Request, body: bytes) -> bytes:
    """The event of an HTTP API as JSON. Raises UsageError where no function would get one."""
    request_id = base64.urlsafe_b64encode(REAL.token(11)).decode()
    step = start_api(api, request, _facts(request_id, request))
    if isinstance(step, ReadHttpBody):
        step = step.next(body, truncated=False)
    if isinstance(step, InvokeHttp):
        return step.invocation.payload
    detail = step.refusal.detail if step.refusal is not None else "it is a preflight"
    raise UsageError(f"no function is reached: {detail}")


def _facts(request_id: str, request: Request) -> HttpFacts:
    return HttpFacts(
        request_id=request_id,
        date=REAL.date(),
        now=REAL.now(),
        entropy=REAL.entropy(),
        port=443 if request.scheme == "https" else 80,
    )
