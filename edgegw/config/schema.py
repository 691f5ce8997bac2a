"""Which keys and types a configuration has.

One definition gives the validation and the nearest names (`judging`), the list of keys that have no
effect yet (`later_keys`), and the JSON Schema for editors (`json_schema`).
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

from pydantic import BeforeValidator, Field, create_model

from edgegw.cloudfront import quotas
from edgegw.cloudfront.strictness import OPEN_POINTS, Strictness
from edgegw.cloudfront.triggers import Trigger, ViewerTrigger
from edgegw.config.balancers.keys import LoadBalancer, TargetGroup
from edgegw.config.distributions.edge_function_keys import EdgeFunction, KeyValueStore
from edgegw.config.distributions.legacy_keys import ForwardedValues, Ttl
from edgegw.config.distributions.response_headers_keys import ResponseHeadersPolicy
from edgegw.config.events.event_source_keys import EventSource
from edgegw.config.events.keys import BucketNotification, EventRule, Schedule
from edgegw.config.events.queue_keys import Queue
from edgegw.config.events.stream_keys import Stream
from edgegw.config.fields import (
    LATER,
    Listening,
    Listenings,
    Model,
    Number,
    OriginFaults,
    Text,
    between,
)
from edgegw.config.functions.keys import Function
from edgegw.config.gateway.tracing_keys import Tracing
from edgegw.config.http_fronts.keys import HttpApi
from edgegw.config.identity.keys import IdentityProvider
from edgegw.config.sizes import Size

SelectionBehavior = Literal["none", "whitelist", "allExcept", "all"]


class Selection(Model):
    """Cookies or query strings of a policy."""

    behavior: SelectionBehavior = "none"
    items: list[Text] = []


class KeyHeaders(Model):
    """Headers of a cache policy."""

    behavior: Literal["none", "whitelist"] = "none"
    items: list[Text] = []


class OriginHeaders(Model):
    """Headers of an origin request policy."""

    behavior: Literal[
        "none", "whitelist", "allViewer", "allViewerAndWhitelistCloudFront", "allExcept"
    ] = "none"
    items: list[Text] = []


class CachePolicy(Model):
    """An own cache policy."""

    min_ttl: Ttl = 0
    default_ttl: Ttl | None = None
    max_ttl: Ttl | None = None
    query_strings: Selection = Selection.model_construct()
    headers: KeyHeaders = KeyHeaders.model_construct()
    cookies: Selection = Selection.model_construct()
    gzip: bool = False
    brotli: bool = False


class OriginRequestPolicy(Model):
    """An own origin request policy."""

    query_strings: Selection = Selection.model_construct()
    headers: OriginHeaders = OriginHeaders.model_construct()
    cookies: Selection = Selection.model_construct()


OriginTimeout = Annotated[Number, between(quotas.TIMEOUT_RANGE)]


class OriginShield(Model):
    """A cache before the origin, which changes nothing but where AWS keeps things."""

    enabled: bool = True
    origin_shield_region: str | None = None


def _origin_shield(value: object) -> object:
    return {"origin_shield_region": value} if isinstance(value, str) else value


class Origin(Model):
    """An origin: one of `url`, `load_balancer`, `s3`, `s3_website`, `function_url`."""

    url: str | None = None
    load_balancer: str | None = None
    s3: str | None = None
    s3_website: str | None = None
    bucket: str | None = None
    region: str | None = None
    access_control: Literal["oac", "oai", "public"] | None = None
    list_bucket: bool = False
    index_document: str | None = None
    error_document: str | None = None
    function_url: str | None = None
    path: str = ""
    protocol_policy: Literal["http-only", "https-only", "match-viewer"] | None = None
    http_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    https_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    origin_shield: Annotated[OriginShield, BeforeValidator(_origin_shield)] | None = None
    custom_headers: dict[str, Text] = {}
    read_timeout: OriginTimeout = 30
    keepalive_timeout: OriginTimeout = 5
    response_completion_timeout: Annotated[Number | None, LATER] = None
    connection_attempts: Annotated[int, between(quotas.ATTEMPTS_RANGE)] = 3
    connection_timeout: Annotated[Number, between(quotas.CONNECT_RANGE)] = 10
    verify: bool = True
    faults: OriginFaults | None = None


def _association(value: object) -> object:
    return {"function": value} if isinstance(value, str) else value


class Association(Model):
    """A function at a trigger."""

    function: str
    include_body: bool = False


Associated = Annotated[Association, BeforeValidator(_association)]
Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


class DefaultBehavior(Model):
    """The default cache behavior."""

    origin: str
    viewer_protocol_policy: Literal["allow-all", "redirect-to-https", "https-only"] = "allow-all"
    allowed_methods: list[Method] = ["GET", "HEAD"]
    cached_methods: list[Method] = []
    cache_policy: str = "CachingOptimized"
    forwarded_values: ForwardedValues | None = None
    min_ttl: Ttl | None = None
    default_ttl: Ttl | None = None
    max_ttl: Ttl | None = None
    origin_request_policy: str | None = None
    response_headers_policy: str | None = None
    compress: bool = False
    trusted_key_groups: Annotated[list[str], Field(max_length=quotas.MAX_KEY_GROUPS)] = []
    lambda_functions: dict[Trigger, Associated] = {}
    edge_functions: dict[ViewerTrigger, str] = {}


class Behavior(DefaultBehavior):
    """A cache behavior with its path pattern."""

    path_pattern: Annotated[str, Field(min_length=1, max_length=quotas.MAX_PATH_PATTERN)]


FailoverCode = Literal[400, 403, 404, 416, 429, 500, 502, 503, 504]
ErrorCode = Literal[400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]
PageCode = Literal[200, 400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]


class ErrorResponse(Model):
    """A custom error response; page and code belong together."""

    error_code: ErrorCode
    response_page_path: str | None = None
    response_code: PageCode | None = None
    error_caching_min_ttl: Annotated[int | None, Field(ge=0)] = None


class DistributionLog(Model):
    """The access log of a distribution; without `fields` all the usual ones."""

    file: str
    format: Literal["w3c", "json", "real-time"] = "w3c"
    fields: list[str] = []
    include_cookies: bool = False


def _log(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


Logged = Annotated[DistributionLog, BeforeValidator(_log)]


class OriginGroup(Model):
    """Two origins, the second for failover."""

    members: Annotated[list[str], Field(min_length=2, max_length=2)]
    failover_status_codes: Annotated[list[FailoverCode], Field(min_length=1)]


class TrustedKey(Model):
    """A public key by its id."""

    id: Annotated[Text, Field(min_length=1)]
    public_key: str


KeyGroup = Annotated[list[TrustedKey], Field(min_length=1, max_length=quotas.MAX_KEYS_OF_GROUP)]


class GeoRestriction(Model):
    """Countries whose viewers alone are answered, or are not."""

    type: Literal["none", "whitelist", "blacklist"]
    locations: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = []


class CacheTagConfig(Model):
    """The header of origins' answers that carries cache tags, by which invalidations name them."""

    header_name: str


