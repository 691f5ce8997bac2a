"""Keys of distributions: origins, behaviors, error pages, logs, restrictions."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from edgegw.cloudfront import quotas
from edgegw.cloudfront.triggers import Trigger, ViewerTrigger
from edgegw.config.distributions.legacy_keys import ForwardedValues, Ttl
from edgegw.config.document import KeyPath
from edgegw.config.fields import LATER, Listenings, Model, Number, OriginFaults, Text, between

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


def behaviors_of(
    distribution: Distribution, path: KeyPath = ()
) -> Iterator[tuple[KeyPath, DefaultBehavior]]:
    """The behaviors of a distribution, each with its path; `path` is that of the distribution."""
    yield (*path, "default_behavior"), distribution.default_behavior
    for at, behavior in enumerate(distribution.behaviors):
        yield (*path, "behaviors", at), behavior
