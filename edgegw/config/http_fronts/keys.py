"""Which keys and types function URLs and HTTP APIs have."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from edgegw.awslambda.http_events.model import (
    INTEGRATION_TIMEOUT,
    AuthType,
    InvokeMode,
    PayloadFormat,
)
from edgegw.config.fields import Listen, Listening, Model, Number, Text, Texts, text_of

MAX_LISTED = 100
"""Entries of a list in a CORS configuration, less its methods.

Source: Lambda API Reference, "Cors".
"""
MAX_METHODS = 6
"""Methods in the CORS configuration of a function URL.

Source: Lambda API Reference, "Cors".
"""
MAX_AGE = 86_400
"""Seconds that a browser may keep the answer to a preflight.

Source: Lambda API Reference, "Cors".
"""

_Listed = Annotated[Texts, Field(max_length=MAX_LISTED)]
_ANYWHERE = Listen.model_construct(address="127.0.0.1", port=0, tls=False)


class HttpCors(Model):
    """The CORS configuration of a function URL or an HTTP API."""

    allow_origins: _Listed = []
    allow_methods: _Listed = []
    allow_headers: _Listed = []
    expose_headers: _Listed = []
    allow_credentials: bool = False
    max_age: Annotated[int, Field(ge=0, le=MAX_AGE)] | None = None


class FunctionUrl(Model):
    """A function URL; `qualifier` is an alias."""

    listen: Listening = _ANYWHERE
    auth_type: AuthType = "NONE"
    invoke_mode: InvokeMode = "BUFFERED"
    cors: HttpCors | None = None
    domain: str | None = None
    qualifier: str | None = None


def _route(value: object) -> object:
    return {"function": value} if isinstance(value, str) else value


_Payload = Annotated[PayloadFormat, BeforeValidator(text_of)]


class ApiRoute(Model):
    """What a route of an HTTP API invokes."""

    function: str
    payload: _Payload | None = None
    timeout: Annotated[Number, Field(gt=0, le=INTEGRATION_TIMEOUT)] = INTEGRATION_TIMEOUT


class ApiStage(Model):
    """A stage of an HTTP API."""

    variables: dict[str, Text] = {}


class HttpApi(Model):
    """An HTTP API of API Gateway."""

    listen: Listening = _ANYWHERE
    payload: _Payload = "2.0"
    routes: Annotated[dict[str, Annotated[ApiRoute, BeforeValidator(_route)]], Field(min_length=1)]
    stage: Text | None = None
    stages: dict[str, ApiStage] = {}
    cors: HttpCors | None = None
    domain: str | None = None
