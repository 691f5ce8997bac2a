"""The CloudFront-* headers that policies can add about the viewer.

Address, protocol, HTTP version and TLS are real; the place is a fixed one, the device a guess from
the User-Agent (AWS does not publish its rules).
Source: CloudFront Developer Guide, "Add CloudFront request headers".
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.http.message import NegotiatedTls, Request
from edgegw.http.target import RequestTarget, to_text
from edgegw.http.version import dotted

_PLACE: Final = {
    "cloudfront-viewer-asn": "16509",
    "cloudfront-viewer-city": "Seattle",
    "cloudfront-viewer-country": "US",
    "cloudfront-viewer-country-name": "United States",
    "cloudfront-viewer-country-region": "WA",
    "cloudfront-viewer-country-region-name": "Washington",
    "cloudfront-viewer-latitude": "47.60620",
    "cloudfront-viewer-longitude": "-122.33210",
    "cloudfront-viewer-metro-code": "819",
    "cloudfront-viewer-postal-code": "98101",
    "cloudfront-viewer-time-zone": "America/Los_Angeles",
}
"""Where every viewer is, as the headers about its place tell it.

Source: CloudFront Developer Guide, "Add CloudFront request headers", headers for determining the
viewer's location.
"""

MAX_HEADER_ORDER: Final = 7680
"""Characters of CloudFront-Viewer-Header-Order, which is cut behind them.

Source: CloudFront Developer Guide, "Add CloudFront request headers", other headers.
"""

_NEGOTIATIONS: Final = {
    "full": "fullHandshake",
    "resumed": "sessionResumed",
    "reused": "connectionReused",
}


def viewer_tls(tls: NegotiatedTls) -> str:
    """The value of CloudFront-Viewer-TLS: `TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake`.

    Source: CloudFront Developer Guide, "Add CloudFront request headers", other headers.
    """
    return f"{tls.protocol}:{tls.cipher}:{_NEGOTIATIONS[tls.negotiation]}"


def viewer_header(
    name: str, request: Request, error_target: RequestTarget | None = None
) -> str | None:
    """The value of CloudFront's header `name` (any case) for `request`; None when it has none.

    `error_target` is there while a custom error page is fetched: what the viewer asked for.
    """
    lower = name.lower()
    if lower in _PLACE:
        return _PLACE[lower]
    match lower:
        case "cloudfront-forwarded-proto":
            return request.scheme
        case "cloudfront-viewer-http-version":
            return dotted(request.http_version)
        case "cloudfront-viewer-tls":
            return viewer_tls(request.tls) if request.tls is not None else None
        case "cloudfront-viewer-address":
            return f"{request.client.address}:{request.client.port}"
        case "cloudfront-error-uri":
            return to_text(error_target.path) if error_target is not None else None
        case "cloudfront-error-args":
            return to_text(error_target.query or b"") if error_target is not None else None
        case "cloudfront-viewer-header-count":
            return str(len(request.headers))
        case "cloudfront-viewer-header-order":
            return ":".join(to_text(key) for key, _ in request.headers)[:MAX_HEADER_ORDER]
        case _ if lower.startswith("cloudfront-is-"):
            agent = to_text(request.headers.get(b"user-agent") or b"")
            return "true" if lower in device_headers(agent) else "false"
        case _:
            return None


def device_headers(user_agent: str) -> frozenset[str]:
    """Which `cloudfront-is-…-viewer` headers are true for `user_agent`. A guess."""
    kinds: set[str] = set()
    android = "Android" in user_agent
    if android:
        kinds.add("android")
    if re.search(r"iPhone|iPad|iPod", user_agent):
        kinds.add("ios")
    if re.search(r"SmartTV|SMART-TV|AppleTV|HbbTV|BRAVIA|Roku|AFT[A-Z]", user_agent):
        kinds.add("smarttv")
    elif re.search(r"iPad|Tablet|Kindle|Silk", user_agent) or (
        android and "Mobi" not in user_agent
    ):
        kinds |= {"tablet", "mobile"}
    elif "Mobi" in user_agent:
        kinds.add("mobile")
    else:
        kinds.add("desktop")
    return frozenset(f"cloudfront-is-{kind}-viewer" for kind in kinds)
