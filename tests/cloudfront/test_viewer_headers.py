"""The CloudFront-* headers about the viewer."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.viewer_headers import Negotiation, viewer_tls


@pytest.mark.parametrize(
    ("negotiation", "value"),
    [
        ("full", "TLSv1.3:TLS_AES_128_GCM_SHA256:fullHandshake"),
        ("resumed", "TLSv1.3:TLS_AES_128_GCM_SHA256:sessionResumed"),
        ("reused", "TLSv1.3:TLS_AES_128_GCM_SHA256:connectionReused"),
    ],
)
def test_viewer_tls_says_how_tls_was_agreed_on(negotiation: Negotiation, value: str) -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers"."""
    assert viewer_tls("TLSv1.3", "TLS_AES_128_GCM_SHA256", negotiation) == value
