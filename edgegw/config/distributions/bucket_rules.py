"""What must hold for origins that are buckets, and for the protocol of the others."""

from __future__ import annotations

import re
from typing import Final

from edgegw.cloudfront.s3.bucket import is_bucket_name
from edgegw.config import schema
from edgegw.config.distributions import keys
from edgegw.config.document import Document, KeyPath

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")

_BELONGS: Final = {
    "bucket": ("s3", "s3_website"),
    "region": ("s3", "s3_website"),
    "access_control": ("s3",),
    "list_bucket": ("s3",),
    "index_document": ("s3_website",),
    "error_document": ("s3_website",),
    "protocol_policy": ("url",),
    "http_port": ("url",),
    "https_port": ("url",),
}
"""Keys of an origin that only some kinds have."""


def check_bucket(document: Document, path: KeyPath, origin: keys.Origin) -> None:
    """Adds what is wrong with the keys of an origin that depend on its kind."""
    for key, kinds in _BELONGS.items():
        is_given = key in origin.model_fields_set and getattr(origin, key) is not None
        if is_given and all(getattr(origin, kind) is None for kind in kinds):
            text = f"{key!r} belongs to an origin with {' or '.join(kinds)}"
            document.error((*path, key), "cloudfront.origin", text, key=True)
    if origin.bucket is not None and not is_bucket_name(origin.bucket):
        text = (
            f"{origin.bucket!r} is no name of a bucket: 3 to 63 lower-case letters, digits, dots "
            "and hyphens"
        )
        document.error((*path, "bucket"), "cloudfront.bucket", text)
    if origin.region is not None and not is_region(origin.region):
        text = f"{origin.region!r} is no Region, as eu-west-1 is one"
        document.error((*path, "region"), "cloudfront.bucket", text)
    for key in ("index_document", "error_document"):
        name = getattr(origin, key)
        if name is not None and (name.startswith("/") or not name):
            text = f"{key!r} is the key of an object, without a leading slash"
            document.error((*path, key), "cloudfront.bucket", text)
    if origin.index_document is not None and "/" in origin.index_document:
        text = "an index document has no slash: it is looked for in every folder"
        document.error((*path, "index_document"), "cloudfront.bucket", text)


def is_region(name: str) -> bool:
    """Whether this looks like a Region."""
    return _REGION.fullmatch(name) is not None


def bucket_names(config: schema.Config) -> dict[str, tuple[str, str]]:
    """Region and folder of the buckets that are origins, by name."""
    buckets: dict[str, tuple[str, str]] = {}
    for name, distribution in config.distributions.items():
        for key, origin in distribution.origins.items():
            folder = origin.s3 if origin.s3 is not None else origin.s3_website
            if folder is not None:
                bucket = origin.bucket or default_bucket(name, key)
                buckets.setdefault(bucket, (origin.region or config.gateway.region, folder))
    return buckets


def check_bucket_names(document: Document, config: schema.Config) -> None:
    """A bucket is one folder, and one kind of access, wherever it is named."""
    known: dict[tuple[str, str, str], tuple[keys.Origin, str]] = {}
    for name, distribution in config.distributions.items():
        for key, origin in distribution.origins.items():
            kind = "s3" if origin.s3 is not None else "s3_website"
            if getattr(origin, kind) is None:
                continue
            bucket = origin.bucket or default_bucket(name, key)
            region = origin.region or config.gateway.region
            first, where = known.setdefault((kind, bucket, region), (origin, f"{name}/{key}"))
            if not _is_same(first, origin):
                text = f"the bucket {bucket!r} is another folder, or another access, in {where}"
                path: KeyPath = ("distributions", name, "origins", key)
                document.error(path, "cloudfront.bucket", text, key=True)


def _is_same(one: keys.Origin, other: keys.Origin) -> bool:
    keys = (
        "s3", "s3_website", "access_control", "list_bucket", "index_document", "error_document"
    )  # fmt: skip
    return all(getattr(one, key) == getattr(other, key) for key in keys)


def default_bucket(distribution: str, origin: str) -> str:
    """The name of a bucket that has none."""
    text = re.sub(r"[^a-z0-9-]+", "-", f"{distribution}-{origin}".lower()).strip("-")
    return text[:63].rstrip("-") if len(text) >= 3 else f"bucket-{text}"
