"""A provider as a starlette application: paths, forms and cookies around what is decided elsewhere.

The paths are those of a user pool for both kinds, with the discovery document at the root and, of a
user pool, below its id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from edgegw.identity import cognito_api, documents, pages, sign_in, token_requests
from edgegw.identity.authorization import parameters_of
from edgegw.identity.bodies import BODY_FAULTS, FORM, body_of, form_of
from edgegw.identity.guard import allowed_origin, refusal
from edgegw.identity.token_requests import TokenRequestError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edgegw.identity.provider import Provider

_NOT_KEPT: Final = {"cache-control": "no-store", "pragma": "no-cache"}
_AMZ_JSON: Final = "application/x-amz-json-1.1"


def identity_app(provider: Provider) -> ASGIApp:
    """The ASGI 3 application of `provider`."""
    paths = _Paths(provider)
    get, post, both = ["GET"], ["POST"], ["GET", "POST"]
    routes: list[tuple[str, Callable[[Request], Awaitable[Response]], list[str]]] = [
        (documents.CONFIGURATION, paths.discovery, get),
        ("/{pool}" + documents.CONFIGURATION, paths.discovery, get),
        (documents.JWKS, paths.jwks, get),
        (documents.WELL_KNOWN_JWKS, paths.jwks, get),
        ("/{pool}" + documents.WELL_KNOWN_JWKS, paths.jwks, get),
        (documents.AUTHORIZE, paths.authorize, both),
        ("/authorize", paths.authorize, both),
        ("/login", paths.login, get),
        ("/login", paths.submitted_login, post),
        ("/consent", paths.submitted_consent, post),
        (documents.TOKEN, paths.token, post),
        (documents.USER_INFO, paths.user_info, both),
        (documents.REVOKE, paths.revoke, post),
        (documents.LOGOUT, paths.log_out, both),
        ("/", paths.home, get),
        ("/", paths.api, post),
    ]
    paths_of = [Route(path, call, methods=methods) for path, call, methods in routes]
    app = Starlette(routes=paths_of, exception_handlers=dict(BODY_FAULTS))
    return _Guarded(app, provider)


class _Guarded:
    """Lets in who may call, and tells pages of clients that they may read the answer (CORS)."""

    def __init__(self, app: ASGIApp, provider: Provider) -> None:
        self._app = app
        self._provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, definition = Request(scope), self._provider.definition
        path, method = str(scope["path"]), request.method
        headers = {name: request.headers.getlist(name) for name in ("host", "origin")}
        why = refusal(definition, method, path, str(scope["scheme"]), headers)
        if why is not None:
            await PlainTextResponse(f"{why}\n", 403)(scope, receive, send)
            return
        allowed = allowed_origin(definition, path, request.headers.get("origin"))
        if method == "OPTIONS" and "access-control-request-method" in request.headers:
            await _preflight(allowed, request)(scope, receive, send)
            return
        if self._provider.needs_keys:
            await asyncio.to_thread(self._provider.make_keys)
        await self._app(scope, receive, send if allowed is None else _shared(send, allowed))


def _preflight(allowed: str | None, request: Request) -> Response:
    if allowed is None:
        return PlainTextResponse("pages of this site are no client's\n", 403)
    asked = request.headers.get("access-control-request-headers", "")
    return Response(
        status_code=204,
        headers={
            "access-control-allow-origin": allowed,
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": asked,
            "access-control-max-age": "600",
            "vary": "origin",
        },
    )


def _shared(send: Send, allowed: str) -> Send:
    async def with_header(message: Any) -> None:
        if message["type"] == "http.response.start":
            lines = [
                (b"access-control-allow-origin", allowed.encode("latin-1")),
                (b"vary", b"origin"),
            ]
            message = {**message, "headers": [*message.get("headers", ()), *lines]}
        await send(message)

    return with_header


class _Paths:
    """What each path does."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    # What is published

    async def home(self, _: Request) -> Response:
        definition = self._provider.definition
        text = f"Clients send people here to sign in. The issuer is {self._provider.issuer}"
        return _html(pages.message_page(definition, definition.name, text), 200)

    def _has(self, request: Request) -> bool:
        """Whether a path with a user pool's id names this one's."""
        pool, named = self._provider.definition.user_pool, request.path_params.get("pool")
        return named is None or (pool is not None and named == pool.id)

    async def discovery(self, request: Request) -> Response:
        if not self._has(request):
            return JSONResponse({"message": "User pool does not exist."}, 404)
        return JSONResponse(documents.discovery(self._provider))

    async def jwks(self, request: Request) -> Response:
        if not self._has(request):
            return JSONResponse({"message": "User pool does not exist."}, 404)
        return JSONResponse(self._provider.ring.jwks())

    # What browsers see

    async def authorize(self, request: Request) -> Response:
        query = _query(request) if request.method == "GET" else await _form(request)
        return self._browser(request, sign_in.authorize(self._provider, query, request.cookies))

    async def login(self, request: Request) -> Response:
        query = _query(request)
        return self._browser(request, sign_in.login(self._provider, query, request.cookies))

    async def submitted_login(self, request: Request) -> Response:
        return await self._submitted(request, sign_in.submitted_login)

    async def submitted_consent(self, request: Request) -> Response:
        return await self._submitted(request, sign_in.submitted_consent)

    async def _submitted(
        self,
        request: Request,
        decide: Callable[[Provider, Mapping[str, str], Mapping[str, str]], sign_in.BrowserAnswer],
    ) -> Response:
        form = parameters_of(await _form(request))
        if isinstance(form, str):
            return PlainTextResponse(f"{form}\n", 400)
        return self._browser(request, decide(self._provider, form, request.cookies))

    async def log_out(self, request: Request) -> Response:
        text = _query(request) if request.method == "GET" else await _form(request)
        parameters = parameters_of(text)
        if isinstance(parameters, str):
            return PlainTextResponse(f"{parameters}\n", 400)
        answer = sign_in.log_out(self._provider, parameters, request.cookies)
        return self._browser(request, answer)

    def _browser(self, request: Request, answer: sign_in.BrowserAnswer) -> Response:
        if answer.location is not None:
            headers = {"location": answer.location, **_NOT_KEPT}
            response: Response = Response(status_code=answer.status, headers=headers)
        else:
            response = _html(answer.page, answer.status)
        is_secure = request.scope["scheme"] == "https"
        for name, text in answer.cookies.items():
            if text:
                response.set_cookie(
                    name, text, secure=is_secure, httponly=True, samesite="lax", path="/"
                )
            else:
                response.delete_cookie(
                    name, secure=is_secure, httponly=True, samesite="lax", path="/"
                )
        return response

    # What clients call

    async def token(self, request: Request) -> Response:
        fault = self._provider.world.draw()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.status is not None:
            content = {"error": "temporarily_unavailable", "error_description": "on demand"}
            return JSONResponse(content, fault.status, _NOT_KEPT)
        form = await _client_form(request)
        if isinstance(form, TokenRequestError):
            return _refused(form)
        authorization = request.headers.get("authorization")
        answer = token_requests.answered(self._provider, form, authorization, fault)
        if isinstance(answer, TokenRequestError):
            return _refused(answer)
        return JSONResponse(answer, headers=_NOT_KEPT)

    async def revoke(self, request: Request) -> Response:
        form = await _client_form(request)
        authorization = request.headers.get("authorization")
        refused = (
            form
            if isinstance(form, TokenRequestError)
            else token_requests.revoke(self._provider, form, authorization)
        )
        return Response(status_code=200) if refused is None else _refused(refused)

    async def user_info(self, request: Request) -> Response:
        """RFC 6750 section 3 has the words of its refusals."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _bearer("", 401)
        holder = self._provider.holder(token.strip())
        if isinstance(holder, str):
            return _bearer(f' error="invalid_token", error_description="{holder}"', 401)
        if "openid" not in holder.scopes:
            return _bearer(' error="insufficient_scope", scope="openid"', 403)
        return JSONResponse(documents.user_info(self._provider, holder), headers=_NOT_KEPT)

    async def api(self, request: Request) -> Response:
        """The calls of `cognito-idp`, by AWS's JSON protocol 1.1."""
        target = request.headers.get("x-amz-target", "")
        if self._provider.definition.user_pool is None or not target.startswith(cognito_api.PREFIX):
            return PlainTextResponse("nothing is posted here\n", 404)
        try:
            if request.headers.get("content-type", "").partition(";")[0] != _AMZ_JSON:
                raise cognito_api.PoolError("SerializationException", f"send {_AMZ_JSON}")
            answer = cognito_api.call(self._provider, target, _json(await body_of(request)))
        except cognito_api.PoolError as error:
            content = {"__type": error.kind, "message": error.message}
            headers = {"x-amzn-errortype": f"{error.kind}:"}
            return JSONResponse(content, 400, headers, _AMZ_JSON)
        return JSONResponse(answer, media_type=_AMZ_JSON)


