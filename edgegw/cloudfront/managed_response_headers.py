"""AWS's managed response headers policies as data.

Source: CloudFront Developer Guide, "Use managed response headers policies".
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.cors import ALL_CORS_METHODS, CorsPolicy, compile_cors
from edgegw.cloudfront.response_headers_policy import PolicyHeader, ResponseHeadersPolicy

_SIMPLE: Final[CorsPolicy] = compile_cors(("*",))
_WITH_PREFLIGHT: Final[CorsPolicy] = compile_cors(("*",), methods=ALL_CORS_METHODS, exposed=("*",))
_SECURITY: Final = (
    PolicyHeader(b"X-XSS-Protection", b"1; mode=block", override=False),
    PolicyHeader(b"X-Frame-Options", b"SAMEORIGIN", override=False),
    PolicyHeader(b"Referrer-Policy", b"strict-origin-when-cross-origin", override=False),
    PolicyHeader(b"X-Content-Type-Options", b"nosniff", override=True),
    PolicyHeader(b"Strict-Transport-Security", b"max-age=31536000", override=False),
)

RESPONSE_HEADERS_POLICIES: Final = (
    ResponseHeadersPolicy("SimpleCORS", "60669652-455b-4ae9-85a4-c4c02393f86c", _SIMPLE),
    ResponseHeadersPolicy(
        "CORS-With-Preflight", "5cc3b908-e619-4b99-88e5-2cf7f45965bd", _WITH_PREFLIGHT
    ),
    ResponseHeadersPolicy(
        "SecurityHeadersPolicy", "67f7725c-6f97-4210-82d7-5512b31e9d03", security=_SECURITY
    ),
    ResponseHeadersPolicy(
        "CORS-and-SecurityHeadersPolicy",
        "e61eb60c-9c35-4d20-a928-2b84e02af89c",
        _SIMPLE,
        _SECURITY,
    ),
    ResponseHeadersPolicy(
        "CORS-with-preflight-and-SecurityHeadersPolicy",
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
        _WITH_PREFLIGHT,
        _SECURITY,
    ),
)
"""AWS's own response headers policies.

Source: CloudFront Developer Guide, "Use managed response headers policies".
"""
