"""Why a bucket refuses, for whoever runs it: to strangers S3 says no more than AccessDenied.

What came with a request is quoted as Python writes it, so that a log line stays one line.
"""

from __future__ import annotations

from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.s3.bucket import Bucket, may_read
from edgegw.http.hosts import host_name
from edgegw.http.message import Request
from edgegw.http.target import to_text


def why_refused(bucket: Bucket, origin: Origin, request: Request) -> str:
    """Why nothing of the bucket is for this request, whatever there is."""
    host = to_text(request.headers.get(b"host") or b"")
    if request.method == "OPTIONS":
        return "a bucket here has no CORS rules; a response headers policy adds CORS headers"
    if host_name(host) != origin.domain_name.lower():
        return (
            f"it takes its own Host alone, {origin.domain_name}, and got {host!r}: no policy of "
            "the behavior may forward Host (AllViewerExceptHostHeader instead of AllViewer)"
        )
    if request.method not in ("GET", "HEAD"):
        return "objects are read here, with GET and HEAD, and never written"
    if not may_read(bucket, origin):
        return f"access_control is {bucket.access}, and this request comes without that identity"
    return ""


def why_missing(bucket: Bucket, key: str | None) -> str:
    """Why there is no object to answer with."""
    if key is None:
        return "the path is no key: a key is UTF-8, of at most 1,024 bytes"
    if not key:
        return "no object is asked for: default_root_object names the one for /"
    text = f"there is no object {key!r}"
    if key.endswith("/"):
        text += " (index documents are for s3_website)"
    return text if bucket.may_list else f"{text}; with list_bucket: true it is a 404"


def why_no_page(keys: tuple[str, ...]) -> str:
    """Why a website endpoint has no page; `keys` were looked for."""
    if not keys:
        return "the path is no key: a key is UTF-8, of at most 1,024 bytes"
    return f"there is no object {' nor '.join(map(repr, keys))}"