def _query(request: Request) -> str:
    """The query as it stands: bytes of any kind, each of which is one character here."""
    return bytes(request.scope["query_string"]).decode("latin-1")


def _json(content: bytes) -> dict[str, Any]:
    try:
        body: object = json.loads(content)
        json.dumps(body, ensure_ascii=False).encode()  # fails for halves of characters
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise cognito_api.PoolError("SerializationException", "the body is no JSON object")
    return cast("dict[str, Any]", body)


async def _form(request: Request) -> str:
    """The form of a body; of another type it is as if there were none."""
    return await form_of(request) or ""


async def _client_form(request: Request) -> str | TokenRequestError:
    form = await form_of(request)
    if form is None:
        return TokenRequestError("invalid_request", f"the content type is {FORM}")
    return form


def _html(page: str, status: int) -> Response:
    return HTMLResponse(page, status, pages.HEADERS)


def _refused(refused: TokenRequestError) -> Response:
    headers = {**_NOT_KEPT}
    if refused.asks:
        headers["www-authenticate"] = 'Basic realm="token"'
    content = {"error": refused.error, "error_description": refused.text}
    return JSONResponse(content, refused.status, headers)


def _bearer(more: str, status: int) -> Response:
    headers = {"www-authenticate": f"Bearer{more}", **_NOT_KEPT}
    return Response(status_code=status, headers=headers)
