"""The CloudFront-* headers about the viewer."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.viewer_headers import viewer_tls
from edgegw.http.message import Tls


@pytest.mark.parametrize(
    ("tls", "value"),
    [
        (Tls("TLSv1.3", "SUITE", "full"), "TLSv1.3:SUITE:fullHandshake"),
        (Tls("TLSv1.3", "SUITE", "resumed"), "TLSv1.3:SUITE:sessionResumed"),
        (Tls("TLSv1.2", "OTHER", "reused"), "TLSv1.2:OTHER:connectionReused"),
    ],
)
def test_viewer_tls_says_how_tls_was_agreed_on(tls: Tls, value: str) -> None:
    """CloudFront Developer Guide, "Add CloudFront request headers"."""
    assert viewer_tls(tls) == value
