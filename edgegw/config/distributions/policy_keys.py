"""Keys of own policies: what of a request is forwarded, and what is in the cache key."""

from typing import Literal

from edgegw.config.distributions.legacy_keys import Ttl
from edgegw.config.fields import Model, Text

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
