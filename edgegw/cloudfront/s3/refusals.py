"""Errors of Amazon S3: XML at the REST endpoint, HTML at a website endpoint.

Source: Amazon S3 API Reference, "Error responses".
"""

from __future__ import annotations

from typing import Final

from edgegw.http.message import Header, Headers
from edgegw.http.status import reason_phrase
from edgegw.values import value


@value
class AnswerIds:
    """What every answer of S3 says of itself, made by the driver; `date` as in a Date header."""

    request_id: str
    host_id: str
    date: bytes

    @property
    def lines(self) -> tuple[Header, ...]:
        """The lines that every answer begins with."""
        return (
            (b"x-amz-id-2", self.host_id.encode()),
            (b"x-amz-request-id", self.request_id.encode()),
            (b"Date", self.date),
        )


@value
class BucketRefusal:
    """An error: its status, code and message, and further elements in order."""

    status: int
    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


ACCESS_DENIED: Final = BucketRefusal(403, "AccessDenied", "Access Denied")
WRONG_SIGNATURE: Final = BucketRefusal(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key "
    "and signing method.",
)
NO_CORS: Final = BucketRefusal(
    403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket."
)
NO_ORIGIN: Final = BucketRefusal(
    400, "BadRequest", "Insufficient information. Origin request header needed."
)
INTERNAL: Final = BucketRefusal(
    500, "InternalError", "We encountered an internal error. Please try again."
)


def no_such_key(key: str) -> BucketRefusal:
    """There is no such object, said to one who may know that."""
    return BucketRefusal(404, "NoSuchKey", "The specified key does not exist.", (("Key", key),))


def failed_condition(name: str) -> BucketRefusal:
    """A condition of the request does not hold."""
    text = "At least one of the pre-conditions you specified did not hold"
    return BucketRefusal(412, "PreconditionFailed", text, (("Condition", name),))


def no_such_range(asked: str, length: int) -> BucketRefusal:
    """The range that is asked for lies behind the end."""
    details = (("RangeRequested", asked), ("ActualObjectSize", str(length)))
    text = "The requested range is not satisfiable"
    return BucketRefusal(416, "InvalidRange", text, details)


def not_allowed(method: str) -> BucketRefusal:
    """A website endpoint takes GET and HEAD alone."""
    text = "The specified method is not allowed against this resource."
    return BucketRefusal(
        405, "MethodNotAllowed", text, (("Method", method.upper()), ("ResourceType", "OBJECT"))
    )


def xml_page(refusal: BucketRefusal, ids: AnswerIds) -> bytes:
    """The body at the REST endpoint; a line ends behind the declaration."""
    elements = (*_elements(refusal), *_own(ids))
    inner = "".join(f"<{name}>{_escaped(text)}</{name}>" for name, text in elements)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{declaration}<Error>{inner}</Error>".encode()


def html_page(refusal: BucketRefusal, ids: AnswerIds, missing_page: str | None = None) -> bytes:
    """The body at a website endpoint; `missing_page` is an error document that is not there.

    Source: observed pages.
    """
    title = f"{refusal.status} {reason_phrase(refusal.status).decode()}"
    lines = [
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<h1>{title}</h1>",
        *_listed((*_elements(refusal), *_own(ids))),
    ]
    if missing_page is not None:
        lines.append(
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>"
        )
        lines += _listed(_elements(no_such_key(missing_page)))
    lines += ["<hr/>", "</body>", "</html>", ""]
    return "\n".join(lines).encode()


def error_lines(refusal: BucketRefusal) -> tuple[Header, ...]:
    """What a website endpoint says of an error in headers.

    Source: observed answers.
    """
    lines = [
        (b"x-amz-error-code", refusal.code.encode()),
        (b"x-amz-error-message", refusal.message.encode()),
    ]
    for name, text in refusal.details:
        shown = text.encode("ascii", "xmlcharrefreplace")
        if shown.isascii() and shown.decode().isprintable():
            lines.append((b"x-amz-error-detail-" + name.encode(), shown))
    return tuple(lines)


def error_headers(ids: AnswerIds, kind: bytes, length: int, more: tuple[Header, ...]) -> Headers:
    """The headers of an error whose body has `length` bytes."""
    return Headers(
        (
            *ids.lines,
            *more,
            (b"Content-Type", kind),
            (b"Content-Length", b"%d" % length),
            (b"Server", b"AmazonS3"),
        )
    )


def _elements(refusal: BucketRefusal) -> tuple[tuple[str, str], ...]:
    return (("Code", refusal.code), ("Message", refusal.message), *refusal.details)


def _own(ids: AnswerIds) -> tuple[tuple[str, str], ...]:
    return (("RequestId", ids.request_id), ("HostId", ids.host_id))


def _listed(elements: tuple[tuple[str, str], ...]) -> list[str]:
    items = [f"<li>{name}: {_escaped(text)}</li>" for name, text in elements]
    return ["<ul>", *items, "</ul>"]


def _escaped(text: str) -> str:
    from html import escape  # brings all entities along

    return escape(text, quote=False)
