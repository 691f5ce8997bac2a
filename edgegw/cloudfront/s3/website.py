"""What a bucket's website endpoint answers: index documents, the error document, redirects.

    /docs/         docs/index.html
    /docs          the object docs; else, where docs/index.html is there, a redirect to /docs/
    /nowhere       404 with the error document, or a page of S3's own

Source: Amazon S3 User Guide, "Configuring an index document", "Configuring a custom error
document", "(Optional) Configuring a webpage redirect".
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.s3.bucket import Bucket, Website
from edgegw.cloudfront.s3.objects import (
    BucketAnswer,
    StoredObject,
    object_answer,
    object_lines,
    whole_object,
)
from edgegw.cloudfront.s3.refusals import (
    ACCESS_DENIED,
    AnswerIds,
    BucketRefusal,
    error_headers,
    error_lines,
    html_page,
    no_such_key,
    not_allowed,
)
from edgegw.http.message import Header, Request

_FOUND: Final = BucketRefusal(302, "Found", "Resource Found")
_MOVED: Final = BucketRefusal(301, "301", "Moved Permanently")


def wanted_keys(website: Website, key: str) -> tuple[str, ...]:
    """The keys that may answer for the path of `key`, the first one that is there counts."""
    if key == "" or key.endswith("/"):
        return (key + website.index_document,)
    return (key, f"{key}/{website.index_document}")


def refuse_website(bucket: Bucket, request: Request) -> BucketRefusal | None:
    """Why nothing of the website is for this request; it is for everybody, or for nobody."""
    if request.method not in ("GET", "HEAD"):
        return not_allowed(request.method)
    return None if bucket.access == "public" else ACCESS_DENIED


def website_answer(
    request: Request, path_key: str, key: str, stored: StoredObject, ids: AnswerIds
) -> BucketAnswer | BucketRefusal:
    """The answer where `key`, one of the wanted ones of `path_key`, is there."""
    location = stored.named(b"x-amz-website-redirect-location")
    if location is not None:
        return website_error(_MOVED, request, ids, more=((b"Location", location),))
    if path_key and key.startswith(f"{path_key}/") and not path_key.endswith("/"):
        line = (b"Location", request.target.path + b"/")
        return website_error(_FOUND, request, ids, more=(line,))
    return object_answer(request, key, stored, ids)


def missing_page(key: str | None) -> BucketRefusal:
    """What is said of a page that is not there. It is a 404, as websites list their buckets."""
    return no_such_key(key or "")


def website_error(
    refusal: BucketRefusal,
    request: Request,
    ids: AnswerIds,
    missing_document: str | None = None,
    more: tuple[Header, ...] = (),
) -> BucketAnswer:
    """S3's own page; `missing_document` is the error document that is not there either."""
    page = html_page(refusal, ids, missing_document)
    lines = (*error_lines(refusal), *more)
    headers = error_headers(ids, b"text/html; charset=utf-8", len(page), lines)
    content = b"" if request.method == "HEAD" else page
    return BucketAnswer(refusal.status, headers, content)


def error_document_answer(
    refusal: BucketRefusal, request: Request, key: str, document: StoredObject, ids: AnswerIds
) -> BucketAnswer:
    """The error document in the place of S3's page, with the status of the error."""
    lines = (*error_lines(refusal), *object_lines(key, document, ids))
    return whole_object(request, refusal.status, lines, document)
