import pytest

from edgegw.cloudfront.answers import DistributionFacts, error_page, redirect_to_https
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")


@pytest.mark.parametrize("text", ["Request blocked.", "Bad request.", "x" * 150])
def test_page_has_the_observed_length(text: str) -> None:
    page = error_page(403, text, FACTS)
    assert page.body.content is not None
    assert len(page.body.content) == 903 + len(text)
    assert not page.body.content.endswith(b"\n")


def test_headers_stand_in_the_observed_order() -> None:
    page = error_page(502, "x", FACTS, verdict=Verdict.LAMBDA_VALIDATION_ERROR)
    assert [name.decode() for name, _ in page.headers] == [
        "Server",
        "Date",
        "Content-Type",
        "Content-Length",
        "Connection",
        "X-Cache",
        "Via",
        "X-Amz-Cf-Pop",
        "X-Amz-Cf-Id",
    ]
    assert page.headers.get(b"x-cache") == b"LambdaValidationError from cloudfront"
    assert page.headers.get(b"x-amz-cf-id") == FACTS.request_id.encode()


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 414, 494, 500, 502, 503, 504])
def test_which_pages_close_the_connection(status: int) -> None:
    """CloudFront Developer Guide, "Quotas" (414, 494), and observed pages."""
    closing = status in (400, 408, 414, 494)
    page = error_page(status, "", FACTS)
    assert page.headers.get(b"connection") == (b"close" if closing else b"keep-alive")


def test_redirect_keeps_host_path_and_query() -> None:
    request = Request("GET", RequestTarget(b"/a%20b", b"c=d"), Headers([(b"Host", b"h:81")]))
    answer = redirect_to_https(301, request, FACTS)
    assert answer.headers.get(b"location") == b"https://h:81/a%20b?c=d"
    assert answer.headers.get(b"content-length") == b"167"
    assert answer.headers.get(b"x-cache") == b"Redirect from cloudfront"
