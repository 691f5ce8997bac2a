"""When CloudFront tries an origin again."""

import pytest

from edgegw.cloudfront.model import CustomOrigin, S3Origin, may_try_again

ORIGIN = CustomOrigin("origin.test", 80, "http", connection_attempts=2)


@pytest.mark.parametrize(
    ("method", "made", "was_connected", "can_repeat", "again"),
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
def test_attempts(
    method: str, made: int, was_connected: bool, can_repeat: bool, again: bool
) -> None:
    found = may_try_again(
        ORIGIN, method, made=made, was_connected=was_connected, can_repeat=can_repeat
    )
    assert found is again


def test_a_bucket_gets_three() -> None:
    bucket = S3Origin("bucket.s3.amazonaws.com")
    tried = [
        may_try_again(bucket, "GET", made=made, was_connected=False, can_repeat=True)
        for made in (1, 2, 3)
    ]
    assert tried == [True, True, False]
