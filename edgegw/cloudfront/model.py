"""Distribution, behavior, origin, policies: resolved, compiled once, immutable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from edgegw.awslambda.model import FunctionRef
from edgegw.cloudfront.hosts import AcceptedHosts
from edgegw.cloudfront.response_headers_policy import ResponseHeadersPolicy
from edgegw.cloudfront.strictness import DEFAULT_STRICTNESS, Strictness
from edgegw.cloudfront.triggers import Trigger, ViewerTrigger
from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, ViewerPlace
from edgegw.http.message import Header
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.cloudfront.cache.key import KeyRecipe
    from edgegw.cloudfront.cache.settings import CacheSettings
    from edgegw.cloudfront.forwarding import Forwarding

ViewerProtocolPolicy: TypeAlias = Literal["allow-all", "redirect-to-https", "https-only"]


@value
class Association:
    """A function at a trigger. `include_body` hands it the request's body."""

    function: FunctionRef
    include_body: bool = False


@value
class CustomOrigin:
    """An origin spoken to over HTTP/1.1. Times in seconds.

    `name` is `DISTRIBUTION/ORIGIN` for one of the configuration, empty when a function made it.
    Without `verify` its certificate is not checked, which AWS has no switch for.
    """

    domain_name: str
    port: int
    protocol: Literal["http", "https"]
    path: str = ""
    custom_headers: tuple[Header, ...] = ()
    read_timeout: float = 30
    keepalive_timeout: float = 5
    response_completion_timeout: float | None = None
    ssl_protocols: tuple[str, ...] = ("TLSv1.2",)
    connection_attempts: int = 3
    connection_timeout: float = 10
    verify: bool = True
    name: str = field(default="", compare=False)


@value
class S3Origin:
    """A bucket by its DNS name. Times in seconds.

    `name` is `DISTRIBUTION/ORIGIN` for one of the configuration, empty when a function made it.
    It `is_signed` where the distribution has an access control that signs (OAC); the bucket that a
    function chooses in its place gets signed requests as well.
    """

    verify: ClassVar[bool] = True

    domain_name: str
    path: str = ""
    custom_headers: tuple[Header, ...] = ()
    auth_method: Literal["none", "origin-access-identity"] = "none"
    region: str = ""
    read_timeout: float | None = None
    response_completion_timeout: float | None = None
    is_signed: bool = False
    name: str = field(default="", compare=False)


Origin: TypeAlias = CustomOrigin | S3Origin

SelectionBehavior: TypeAlias = Literal[
    "none",
    "whitelist",
    "allExcept",
    "all",
    "allViewer",
    "allViewerAndWhitelistCloudFront",
]


@value
class Selection:
    """Which headers, cookies or query strings a policy names."""

    behavior: SelectionBehavior = "none"
    items: tuple[str, ...] = ()


@value
class CachePolicy:
    """What is in the cache key. TTLs in seconds."""

    name: str
    id: str
    min_ttl: int = 0
    default_ttl: int = 86400
    max_ttl: int = 31536000
    headers: Selection = Selection()
    cookies: Selection = Selection()
    query_strings: Selection = Selection()
    gzip: bool = False
    brotli: bool = False


@value
class OriginRequestPolicy:
    """What the origin gets beyond the cache key."""

    name: str
    id: str
    headers: Selection = Selection()
    cookies: Selection = Selection()
    query_strings: Selection = Selection()


@value
class Fallback:
    """The second origin of an origin group, and the codes that make CloudFront turn to it.

    `methods` are those that it does so for: GET, HEAD, and OPTIONS where that is cached. `group` is
    the name of the origin group.
    """

    origin: Origin
    codes: frozenset[int]
    methods: frozenset[str] = frozenset({"GET", "HEAD"})
    group: str = field(default="", compare=False)


@value
class ErrorPage:
    """A custom error response: the page at `path` with `status` in the place of an error."""

    path: str
    status: int


@value
class Behavior:
    """A cache behavior. `path_pattern` is `*` for the default one.

    `origin` is the primary one where there is a `fallback`. `cache` says how answers are kept, None
    that none ever is; `key` what tells them apart. With `trusted_keys` (PEM by id) only signed
    requests are answered. `edge_functions` are CloudFront Functions by name.
    """

    path_pattern: str
    compiled: re.Pattern[bytes]
    origin: Origin
    forwarding: Forwarding
    viewer_protocol_policy: ViewerProtocolPolicy = "allow-all"
    allowed_methods: frozenset[str] = frozenset({"GET", "HEAD"})
    associations: Mapping[Trigger, Association] = field(default_factory=dict[Trigger, Association])
    fallback: Fallback | None = None
    cache: CacheSettings | None = None
    key: KeyRecipe | None = None
    trusted_keys: Mapping[str, bytes] | None = None
    response_headers_policy: ResponseHeadersPolicy | None = None
    compress: bool = False
    edge_functions: Mapping[ViewerTrigger, str] = field(default_factory=dict[ViewerTrigger, str])


@value
class GeoRestriction:
    """Countries (ISO 3166-1 alpha-2) that alone may ask, or may not."""

    type: Literal["whitelist", "blacklist"]
    locations: frozenset[str]

    def blocks(self, country: str) -> bool:
        """Whether viewers in `country` are refused; nobody is whose country is not known.

        Source: CloudFront Developer Guide, "Restrict the geographic distribution of your content".
        """
        return bool(country) and (country in self.locations) == (self.type == "blacklist")


HttpVersion = Literal["http1.1", "http2", "http3", "http2and3"]
"""`HttpVersion` of a distribution; HTTP/1.1 is always there."""


@value
class Distribution:
    """A distribution. `behaviors` are in order of precedence, without the default one.

    `strictness` says how its functions are judged; `error_pages` are by the status they stand for.
    `http_version` is the newest version for viewers over TLS; HTTP/3 is announced on `port`.
    `viewer` is where viewers are that do not say; `https_port` is where it takes HTTPS, if it does.
    `over_https` is what it is to viewers over HTTPS, where an origin is spoken to as the viewer is.
    Without `hosts` any Host is answered. `cache_tag_header` is `HeaderName` of `CacheTagConfig` in
    lower case, empty without. `origins` are by the names that functions choose them by.
    """

    name: str
    id: str
    domain_name: str
    aliases: tuple[str, ...]
    behaviors: tuple[Behavior, ...]
    default_behavior: Behavior
    default_root_object: str = ""
    strictness: Strictness = DEFAULT_STRICTNESS
    error_pages: Mapping[int, ErrorPage] = field(default_factory=dict[int, ErrorPage])
    http_version: HttpVersion = "http2"
    port: int = 443
    viewer: ViewerPlace = DEFAULT_PLACE
    https_port: int | None = None
    hosts: AcceptedHosts | None = None
    over_https: Distribution | None = None
    geo_restriction: GeoRestriction | None = None
    cache_tag_header: bytes = b""
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])

    def seen_over(self, scheme: str) -> Distribution:
        """What it is to viewers that come over `scheme`."""
        return self if self.over_https is None or scheme != "https" else self.over_https
