"""A bucket: its names in DNS, and whom it lets read.

Source: Amazon S3 User Guide, "Bucket naming rules", "Website endpoints", and CloudFront Developer
Guide, "Restrict access to an Amazon S3 origin".
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.model import Origin, S3Origin
from edgegw.values import value

AccessControl: TypeAlias = Literal["oac", "oai", "public"]
"""Who may read a bucket: a distribution that signs, one with an access identity, or anybody."""


@value
class Website:
    """What a website endpoint answers in the place of a folder, and of what is not there."""

    index_document: str = "index.html"
    error_document: str = ""


@value
class Bucket:
    """A bucket behind one of its names; with `website` that is its website endpoint.

    With `may_list` its policy allows `s3:ListBucket`: what is not there is a 404, no 403.
    """

    name: str
    access: AccessControl = "public"
    may_list: bool = False
    website: Website | None = None


_NAME: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_DASHED: Final = frozenset(
    {
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "us-gov-west-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-northeast-1",
        "eu-west-1",
        "sa-east-1",
    }
)
"""Regions whose website endpoints are written `s3-website-REGION`; the others have a dot.

Source: AWS General Reference, "Amazon S3 endpoints and quotas", website endpoints.
"""
_DOMAIN: Final = re.compile(r"(?P<bucket>.+?)\.s3(?P<website>-website)?[.-](.+\.)?amazonaws\.com")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket can have this name."""
    return _NAME.fullmatch(name) is not None


def rest_domains(bucket: str, region: str) -> tuple[str, ...]:
    """The names of a bucket's REST endpoint: the one to use first, then those of old.

    Source: Amazon S3 User Guide, "Virtual hosting of buckets".
    """
    return (
        f"{bucket}.s3.{region}.amazonaws.com",
        f"{bucket}.s3.amazonaws.com",
        f"{bucket}.s3-{region}.amazonaws.com",
    )


def website_domain(bucket: str, region: str) -> str:
    """The name of a bucket's website endpoint."""
    mark = "-" if region in _DASHED else "."
    return f"{bucket}.s3-website{mark}{region}.amazonaws.com"


def bucket_of(domain: str) -> Bucket:
    """The bucket that a name of DNS (in lower case) means: by AWS's forms, else its first label."""
    match = _DOMAIN.fullmatch(domain)
    if match is None:
        return Bucket(domain.partition(".")[0])
    return Bucket(match["bucket"], website=Website() if match["website"] else None)


def may_read(bucket: Bucket, origin: Origin) -> bool:
    """Whether the bucket's policy lets `origin` read, as a function may have left it.

    Source: CloudFront Developer Guide, "Restrict access to an Amazon S3 origin".
    """
    if bucket.access == "public":
        return True
    if not isinstance(origin, S3Origin):
        return False
    if bucket.access == "oac":
        return origin.is_signed
    return origin.auth_method == "origin-access-identity"
