"""The CloudFront-* headers that policies can add about the viewer.

Address, protocol, HTTP version and TLS are real; the place and the fingerprints are said by the
configuration or the request (`viewer.py`), the device is a guess from the User-Agent (AWS does not
publish its rules).
Source: CloudFront Developer Guide, "Add CloudFront request headers".
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from edgegw.cloudfront.viewer_place import DEFAULT_PLACE, ViewerPlace
from edgegw.http.message import NegotiatedTls, Request
from edgegw.http.target import RequestTarget, to_text
from edgegw.http.version import dotted

_PLACE: Final = {
    "cloudfront-viewer-asn": "asn",
    "cloudfront-viewer-city": "city",
    "cloudfront-viewer-country": "country",
    "cloudfront-viewer-country-name": "country_name",
    "cloudfront-viewer-country-region": "region",
    "cloudfront-viewer-country-region-name": "region_name",
    "cloudfront-viewer-latitude": "latitude",
    "cloudfront-viewer-longitude": "longitude",
    "cloudfront-viewer-metro-code": "metro_code",
    "cloudfront-viewer-postal-code": "postal_code",
    "cloudfront-viewer-time-zone": "time_zone",
}
"""The headers about a viewer's place, by what of it they tell.

Source: CloudFront Developer Guide, "Add CloudFront request headers", headers for determining the
viewer's location.
"""

_FINGERPRINTS: Final = {
    "cloudfront-viewer-ja3-fingerprint": "ja3",
    "cloudfront-viewer-ja4-fingerprint": "ja4",
}
"""The headers that tell TLS handshakes apart; there only with TLS.

Source: CloudFront Developer Guide, "Add CloudFront request headers", other headers.
"""

MAX_HEADER_ORDER: Final = 7680
"""Characters of CloudFront-Viewer-Header-Order, which is cut behind them.

Source: CloudFront Developer Guide, "Add CloudFront request headers", other headers.
"""

_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))

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
    name: str,
    request: Request,
    error_target: RequestTarget | None = None,
    place: ViewerPlace = DEFAULT_PLACE,
) -> str | None:
    """The value of CloudFront's header `name` (any case) for `request`; None when it has none.

    `error_target` is there while a custom error page is fetched: what the viewer asked for.
    """
    lower = name.lower()
    if lower in _PLACE:
        return _ascii(getattr(place, _PLACE[lower])) or None
    if lower in _FINGERPRINTS:
        return getattr(place, _FINGERPRINTS[lower]) or None if request.scheme == "https" else None
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


def _ascii(text: str) -> str:
    """`text` with what is not ASCII percent-encoded.

    Source: CloudFront Developer Guide, "Add CloudFront request headers", headers for determining
    the viewer's location.
    """
    return text if text.isascii() else quote(text, safe=_PRINTABLE)


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
