"""The keys of target groups and load balancers."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema

from edgegw.alb import quotas
from edgegw.config.balancers.guard_keys import (
    AuthenticateCognito,
    AuthenticateOidc,
    JwtValidation,
)
from edgegw.config.fields import (
    LATER,
    Listening,
    Model,
    Number,
    OriginFaults,
    Text,
    Texts,
    between,
)

Duration = Annotated[Number, between(quotas.STICKINESS_RANGE)]
_CHECKS: Final = quotas.HEALTH_CHECK_RANGES

# Target groups


def _attribute(value: object) -> object:
    """AWS's attributes are strings; YAML's `true` and `60` are taken as they are written."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


_ATTRIBUTE_SCHEMA: Final = {"type": ["string", "number", "boolean"]}
AttributeValue = Annotated[
    str, BeforeValidator(_attribute), WithJsonSchema(cast("Any", _ATTRIBUTE_SCHEMA))
]
AttributeMap = dict[str, AttributeValue]


class HealthCheck(Model):
    """How targets are probed; what is left out is AWS's default for the type of target group."""

    enabled: bool | None = None
    protocol: Literal["HTTP", "HTTPS"] | None = None
    path: Annotated[str, Field(min_length=1, max_length=quotas.MAX_CHECK_PATH)] | None = None
    port: Text | None = None
    interval: Annotated[Number, Field(gt=0, le=_CHECKS["interval"][1])] | None = None
    timeout: Annotated[Number, Field(gt=0, le=_CHECKS["timeout"][1])] | None = None
    healthy_threshold: Annotated[int, Field(ge=1, le=_CHECKS["healthy_threshold"][1])] | None = None
    unhealthy_threshold: (
        Annotated[int, Field(ge=1, le=_CHECKS["unhealthy_threshold"][1])] | None
    ) = None
    matcher: Text | None = None


class TargetStickiness(Model):
    """A client stays with its target."""

    type: Literal["lb_cookie", "app_cookie"] = "lb_cookie"
    duration: Duration = 86400
    cookie_name: str | None = None
    enabled: bool = True


class TargetGroup(Model):
    """A target group."""

    target_type: Literal["lambda", "ip", "instance"] = "ip"
    function: str | None = None
    multi_value_headers: bool = False
    targets: list[str] = []
    faults: OriginFaults | None = None
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    protocol_version: Literal["HTTP1", "HTTP2", "GRPC"] = "HTTP1"
    health_check: HealthCheck = HealthCheck.model_construct()
    stickiness: TargetStickiness | None = None
    attributes: AttributeMap = {}


# Actions


class Weighted(Model):
    """A target group in a forward action."""

    target_group: str
    weight: Annotated[int, Field(ge=0, le=quotas.MAX_WEIGHT)] = 1


class GroupStickiness(Model):
    """A client stays with its target group."""

    duration: Duration = 3600
    enabled: bool = True


def _forward(value: object) -> object:
    if isinstance(value, str):
        return {"target_groups": [{"target_group": value}]}
    if isinstance(value, list):
        return {"target_groups": cast("list[object]", value)}
    return value


class Forward(Model):
    """A forward action."""

    target_groups: Annotated[list[Weighted], Field(min_length=1, max_length=quotas.MAX_FORWARDS)]
    stickiness: GroupStickiness | None = None


class FixedResponse(Model):
    """A fixed-response action."""

    status_code: Annotated[Text, Field(pattern=r"^[245][0-9][0-9]$")]
    content_type: Literal[
        "text/plain", "text/css", "text/html", "application/javascript", "application/json"
    ] = "text/plain"
    message_body: Annotated[str, Field(max_length=quotas.MAX_MESSAGE)] = ""


