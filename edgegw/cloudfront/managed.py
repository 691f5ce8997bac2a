"""AWS's managed policies as data, found by name (with or without `Managed-`) and by id.

Source: CloudFront Developer Guide, "Use managed cache policies" and "Use managed origin request
policies". The four newer Amplify cache policies are missing: AWS does not print their ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from edgegw.cloudfront.model import CachePolicy, OriginRequestPolicy, Selection
from edgegw.cloudfront.response_headers_policy import ResponseHeadersPolicy

_NONE: Final = Selection()
_ALL: Final = Selection("all")
_YEAR: Final = 31536000


def _named(*items: str) -> Selection:
    return Selection("whitelist", items)


_METHOD_OVERRIDES: Final = _named(
    "Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"
)

CACHE_POLICIES: Final = (
    CachePolicy(
        "Amplify",
        "2e54312d-136d-493c-8eb9-b001f22f67d2",
        2,
        2,
        600,
        _named("Authorization", "CloudFront-Viewer-Country", "Host"),
        _ALL,
        _ALL,
        gzip=True,
        brotli=True,
    ),
    CachePolicy("CachingDisabled", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", 0, 0, 0),
    CachePolicy(
        "CachingOptimized",
        "658327ea-f89d-4fab-a63d-7e88639e58f6",
        1,
        86400,
        _YEAR,
        gzip=True,
        brotli=True,
    ),
    CachePolicy(
        "CachingOptimizedForUncompressedObjects",
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        1,
        86400,
        _YEAR,
    ),
    CachePolicy(
        "Elemental-MediaPackage",
        "08627262-05a9-4f76-9ded-b50ca2e3a84f",
        0,
        86400,
        _YEAR,
        _named("Origin"),
        _NONE,
        _named("aws.manifestfilter", "start", "end", "m"),
        gzip=True,
    ),
    CachePolicy(
        "UseOriginCacheControlHeaders",
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        0,
        0,
        _YEAR,
        _METHOD_OVERRIDES,
        _ALL,
        _NONE,
        gzip=True,
        brotli=True,
    ),
    CachePolicy(
        "UseOriginCacheControlHeaders-QueryStrings",
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        0,
        0,
        _YEAR,
        _METHOD_OVERRIDES,
        _ALL,
        _ALL,
        gzip=True,
        brotli=True,
    ),
)
"""AWS's own cache policies.

Source: CloudFront Developer Guide, "Use managed cache policies".
"""

_LOCATION: Final = (
    "CloudFront-Viewer-City",
    "CloudFront-Viewer-Country",
    "CloudFront-Viewer-Country-Name",
    "CloudFront-Viewer-Country-Region",
    "CloudFront-Viewer-Country-Region-Name",
    "CloudFront-Viewer-Latitude",
    "CloudFront-Viewer-Longitude",
    "CloudFront-Viewer-Metro-Code",
    "CloudFront-Viewer-Postal-Code",
    "CloudFront-Viewer-Time-Zone",
)
_DEVICE: Final = (
    "CloudFront-Is-Android-Viewer",
    "CloudFront-Is-Desktop-Viewer",
    "CloudFront-Is-IOS-Viewer",
    "CloudFront-Is-Mobile-Viewer",
    "CloudFront-Is-SmartTV-Viewer",
    "CloudFront-Is-Tablet-Viewer",
)
_PROTOCOL: Final = (
    "CloudFront-Forwarded-Proto",
    "CloudFront-Viewer-Address",
    "CloudFront-Viewer-ASN",
    "CloudFront-Viewer-Http-Version",
    "CloudFront-Viewer-TLS",
)
_CORS_REQUEST: Final = ("Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method")

ADDED_BY_ALL_VIEWER_EXCEPT_HOST: Final = (*_DEVICE, *_PROTOCOL, *_LOCATION)
"""CloudFront's own headers that AllViewerExceptHostHeader brings along."""

ORIGIN_REQUEST_POLICIES: Final = (
    OriginRequestPolicy(
        "AllViewer",
        "216adef6-5c7f-47e4-b989-5492eafa07d3",
        Selection("allViewer"),
        _ALL,
        _ALL,
    ),
    OriginRequestPolicy(
        "AllViewerAndCloudFrontHeaders-2022-06",
        "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        Selection("allViewerAndWhitelistCloudFront", (*_PROTOCOL, *_DEVICE, *_LOCATION)),
        _ALL,
        _ALL,
    ),
    OriginRequestPolicy(
        "AllViewerExceptHostHeader",
        "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        Selection("allExcept", ("Host",)),
        _ALL,
        _ALL,
    ),
    OriginRequestPolicy(
        "CORS-CustomOrigin", "59781a5b-3903-41f3-afcb-af62929ccde1", _named("Origin")
    ),
    OriginRequestPolicy(
        "CORS-S3Origin", "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", _named(*_CORS_REQUEST)
    ),
    OriginRequestPolicy(
        "Elemental-MediaTailor-PersonalizedManifests",
        "775133bc-15f2-49f9-abea-afb2e0bf67d2",
        _named(*_CORS_REQUEST, "User-Agent", "X-Forwarded-For"),
        _NONE,
        _ALL,
    ),
    OriginRequestPolicy("HostHeaderOnly", "bf0718e1-ba1e-49d1-88b1-f726733018ae", _named("Host")),
    OriginRequestPolicy(
        "UserAgentRefererHeaders",
        "acba4595-bd28-49b8-b9fe-13317c0390fa",
        _named("User-Agent", "Referer"),
    ),
)
"""AWS's own origin request policies.

Source: CloudFront Developer Guide, "Use managed origin request policies".
"""

_Policy = TypeVar("_Policy", CachePolicy, OriginRequestPolicy, ResponseHeadersPolicy)


def find_policy(policies: Sequence[_Policy], name_or_id: str) -> _Policy | None:
    """The managed policy of that name (`Managed-` in front allowed) or id, or None."""
    wanted = name_or_id.removeprefix("Managed-")
    return next((each for each in policies if wanted in (each.name, each.id)), None)
