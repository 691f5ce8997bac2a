"""How CloudFront reaches origins: addresses, times, and when it tries again."""

import pytest

from edgegw.cloudfront.model import CustomOrigin, Origin, S3Origin
from edgegw.cloudfront.origin_connection import (
    CONNECTION_HEADER,
    OriginConnection,
    address_of,
    connection_to,
    may_try_again,
)

CUSTOM = CustomOrigin("origin.test", 8000, "http")
BUCKET = S3Origin("bucket.s3.amazonaws.com")


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param(
            CUSTOM,
            OriginConnection(
                address=("http", "origin.test", 8000),
                connect=10,
                read=30,
                keep_alive=5,
                attempts=3,
            ),
            id="the defaults of a custom origin",
        ),
        pytest.param(
            CustomOrigin(
                "origin.test",
                443,
                "https",
                connection_timeout=2,
                read_timeout=60,
                keepalive_timeout=7,
                connection_attempts=1,
            ),
            OriginConnection(
                address=("https", "origin.test", 443),
                connect=2,
                read=60,
                keep_alive=7,
                attempts=1,
            ),
            id="a custom origin's own",
        ),
        pytest.param(
            BUCKET,
            OriginConnection(
                address=("https", "bucket.s3.amazonaws.com", 443),
                connect=10,
                read=30,
                keep_alive=5,
                attempts=3,
            ),
            id="a bucket",
        ),
        pytest.param(
            S3Origin("bucket.s3.amazonaws.com", read_timeout=9),
            OriginConnection(
                address=("https", "bucket.s3.amazonaws.com", 443),
                connect=10,
                read=9,
                keep_alive=5,
                attempts=3,
            ),
            id="a bucket to which a function gave a time",
        ),
    ],
)
def test_how_an_origin_is_reached(origin: Origin, expected: OriginConnection) -> None:
    assert connection_to(origin) == expected
    assert address_of(origin) == expected.address


ATTEMPTS = connection_to(CustomOrigin("origin.test", 80, "http", connection_attempts=2))


@pytest.mark.parametrize(
    ("method", "sent", "was_connected", "can_repeat", "again"),
    [
        ("GET", 1, False, True, True),
        ("POST", 1, False, False, True),
        ("GET", 2, False, True, False),
        ("GET", 1, True, True, True),
        ("HEAD", 1, True, True, True),
        ("POST", 1, True, True, False),
        ("GET", 1, True, False, False),
    ],
)
def test_a_time_out_is_tried_again(
    method: str, sent: int, was_connected: bool, can_repeat: bool, again: bool
) -> None:
    answer = may_try_again(
        ATTEMPTS, method, sent=sent, was_connected=was_connected, can_repeat=can_repeat
    )
    assert answer is again


def test_a_bucket_is_tried_three_times() -> None:
    bucket = connection_to(BUCKET)
    tried = [
        may_try_again(bucket, "GET", sent=sent, was_connected=False, can_repeat=True)
        for sent in (1, 2, 3)
    ]
    assert tried == [True, True, False]


def test_the_connection_header_is_cloudfronts() -> None:
    assert CONNECTION_HEADER == (b"Connection", b"Keep-Alive")
