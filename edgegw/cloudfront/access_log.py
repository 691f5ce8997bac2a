"""Lines of a distribution's access log, in the formats of CloudFront.

    w3c         the standard log: two lines of header, fields parted by tabs, values percent-encoded
    json        the standard log (v2): an object for each request, all values texts
    real-time   the fields of the real-time log, parted by tabs, without header lines

The names mean different things in two places: in a real-time log `cs-uri-stem` holds the query as
well, and `cs-host` is the viewer's Host while `x-host-header` is the distribution's domain name,
the other way round than `cs(Host)` and `x-host-header` in the standard log.

Source: CloudFront Developer Guide, "Standard logging reference", "Use real-time access logs".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from edgegw.cloudfront.answers import POP
from edgegw.cloudfront.cache.result_details import detail_of, detail_of_page
from edgegw.cloudfront.cache.verdict import DetailedResult, LoggedResult, Verdict, logged_result
from edgegw.cloudfront.model import Distribution
from edgegw.cloudfront.real_time_fields import REAL_TIME_FIELDS
from edgegw.cloudfront.request_context import DistributionAnswer
from edgegw.cloudfront.triggers import ViewerTrigger
from edgegw.http.grpc import is_grpc
from edgegw.http.message import Headers, Request, Response
from edgegw.http.target import RequestTarget
from edgegw.http.version import dotted
from edgegw.values import value

LogFormat: TypeAlias = Literal["w3c", "json", "real-time"]

_ENCODED: Final = re.compile(rb"[\x00-\x20\x7f-\xff<>\"#%{}|\\^~\[\]'`]")
"""Bytes that stand percent-encoded in values.

Source: CloudFront Developer Guide, "Standard logging reference", URL encoding.
"""
_MOST_OF_HEADERS: Final = 800
"""Bytes of cookies, headers and header names that a real-time log keeps.

Source: CloudFront Developer Guide, "Use real-time access logs", fields.
"""
_RANGE: Final = re.compile(rb"bytes (\d+)-(\d+)/")
UNLOGGED: Final = frozenset({414, 494})
"""Statuses of requests that are in no log.

