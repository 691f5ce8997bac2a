"""Where each limit of a distribution begins, and the lists of headers, to the last member.

The numbers and names are those of the CloudFront Developer Guide, written down here once more:
"Quotas", "Origin settings", and the table of headers in "Request and response behavior for custom
origins".
"""

from __future__ import annotations

import pytest

from edgegw.cloudfront.behaviors import refuse_size
from edgegw.cloudfront.flow import Fetch, start
from edgegw.cloudfront.model import CustomOrigin, S3Origin
from edgegw.cloudfront.origin_connection import connection_to, may_try_again
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.config.resolve import load_dict
from edgegw.http.message import Headers, Request, Response, Upgraded
from edgegw.http.target import RequestTarget
from tests.cloudfront.test_flow import FACTS, REQUEST, distribution
from tests.cloudfront.test_policies import sent


def status_of(request: Request) -> int | None:
    refusal = refuse_size(request)
    return None if refusal is None else refusal.status


@pytest.mark.parametrize(("size", "status"), [(8_192, None), (8_193, 414)])
def test_the_longest_url(size: int, status: int | None) -> None:
    assert status_of(Request("GET", RequestTarget(b"/" + b"x" * (size - 1)))) == status
    with_query = RequestTarget(b"/", b"x" * (size - 2))
    assert status_of(Request("GET", with_query)) == status


@pytest.mark.parametrize(("size", "status"), [(32_768, None), (32_769, 494)])
def test_the_largest_head_of_a_request(size: int, status: int | None) -> None:
    value = b"v" * (size - len("GET / HTTP/1.1\r\n") - len("x-a: \r\n"))
    request = Request("GET", RequestTarget(b"/"), Headers([(b"x-a", value)]))
    assert status_of(request) == status


def answered(reply: Response) -> DistributionAnswer:
    step = start(distribution(), REQUEST, FACTS)
    assert isinstance(step, Fetch)
    answer = step.next(reply)
    assert isinstance(answer, DistributionAnswer)
    return answer


@pytest.mark.parametrize(("size", "status"), [(32_768, 200), (32_769, 502)])
def test_the_largest_head_of_an_origin(size: int, status: int) -> None:
    value = b"v" * (size - len("x-a: \r\n"))
    assert answered(Response(200, b"OK", Headers([(b"x-a", value)]))).response.status == status


def test_a_websocket_ends_when_the_origin_is_silent_for_ten_minutes() -> None:
    upgraded = answered(Response(101, b"", Headers(), upgraded=Upgraded(None))).response.upgraded
    assert upgraded is not None
    assert (upgraded.idle, upgraded.only_origin) == (600.0, True)


@pytest.mark.parametrize(
    "origin", [CustomOrigin("o.test", 80, "http"), S3Origin("b.s3.amazonaws.com")]
)
def test_an_origin_gets_three_attempts_of_ten_seconds(origin: CustomOrigin | S3Origin) -> None:
    connection = connection_to(origin)
    assert (connection.connect, connection.read, connection.keep_alive) == (10.0, 30.0, 5.0)
    again = [
        may_try_again(connection, "GET", sent=count, was_connected=False, can_repeat=True)
        for count in (1, 2, 3)
    ]
    assert again == [True, True, False]


def test_a_configuration_that_says_nothing_has_three_attempts_as_well() -> None:
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://o.test"}},
        "default_behavior": {"origin": "app"},
    }
    (door,) = load_dict({"distributions": {"site": site}}).distributions
    origin = door.distribution.default_behavior.origin
    assert isinstance(origin, CustomOrigin)
    assert connection_to(origin).attempts == 3


FORWARDED = [
    "cache-control",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "from",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "request-range",
    "transfer-encoding",
    "warning",
    "via",
    "x-forwarded-for",
]
REMOVED = [
    "accept",
    "accept-charset",
    "accept-language",
    "referer",
    "expect",
    "x-http-method-override",
    "te",
    "trailer",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "x-edge-anything",
    "x-forwarded-proto",
    "x-real-ip",
    "upgrade",
    "connection",
    "keep-alive",
    "cookie",
    "authorization",
    "cloudfront-viewer-country",
    "x-own",
]
NO_POLICY_BRINGS = [
    "te",
    "trailer",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "x-edge-anything",
    "x-forwarded-proto",
    "x-real-ip",
    "connection",
]


def reaches_the_origin(name: str, more: str | None = None) -> bool:
    """Whether a viewer's header does, with CachingOptimized and perhaps an origin request policy.

    Via and X-Forwarded-For do with something added.
    """
    request = sent("CachingOptimized", more, {"Host": "w", name: "given"})
    return any(
        found.decode().lower() == name and b"given" in value for found, value in request.headers
    )


@pytest.mark.parametrize("name", FORWARDED)
def test_headers_that_are_forwarded_whatever_the_policies_say(name: str) -> None:
    assert reaches_the_origin(name)


@pytest.mark.parametrize("name", REMOVED)
def test_headers_that_are_removed_unless_a_policy_names_them(name: str) -> None:
    assert not reaches_the_origin(name)


@pytest.mark.parametrize("name", NO_POLICY_BRINGS)
def test_headers_that_no_policy_brings_to_the_origin(name: str) -> None:
    assert not reaches_the_origin(name, "AllViewer")


@pytest.mark.parametrize(
    ("method", "is_kept"),
    [
        ("GET", False),
        ("HEAD", False),
        ("OPTIONS", True),
        ("POST", True),
        ("PUT", True),
        ("PATCH", True),
        ("DELETE", True),
    ],
)
def test_authorization_that_no_policy_names(method: str, is_kept: bool) -> None:
    headers = {"Host": "w", "Authorization": "Basic x"}
    request = sent("CachingOptimized", None, headers, method=method)
    assert (b"authorization" in request.headers) == is_kept
