"""Which keys a response headers policy has: AWS's fields in snake_case."""

from typing import Annotated, Literal

from pydantic import Field

from edgegw.config.fields import Model, Number, Text

_Seconds = Annotated[int, Field(ge=0)]
CorsMethod = Literal["ALL", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


class Cors(Model):
    """The CORS section of a response headers policy."""

    access_control_allow_origins: Annotated[list[Text], Field(min_length=1)]
    access_control_allow_headers: list[Text] = []
    access_control_allow_methods: list[CorsMethod] = []
    access_control_allow_credentials: bool = False
    access_control_expose_headers: list[Text] = []
    access_control_max_age_sec: _Seconds | None = None
    origin_override: bool


class XssProtection(Model):
    """X-XSS-Protection; `mode_block` and `report_uri` exclude each other."""

    protection: bool
    mode_block: bool = False
    report_uri: str | None = None
    override: bool


class FrameOptions(Model):
    """X-Frame-Options."""

    frame_option: Literal["DENY", "SAMEORIGIN"]
    override: bool


class ReferrerPolicy(Model):
    """Referrer-Policy."""

    referrer_policy: Literal[
        "no-referrer",
        "no-referrer-when-downgrade",
        "origin",
        "origin-when-cross-origin",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
        "unsafe-url",
    ]
    override: bool


class ContentSecurityPolicy(Model):
    """Content-Security-Policy."""

    content_security_policy: str
    override: bool


class ContentTypeOptions(Model):
    """X-Content-Type-Options: nosniff."""

    override: bool


class StrictTransportSecurity(Model):
    """Strict-Transport-Security; `access_control_max_age_sec` is AWS's name of its max-age."""

    access_control_max_age_sec: _Seconds
    include_subdomains: bool = False
    preload: bool = False
    override: bool


class SecurityHeaders(Model):
    """The security headers of a response headers policy."""

    xss_protection: XssProtection | None = None
    frame_options: FrameOptions | None = None
    referrer_policy: ReferrerPolicy | None = None
    content_security_policy: ContentSecurityPolicy | None = None
    content_type_options: ContentTypeOptions | None = None
    strict_transport_security: StrictTransportSecurity | None = None


class CustomHeader(Model):
    """A custom header of a response headers policy; its value may be empty."""

    header: str
    value: Text = ""
    override: bool


class ServerTiming(Model):
    """Server-Timing for a percentage of the answers."""

    enabled: bool
    sampling_rate: Number = 0


class ResponseHeadersPolicy(Model):
    """An own response headers policy."""

    cors: Cors | None = None
    security_headers: SecurityHeaders = SecurityHeaders.model_construct()
    custom_headers: list[CustomHeader] = []
    remove_headers: list[str] = []
    server_timing: ServerTiming | None = None