class Distribution(Model):
    """A CloudFront distribution."""

    listen: Listenings
    id: str | None = None
    domain_name: str | None = None
    aliases: list[str] = []
    default_root_object: str = ""
    origins: dict[str, Origin] = {}
    origin_groups: dict[str, OriginGroup] = {}
    default_behavior: DefaultBehavior
    behaviors: list[Behavior] = []
    custom_error_responses: list[ErrorResponse] = []
    http_version: Literal["http1.1", "http2", "http3", "http2and3"] = "http2"
    geo_restriction: GeoRestriction | None = None
    access_log: Logged | None = None
    cache_tag_config: CacheTagConfig | None = None


def _open_points() -> type[Model]:
    """The open points of `Strictness`, with the choices that are its defaults."""
    types = get_type_hints(Strictness)
    points: dict[str, Any] = {
        name: (types[name], getattr(Strictness(), name)) for name in OPEN_POINTS
    }
    text = "What AWS leaves open at the edge; the defaults are those of `cloudfront.strictness`."
    return create_model("OpenPoints", __base__=Model, __doc__=text, **points)


if TYPE_CHECKING:
    OpenPoints: TypeAlias = Model
else:
    OpenPoints = _open_points()


class Viewer(Model):
    """Where viewers are that do not say; `X-Edgegw-Viewer` says it for one request."""

    country: str | None = None
    country_name: str | None = None
    region: str | None = None
    region_name: str | None = None
    city: str | None = None
    postal_code: Text | None = None
    time_zone: str | None = None
    latitude: Text | None = None
    longitude: Text | None = None
    metro_code: Text | None = None
    asn: Text | None = None
    ip: str | None = None
    ja3: str | None = None
    ja4: str | None = None

    def said(self) -> dict[str, str]:
        """What is given."""
        return {name: text for name, text in self if text is not None}


class Cache(Model):
    """What the cache of all distributions may take: in memory, and on disk for large bodies.

    `store` is the URL of a Redis that several gateways share.
    """

    memory: Size = 256_000_000
    disk: Size = 2_000_000_000
    store: str | None = None


class Gateway(Model):
    """Settings of the gateway itself."""

    cache: Cache = Cache.model_construct()
    viewer: Viewer = Viewer.model_construct()
    hosts: dict[str, str] = {}
    local_environment: dict[str, Text] = {}

    inspector: Annotated[str | None, LATER] = None
    lambda_api: Listening | None = None
    public_keys: Listening | None = None
    state: str = ".edgegw"
    tracing: Tracing = Tracing.model_construct()
    time_scale: Annotated[Number, Field(gt=0, le=100_000)] = 1
    accept_any_host: bool = False
    fault_seed: int | None = None
    region: str = "us-east-1"
    account_id: Annotated[Text, Field(pattern=r"^[0-9]{12}$")] = "123456789012"
    strict: bool = True
    open_points: OpenPoints = OpenPoints.model_construct()
    concurrency: Annotated[int, Field(ge=1)] = 1000
    role: str = "arn:aws:iam::123456789012:role/edgegw"
    pass_aws_credentials: bool = False
    cpu: Literal["full", "proportional"] = "full"


class Config(Model):
    """The whole file."""

    functions: dict[str, Function] = {}
    edge_functions: dict[str, EdgeFunction] = {}
    key_value_stores: dict[str, KeyValueStore] = {}
    cache_policies: dict[str, CachePolicy] = {}
    origin_request_policies: dict[str, OriginRequestPolicy] = {}
    response_headers_policies: dict[str, ResponseHeadersPolicy] = {}
    key_groups: dict[str, KeyGroup] = {}
    distributions: dict[str, Distribution] = {}
    target_groups: dict[str, TargetGroup] = {}
    load_balancers: dict[str, LoadBalancer] = {}
    http_apis: dict[str, HttpApi] = {}
    identity_providers: dict[str, IdentityProvider] = {}
    queues: dict[str, Queue] = {}
    streams: dict[str, Stream] = {}
    event_sources: list[EventSource] = []
    schedules: dict[str, Schedule] = {}
    rules: dict[str, EventRule] = {}
    bucket_notifications: dict[str, BucketNotification] = {}
    gateway: Gateway = Gateway.model_construct()
