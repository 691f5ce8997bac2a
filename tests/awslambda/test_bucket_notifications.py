"""Which changes of a bucket go to whom, and how the record writes keys."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegw.awslambda.bucket_notifications import (
    BucketNotification,
    ObjectChange,
    encoded_key,
    notified,
    overlapping,
)
from edgegw.awslambda.model import FunctionRef

PUT, PARTS = "s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"
DELETE = "s3:ObjectRemoved:Delete"


def notification(
    *events: str, prefix: str = "", suffix: str = "", bucket: str = "uploads", name: str = "n"
) -> BucketNotification:
    ref = FunctionRef("resize")
    types = events or ("s3:ObjectCreated:*",)
    return BucketNotification(name, bucket, "us-east-1", "/in", ref, types, prefix, suffix)


TAKEN = [
    (notification(), PUT, "a.jpg", True),
    (notification(), PARTS, "a.jpg", True),
    (notification(), DELETE, "a.jpg", False),
    (notification("s3:ObjectCreated:Put"), PARTS, "a.jpg", False),
    (notification("s3:ObjectRemoved:*", PARTS), DELETE, "a.jpg", True),
    (notification("s3:ObjectRemoved:*", PARTS), PARTS, "a.jpg", True),
    (notification(prefix="in/"), PUT, "in/a.jpg", True),
    (notification(prefix="in/"), PUT, "in", False),
    (notification(prefix="in/"), PUT, "a/in/b", False),
    (notification(suffix=".jpg"), PUT, "a.JPG", False),
    (notification(suffix=".jpg"), PUT, ".jpg", True),
    (notification(prefix="ab", suffix="bc"), PUT, "abc", True),
]


@pytest.mark.parametrize(("given_to", "event", "key", "is_taken"), TAKEN)
def test_a_notification_takes_its_events_of_its_keys(
    given_to: BucketNotification, event: str, key: str, *, is_taken: bool
) -> None:
    change = ObjectChange(event=event, key=key, time=0.0, number=1)
    assert list(notified(change, [given_to])) == [given_to] * is_taken


OVERLAPPING = [
    (notification(), notification(), True),
    (notification(), notification(bucket="other"), False),
    (notification("s3:ObjectCreated:*"), notification(PUT), True),
    (notification(PUT), notification(PARTS), False),
    (notification(), notification("s3:ObjectRemoved:*"), False),
    (notification(prefix="in/"), notification(prefix="in/deep/"), True),
    (notification(prefix="in/"), notification(prefix="out/"), False),
    (notification(suffix=".jpg"), notification(suffix="g"), True),
    (notification(suffix=".jpg"), notification(suffix=".png"), False),
    (notification(prefix="in/"), notification(suffix=".png"), True),
    (notification(prefix="a", suffix=".x"), notification(prefix="a", suffix=".y"), False),
]


@pytest.mark.parametrize(("one", "other", "expected"), OVERLAPPING)
def test_s3_refuses_what_overlaps(
    one: BucketNotification, other: BucketNotification, *, expected: bool
) -> None:
    assert overlapping(one, other) == overlapping(other, one) == expected


def test_a_key_is_written_as_in_a_form() -> None:
    assert encoded_key("red flower+1/ü.jpg") == "red+flower%2B1/%C3%BC.jpg"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_key_is_read_back_by_unquote_plus(key: str) -> None:
    assert unquote_plus(encoded_key(key)) == key
