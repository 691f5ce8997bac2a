"""The folders that stand for buckets, resolved."""

from __future__ import annotations

from edgegw.cloudfront.s3.bucket import Bucket
from edgegw.values import value


@value
class BucketFolder:
    """A bucket and the folder that holds its objects; no file outside `root` is one of them."""

    bucket: Bucket
    folder: str
    root: str
