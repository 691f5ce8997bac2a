"""Who may call the APIs of AWS that a gateway answers: programs of this machine.

A web page is kept out by its Origin, a foreign name for this address by its Host, a form by its
content type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from edgegw.awslambda.service_errors import ServiceError
from edgegw.http.hosts import host_name, is_local_name

_FORMS: Final = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)


class ApiGuard:
    """Refuses what a browser sends on behalf of a page, and other names for this address.

    `answer` makes an application of the error, in the form of the API. An API whose calls are forms
    `takes_signed_forms`: a form of a page carries no `Authorization`.
    """

    def __init__(
        self,
        app: ASGIApp,
        answer: Callable[[ServiceError], ASGIApp],
        *,
        takes_signed_forms: bool = False,
    ) -> None:
        self._app = app
        self._answer = answer
        self._takes_signed_forms = takes_signed_forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        error = refusal(headers, takes_signed_forms=self._takes_signed_forms)
        app = self._app if error is None else self._answer(error)
        await app(scope, receive, send)


def refusal(headers: Mapping[str, str], *, takes_signed_forms: bool = False) -> ServiceError | None:
    """Why a request with these headers (names in lower case) is not let in; None when it is."""
    host = headers.get("host", "")
    if not is_local_name(host_name(host)):
        text = f"the Host {host!r} is no address of this machine"
        return ServiceError("AccessDeniedException", text)
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return ServiceError("AccessDeniedException", "web pages may not call the APIs of AWS")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 ")
    if kind in _FORMS and not (takes_signed_forms and is_signed):
        text = f"the content type {kind} is not accepted; send application/json"
        return ServiceError("UnsupportedMediaTypeException", text)
    return None