class Redirect(Model):
    """A redirect action."""

    status_code: Literal["HTTP_301", "HTTP_302"]
    protocol: Literal["HTTP", "HTTPS", "#{protocol}"] = "#{protocol}"
    host: Annotated[str, Field(min_length=1, max_length=quotas.MAX_REDIRECT_PART)] = "#{host}"
    port: Annotated[Text, Field(pattern=r"^(#\{port\}|[1-9][0-9]{0,4})$")] = "#{port}"
    path: Annotated[str, Field(min_length=1, max_length=quotas.MAX_REDIRECT_PART, pattern="^/")] = (
        "/#{path}"
    )
    query: Annotated[str, Field(max_length=quotas.MAX_REDIRECT_PART)] = "#{query}"


class Action(Model):
    """An action: a mapping of one key (and `order`)."""

    forward: Annotated[Forward | None, BeforeValidator(_forward)] = None
    fixed_response: FixedResponse | None = None
    redirect: Redirect | None = None
    authenticate_oidc: AuthenticateOidc | None = None
    authenticate_cognito: AuthenticateCognito | None = None
    jwt_validation: JwtValidation | None = None
    order: Annotated[int, Field(ge=1, le=quotas.MAX_PRIORITY)] | None = None


# Conditions

Patterns = Annotated[Texts, Field(min_length=1)]


class HttpHeader(Model):
    """Values of one header."""

    name: Annotated[str, Field(min_length=1, max_length=quotas.MAX_HEADER_NAME)]
    values: Patterns


class QueryPair(Model):
    """A pair of the query; without `key` any value."""

    key: Text | None = None
    value: Text


def _pairs(value: object) -> object:
    return [cast("object", value)] if isinstance(value, dict) else value


class Condition(Model):
    """A condition: a mapping of one key."""

    path_pattern: Patterns | None = None
    host_header: Patterns | None = None
    http_request_method: Patterns | None = None
    source_ip: Patterns | None = None
    http_header: HttpHeader | None = None
    query_string: Annotated[
        Annotated[list[QueryPair], Field(min_length=1)] | None, BeforeValidator(_pairs)
    ] = None
    host_header_regex: Patterns | None = None
    path_pattern_regex: Patterns | None = None
    http_header_regex: HttpHeader | None = None


class Rewrite(Model):
    """What a transform replaces by what."""

    regex: Annotated[str, Field(min_length=1, max_length=quotas.MAX_REWRITE)]
    replace: Annotated[str, Field(max_length=quotas.MAX_REWRITE)]


class Transform(Model):
    """A transform: a mapping of one key."""

    url_rewrite: Rewrite | None = None
    host_header_rewrite: Rewrite | None = None


class Rule(Model):
    """A listener rule."""

    priority: Annotated[int, Field(ge=1, le=quotas.MAX_PRIORITY)]
    conditions: Annotated[list[Condition], Field(min_length=1)]
    actions: Annotated[list[Action], Field(min_length=1)]
    transforms: list[Transform] = []


# Listeners and load balancers


class Certificate(Model):
    """A certificate and its key by path."""

    certificate: str
    key: str


class MutualAuthentication(Model):
    """What a listener asks of the certificates of clients."""

    mode: Literal["off", "passthrough", "verify"]
    trust_store: str | None = None
    ignore_client_certificate_expiry: bool = False
    advertise_trust_store_ca_names: Annotated[bool, LATER] = False


class Listener(Model):
    """A listener of a load balancer."""

    listen: Listening
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    certificate: str | None = None
    key: str | None = None
    certificates: list[Certificate] = []
    mutual_authentication: MutualAuthentication | None = None
    public_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    public_protocol: Literal["HTTP", "HTTPS"] | None = None
    rules: list[Rule] = []
    default_actions: Annotated[list[Action], Field(min_length=1)]
    attributes: AttributeMap = {}

    @property
    def is_https(self) -> bool:
        """Whether clients see HTTPS."""
        if self.public_protocol is not None:
            return self.public_protocol == "HTTPS"
        return self.protocol == "HTTPS" or self.certificate is not None or bool(self.listen.tls)


class LoadBalancer(Model):
    """An Application Load Balancer."""

    listeners: Annotated[list[Listener], Field(min_length=1)]
    attributes: AttributeMap = {}
    access_log: str | None = None
    connection_log: str | None = None
    health_check_log: str | None = None