Source: CloudFront Developer Guide, "Quotas", general quotas (observed).
"""

UNREAD: Final = Request("-", RequestTarget(b"-"), http_version="-")
"""Stands for a request of which nothing could be read."""


@value
class LogSizes:
    """Bytes with headers: what came from the viewer, what went to it."""

    received: int
    sent: int


@value(kw_only=True)
class LogEntry:
    """One request as the log knows it. Times in seconds; `ended` since the epoch.

    `answer` is None where there is none of the distribution's: the viewer left before, or it got
    the `page` for what cannot be read to its end. `request` is as it came, or, with
    an answer, as it stands for the viewer that `X-Edgegw-Viewer` names. `first_byte` is how long
    the answer took, the two of the origin until its first byte and its last one. `origin_host` is
    the origin that was asked last; `failover_code` the failure that led from the first origin of a
    group to the second; `is_cut` says that the origin broke off within its body. `log_data` is what
    CloudFront Functions gave `cf.logCustomData`, by trigger, URL-encoded.
    """

    distribution: Distribution
    request: Request
    request_id: str
    ended: float
    time_taken: float
    sizes: LogSizes
    answer: DistributionAnswer | None = None
    page: Response | None = None
    first_byte: float = 0.0
    origin_first_byte: float | None = None
    origin_last_byte: float | None = None
    origin_host: str | None = None
    failover_code: int | None = None
    is_cut: bool = False
    is_gone: bool = False
    is_generated: bool = False
    includes_cookies: bool = False
    log_data: Mapping[str, str] | None = None

    @property
    def response(self) -> Response | None:
        """What the viewer got."""
        return self.page if self.answer is None else self.answer.response

    @property
    def result(self) -> LoggedResult:
        """The three result types."""
        if self.answer is None:
            detail = detail_of_page(None if self.page is None else self.page.status)
            return LoggedResult(Verdict.ERROR, Verdict.ERROR, detail.value)
        verdict = self.answer.verdict
        if self.is_cut and not self.is_gone:
            return LoggedResult(Verdict.ERROR, verdict, DetailedResult.ORIGIN_READ_ERROR.value)
        detail = detail_of(self.answer.cause) if verdict is Verdict.ERROR else None
        if verdict is Verdict.MISS and self.is_generated:
            detail = DetailedResult.MISS_GENERATED_RESPONSE
        return logged_result(verdict, detail, viewer_left=self.is_gone)


_LogField: TypeAlias = Callable[[LogEntry], bytes | str | float | int | None]


def _header(name: bytes) -> _LogField:
    """A header of the request, its lines joined."""

    def read(entry: LogEntry) -> bytes | None:
        values = entry.request.headers.get_all(name)
        return b", ".join(values) if values else None

    return read


def _answered(name: bytes) -> _LogField:
    """A header of the answer."""
    return lambda entry: None if entry.response is None else entry.response.headers.get(name)


def _cookies(entry: LogEntry) -> bytes | None:
    values = entry.request.headers.get_all(b"cookie")
    return b"; ".join(values) if values and entry.includes_cookies else None


def _real_time_cookies(entry: LogEntry) -> bytes | None:
    values = entry.request.headers.get_all(b"cookie")
    return b"; ".join(values)[:_MOST_OF_HEADERS] if values else None


def _status(entry: LogEntry) -> str:
    return "000" if entry.response is None else str(entry.response.status)


def _protocol(entry: LogEntry) -> str:
    request = entry.request
    is_secure = request.scheme == "https"
    if entry.response is not None and entry.response.upgraded is not None:
        return "wss" if is_secure else "ws"
    return "grpcs" if is_secure and is_grpc(request.headers) else request.scheme


def _version(entry: LogEntry) -> str | None:
    version = entry.request.http_version
    return None if version == UNREAD.http_version else f"HTTP/{dotted(version)}"


def _range(at: int) -> _LogField:
    def read(entry: LogEntry) -> bytes | None:
        headers = Headers() if entry.response is None else entry.response.headers
        parts = _RANGE.match(headers.get(b"content-range") or b"")
        return None if parts is None else parts[at]

    return read


def _pattern(entry: LogEntry) -> str | None:
    return None if entry.answer is None else entry.answer.context.behavior.path_pattern


def _custom_data(trigger: ViewerTrigger) -> _LogField:
    """What the CloudFront Function of `trigger` had to say for the log.

    Source: CloudFront Developer Guide, "General helper methods", logCustomData.
    """

    def read(entry: LogEntry) -> bytes | None:
        data = entry.log_data.get(trigger) if entry.log_data else None
        return None if data is None else unquote_to_bytes(data)  # encoded as all values are

    return read


def _place(name: Literal["country", "asn"]) -> _LogField:
    def read(entry: LogEntry) -> str | None:
        place = entry.distribution.viewer if entry.answer is None else None
        place = place or (entry.answer and entry.answer.context.facts.viewer)
        return getattr(place, name) or None

    return read


def _all_headers(entry: LogEntry) -> bytes:
    lines = (b"%b:%b" % line for line in entry.request.headers)
    return b"\n".join(lines)[:_MOST_OF_HEADERS]


def _all_names(entry: LogEntry) -> bytes:
    return b"\n".join(name for name, _ in entry.request.headers)[:_MOST_OF_HEADERS]


def _seconds(duration: float | None) -> str | None:
    return None if duration is None else f"{duration:.3f}"


def _address_version(entry: LogEntry) -> str:
    return "IPv6" if ":" in entry.request.client.address else "IPv4"


_STANDARD: Final[Mapping[str, _LogField]] = {
    "date": lambda entry: f"{datetime.fromtimestamp(entry.ended, UTC):%Y-%m-%d}",
    "time": lambda entry: f"{datetime.fromtimestamp(entry.ended, UTC):%H:%M:%S}",
    "x-edge-location": lambda _: POP,
    "sc-bytes": lambda entry: entry.sizes.sent,
    "c-ip": lambda entry: entry.request.client.address,
    "cs-method": lambda entry: entry.request.method,
    "cs(Host)": lambda entry: entry.distribution.domain_name,
    "cs-uri-stem": lambda entry: entry.request.target.path,
    "sc-status": _status,
    "cs(Referer)": _header(b"referer"),
    "cs(User-Agent)": _header(b"user-agent"),
    "cs-uri-query": lambda entry: entry.request.target.query,
    "cs(Cookie)": _cookies,
    "x-edge-result-type": lambda entry: entry.result.result,
    "x-edge-request-id": lambda entry: entry.request_id,
    "x-host-header": _header(b"host"),
    "cs-protocol": _protocol,
    "cs-bytes": lambda entry: entry.sizes.received,
    "time-taken": lambda entry: _seconds(entry.time_taken),
    "x-forwarded-for": _header(b"x-forwarded-for"),
    "ssl-protocol": lambda entry: entry.request.tls and entry.request.tls.protocol,
    "ssl-cipher": lambda entry: entry.request.tls and entry.request.tls.cipher,
    "x-edge-response-result-type": lambda entry: entry.result.response_result,
    "cs-protocol-version": _version,
    "fle-status": lambda _: None,
    "fle-encrypted-fields": lambda _: None,
    "c-port": lambda entry: entry.request.client.port,
    "time-to-first-byte": lambda entry: _seconds(entry.first_byte),
    "x-edge-detailed-result-type": lambda entry: entry.result.detail,
    "sc-content-type": _answered(b"content-type"),
    "sc-content-len": _answered(b"content-length"),
    "sc-range-start": _range(1),
    "sc-range-end": _range(2),
}

_MORE: Final[Mapping[str, _LogField]] = {
    "distribution-tenant-id": lambda _: None,
    "connection-id": lambda entry: entry.request.client.connection,
    "timestamp(ms)": lambda entry: round(entry.ended * 1000),
    "origin-fbl": lambda entry: _seconds(entry.origin_first_byte),
    "origin-lbl": lambda entry: _seconds(entry.origin_last_byte),
    "asn": _place("asn"),
    "c-country": _place("country"),
    "cache-behavior-path-pattern": _pattern,
    "viewer-request-log-data": _custom_data("viewer-request"),
    "viewer-response-log-data": _custom_data("viewer-response"),
}

_ONLY_REAL_TIME: Final[Mapping[str, _LogField]] = {
    "timestamp": lambda entry: f"{entry.ended:.3f}",
    "s-ip": lambda _: None,
    "cs-host": _header(b"host"),
    "cs-uri-stem": lambda entry: entry.request.target.raw,
    "x-host-header": lambda entry: entry.distribution.domain_name,
    "c-ip-version": _address_version,
    "cs-user-agent": _header(b"user-agent"),
    "cs-referer": _header(b"referer"),
    "cs-cookie": _real_time_cookies,
    "cs-accept-encoding": _header(b"accept-encoding"),
    "cs-accept": _header(b"accept"),
    "cs-headers": _all_headers,
    "cs-header-names": _all_names,
    "cs-headers-count": lambda entry: len(entry.request.headers),
    "r-host": lambda entry: entry.origin_host,
    "sr-reason": lambda entry: entry.failover_code and f"Failover:{entry.failover_code}",
    "primary-distribution-id": lambda entry: entry.distribution.id,
    "primary-distribution-dns-name": lambda entry: entry.distribution.domain_name,
}

STANDARD_FIELDS: Final = tuple(_STANDARD)
"""The fields of the standard log, in order.

