"""What is configured: function URLs, HTTP APIs with their routes and stages, CORS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from edgegw.awslambda.model import FunctionRef
from edgegw.values import value

AuthType = Literal["NONE", "AWS_IAM"]
InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]
PayloadFormat = Literal["1.0", "2.0"]

DEFAULT: Final = "$default"
"""The route that takes what no other takes, and the stage that stands in no path.

Source: API Gateway Developer Guide, "Create routes for HTTP APIs", "Stages for HTTP APIs".
"""
INTEGRATION_TIMEOUT: Final = 30.0
"""Seconds that an HTTP API waits for a function at most, and unless its route says less.

Source: API Gateway Developer Guide, "Quotas for configuring and running an HTTP API".
"""


@value
class CorsRules:
    """A CORS configuration; `max_age` in seconds.

    Source: Lambda API Reference, "Cors"; API Gateway API Reference, "Cors".
    """

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age: int | None = None


@value(kw_only=True)
class FunctionUrl:
    """A function URL: of a function, or of one of its aliases."""

    function: FunctionRef
    domain: str
    region: str = "us-east-1"
    account_id: str = "123456789012"
    auth_type: AuthType = "NONE"
    invoke_mode: InvokeMode = "BUFFERED"
    cors: CorsRules | None = None


@value(kw_only=True)
class ApiRoute:
    """A route. `method` is None for ANY, `segments` None for `$default`; `timeout` in seconds."""

    key: str
    function: FunctionRef
    method: str | None = None
    segments: tuple[str, ...] | None = None
    payload: PayloadFormat = "2.0"
    timeout: float = INTEGRATION_TIMEOUT

    @property
    def path(self) -> str:
        """The path of its key, `$default` where it has none."""
        return self.key.partition(" ")[2] or self.key


@value(kw_only=True)
class HttpApi:
    """An HTTP API. `stages` have their variables by name."""

    name: str
    domain: str
    routes: tuple[ApiRoute, ...]
    region: str = "us-east-1"
    account_id: str = "123456789012"
    stages: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {DEFAULT: {}})
    cors: CorsRules | None = None

    @property
    def api_id(self) -> str:
        return self.domain.partition(".")[0]


def url_domain(function: FunctionRef, region: str, account_id: str) -> str:
    """The domain of a function URL: its id is 32 letters and digits, made of what it is of.

    Source: Lambda Developer Guide, "Creating and managing Lambda function URLs".
    """
    identity = _identity(f"{account_id} {function.name} {function.qualifier}", 32)
    return f"{identity}.lambda-url.{region}.on.aws"


def api_domain(name: str, region: str, account_id: str) -> str:
    """The domain of an HTTP API: its id is 10 letters and digits, made of its name.

    Source: API Gateway Developer Guide, "Custom domain names for HTTP APIs", default endpoint.
    """
    return f"{_identity(f'{account_id} {name}', 10)}.execute-api.{region}.amazonaws.com"


_DIGITS: Final = "abcdefghijklmnopqrstuvwxyz234567"


def _identity(text: str, length: int) -> str:
    import hashlib  # few configurations need it

    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_DIGITS[byte % 32] for byte in digest[:length])