Source: CloudFront Developer Guide, "Standard logging reference", log file fields.
"""
MORE_FIELDS: Final = tuple(_MORE)
"""What the standard log (v2) can have beside them.

Source: CloudFront Developer Guide, "Standard logging reference", log file fields.
"""
FIELDS: Final[Mapping[LogFormat, tuple[str, ...]]] = {
    "w3c": (*STANDARD_FIELDS, *MORE_FIELDS),
    "json": (*STANDARD_FIELDS, *MORE_FIELDS),
    "real-time": REAL_TIME_FIELDS,
}
"""The fields that each format can have."""


@value
class AccessLog:
    """Where a distribution's log goes, and what is in it. `fields` are in the order of the file."""

    path: str
    format: LogFormat = "w3c"
    fields: tuple[str, ...] = STANDARD_FIELDS
    includes_cookies: bool = False

    @property
    def head(self) -> str:
        """The lines at the top of a new file, or nothing."""
        if self.format != "w3c":
            return ""
        return f"#Version: 1.0\n#Fields: {' '.join(self.fields)}\n"


def chosen_fields(format_: LogFormat, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of a log for which `fields` are named: all usual ones where none is.

    A real-time log keeps its own order.
    """
    if format_ == "real-time":
        return tuple(name for name in REAL_TIME_FIELDS if not fields or name in fields)
    return fields or STANDARD_FIELDS


def is_logged(response: Response | None) -> bool:
    """Whether a request that got this answer, or none, is in the log at all."""
    return response is None or response.status not in UNLOGGED


def log_line(log: AccessLog, entry: LogEntry) -> str:
    """The line of one request, without its end."""
    readers = _readers(log.format)
    texts = [_text(readers[name](entry)) if name in readers else "-" for name in log.fields]
    if log.format == "json":
        return json.dumps(dict(zip(log.fields, texts, strict=True)), separators=(",", ":"))
    return "\t".join(texts)


def _readers(format_: LogFormat) -> Mapping[str, _LogField]:
    return _OF_REAL_TIME if format_ == "real-time" else _OF_STANDARD


_OF_STANDARD: Final = {**_STANDARD, **_MORE}
_OF_REAL_TIME: Final = {**_STANDARD, **_MORE, **_ONLY_REAL_TIME}


def _text(given: bytes | str | float | int | None) -> str:
    """A value as the log has it: `-` for none, percent-encoded where that is needed."""
    raw = given if isinstance(given, bytes) else b"" if given is None else str(given).encode()
    return _ENCODED.sub(lambda match: b"%%%02X" % match[0][0], raw).decode("ascii") or "-"
