"""Lines of a distribution's access log, field by field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from edgegw.cloudfront.access_log import (
    FIELDS,
    MORE_FIELDS,
    STANDARD_FIELDS,
    AccessLog,
    LogEntry,
    LogFormat,
    LogSizes,
    chosen_fields,
    is_logged,
    log_line,
)
from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.behaviors import DistributionRefusal, compile_path_pattern
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.error_causes import ErrorCause, OriginFailure
from edgegw.cloudfront.managed import CACHE_POLICIES
from edgegw.cloudfront.model import Behavior, CustomOrigin, Distribution
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.cloudfront.real_time_fields import REAL_TIME_FIELDS
from edgegw.cloudfront.request_context import DistributionAnswer, RequestContext
from edgegw.http.message import Client, Headers, NegotiatedTls, Request, Response, Upgraded
from edgegw.http.target import RequestTarget

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")
ORIGIN = CustomOrigin("origin.test", 80, "http")
BEHAVIOR = Behavior(
    "/a*", compile_path_pattern("/a*"), ORIGIN, compile_forwarding(CACHE_POLICIES[0], None)
)
SITE = Distribution("site", "EID", "d1.cloudfront.net", (), (BEHAVIOR,), BEHAVIOR)
REQUEST = Request(
    "GET",
    RequestTarget(b"/a%20b", b"c=1&d='2'"),
    Headers(
        [
            (b"Host", b"www.test"),
            (b"User-Agent", b"Mozilla/5.0 (X11)"),
            (b"Cookie", b"a=1"),
            (b"Cookie", b"b=2"),
            (b"Accept", b"*/*"),
        ]
    ),
    client=Client("192.0.2.1", 4711),
)
RESPONSE = Response(
    206,
    b"",
    Headers(
        [
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Length", b"5"),
            (b"Content-Range", b"bytes 10-14/99"),
        ]
    ),
)


def entry(
    verdict: Verdict = Verdict.MISS,
    cause: ErrorCause | None = None,
    request: Request = REQUEST,
    response: Response = RESPONSE,
    **more: Any,
) -> LogEntry:
    context = RequestContext(SITE, BEHAVIOR, FACTS, request, request, ORIGIN)
    return LogEntry(
        distribution=SITE,
        request=request,
        request_id=FACTS.request_id,
        ended=1795219200.25,
        time_taken=0.0126,
        sizes=LogSizes(200, 300),
        first_byte=0.01,
        **{"answer": DistributionAnswer(response, context, verdict, cause), **more},
    )


def values(logged: LogEntry, format_: LogFormat = "w3c", *fields: str) -> dict[str, str]:
    """The fields of the line, all that there are unless some are named."""
    log = AccessLog("log", format_, fields or FIELDS[format_])
    texts = log_line(log, logged).split("\t")
    return dict(zip(log.fields, texts, strict=True))


STANDARD = {
    "date": "2026-11-21",
    "time": "00:00:00",
    "x-edge-location": "FRA56-P1",
    "sc-bytes": "300",
    "c-ip": "192.0.2.1",
    "cs-method": "GET",
    "cs(Host)": "d1.cloudfront.net",
    "cs-uri-stem": "/a%2520b",
    "sc-status": "206",
    "cs(Referer)": "-",
    "cs(User-Agent)": "Mozilla/5.0%20(X11)",
    "cs-uri-query": "c=1&d=%272%27",
    "cs(Cookie)": "-",
    "x-edge-result-type": "Miss",
    "x-edge-request-id": FACTS.request_id,
    "x-host-header": "www.test",
    "cs-protocol": "http",
    "cs-bytes": "200",
    "time-taken": "0.013",
    "x-forwarded-for": "-",
    "ssl-protocol": "-",
    "ssl-cipher": "-",
    "x-edge-response-result-type": "Miss",
    "cs-protocol-version": "HTTP/1.1",
    "fle-status": "-",
    "fle-encrypted-fields": "-",
    "c-port": "4711",
    "time-to-first-byte": "0.010",
    "x-edge-detailed-result-type": "Miss",
    "sc-content-type": "text/html;%20charset=utf-8",
    "sc-content-len": "5",
    "sc-range-start": "10",
    "sc-range-end": "14",
}


def test_the_standard_line_has_33_fields_in_order() -> None:
    assert len(STANDARD_FIELDS) == 33
    assert tuple(STANDARD) == STANDARD_FIELDS
    assert values(entry(), "w3c", *STANDARD_FIELDS) == STANDARD


def test_the_file_begins_with_version_and_fields() -> None:
    head = AccessLog("log").head
    assert head.startswith("#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip ")
    assert head.endswith(" sc-range-start sc-range-end\n")
    assert AccessLog("log", fields=("time", "c-ip")).head == "#Version: 1.0\n#Fields: time c-ip\n"
    assert AccessLog("log", "json").head == AccessLog("log", "real-time").head == ""


def test_json_is_an_object_of_texts() -> None:
    log = AccessLog("log", "json", chosen_fields("json", ("sc-status", "cs(Cookie)", "sc-bytes")))
    assert json.loads(log_line(log, entry())) == {
        "sc-status": "206",
        "cs(Cookie)": "-",
        "sc-bytes": "300",
    }


def test_the_newer_log_has_more_fields() -> None:
    more = values(entry(origin_first_byte=0.004, origin_last_byte=0.005), "w3c", *MORE_FIELDS)
    assert more == {
        "distribution-tenant-id": "-",
        "connection-id": "-",
        "timestamp(ms)": "1795219200250",
        "origin-fbl": "0.004",
        "origin-lbl": "0.005",
        "asn": "16509",
        "c-country": "US",
        "cache-behavior-path-pattern": "/a*",
        "viewer-request-log-data": "-",
        "viewer-response-log-data": "-",
    }


def test_a_real_time_log_swaps_the_hosts_and_keeps_the_query_in_the_stem() -> None:
    line = values(entry(), "real-time")
    assert line["cs-host"] == "www.test"
    assert line["x-host-header"] == "d1.cloudfront.net"
    assert line["cs-uri-stem"] == "/a%2520b?c=1&d=%272%27"
    assert line["timestamp"] == "1795219200.250"
    assert line["cs-cookie"] == "a=1;%20b=2"
    assert line["cs-headers-count"] == "5"
    assert line["cs-header-names"] == "Host%0AUser-Agent%0ACookie%0ACookie%0AAccept"
    assert line["c-ip-version"] == "IPv4"
    assert line["primary-distribution-id"] == "EID"
    assert len(REAL_TIME_FIELDS) == len(set(REAL_TIME_FIELDS)) == 69


def test_cookies_headers_and_names_are_cut_at_800_bytes() -> None:
    headers = Headers([(b"Cookie", b"a" * 900), (b"b" * 900, b"1")])
    line = values(entry(request=replace(REQUEST, headers=headers)), "real-time")
    assert [len(line[name]) for name in ("cs-cookie", "cs-headers", "cs-header-names")] == [
        800,
        800,
        802,  # with a line break as %0A
    ]


def test_a_part_of_the_real_time_fields_keeps_their_order() -> None:
    assert chosen_fields("real-time", ("sc-status", "timestamp")) == ("timestamp", "sc-status")
    assert chosen_fields("real-time", ()) == REAL_TIME_FIELDS
    assert chosen_fields("w3c", ("sc-status", "date")) == ("sc-status", "date")
    assert chosen_fields("w3c", ()) == chosen_fields("json", ()) == STANDARD_FIELDS


def test_cookies_are_logged_where_that_is_asked_for() -> None:
    logged = entry(includes_cookies=True)
    assert values(logged, "w3c", "cs(Cookie)") == {"cs(Cookie)": "a=1;%20b=2"}


@pytest.mark.parametrize("code", range(256))
def test_what_is_percent_encoded(code: int) -> None:
    query = bytes([code])
    logged = entry(request=replace(REQUEST, target=RequestTarget(b"/", query)))
    is_encoded = code <= 32 or code >= 127 or query in b"<>\"#%{}|\\^~[]'`"
    expected = f"%{code:02X}" if is_encoded else chr(code)
    assert values(logged, "w3c", "cs-uri-query")["cs-uri-query"] == expected


TLS = NegotiatedTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "full")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"scheme": "https", "tls": TLS}, {"cs-protocol": "https", "ssl-protocol": "TLSv1.3"}),
        ({"scheme": "https", "tls": TLS}, {"ssl-cipher": "TLS_AES_128_GCM_SHA256"}),
        ({"http_version": "2"}, {"cs-protocol-version": "HTTP/2.0"}),
        ({"http_version": "3"}, {"cs-protocol-version": "HTTP/3.0"}),
        ({"http_version": "1.0"}, {"cs-protocol-version": "HTTP/1.0"}),
        (
            {"scheme": "https", "headers": Headers([(b"Content-Type", b"application/grpc")])},
            {"cs-protocol": "grpcs"},
        ),
        ({"client": Client("2001:db8::1", 1)}, {"c-ip": "2001:db8::1", "c-port": "1"}),
        ({"headers": Headers([(b"X-Forwarded-For", b"a, b")])}, {"x-forwarded-for": "a,%20b"}),
    ],
)
def test_what_the_request_says(changes: dict[str, Any], fields: dict[str, str]) -> None:
    assert values(entry(request=replace(REQUEST, **changes)), "w3c", *fields) == fields


@pytest.mark.parametrize(("scheme", "protocol"), [("http", "ws"), ("https", "wss")])
def test_a_websocket_has_a_protocol_of_its_own(scheme: str, protocol: str) -> None:
    switched = Response(101, b"", Headers(), upgraded=Upgraded(object()))
    logged = entry(request=replace(REQUEST, scheme=scheme), response=switched)
    assert values(logged, "w3c", "cs-protocol") == {"cs-protocol": protocol}


METHOD = "This distribution is not configured to allow the HTTP request method that was used"
RESULTS = ("x-edge-result-type", "x-edge-response-result-type", "x-edge-detailed-result-type")


@pytest.mark.parametrize(
    ("logged", "status", "results"),
    [
        (entry(), "206", ("Miss", "Miss", "Miss")),
        (entry(Verdict.HIT), "206", ("Hit", "Hit", "Hit")),
        (entry(is_generated=True), "206", ("Miss", "Miss", "MissGeneratedResponse")),
        (entry(Verdict.REDIRECT), "206", ("Redirect", "Redirect", "Redirect")),
        (entry(Verdict.ERROR), "206", ("Error", "Error", "Error")),
        (
            entry(Verdict.ERROR, OriginFailure("dns", "")),
            "206",
            ("Error", "Error", "OriginDnsError"),
        ),
        (
            entry(Verdict.ERROR, DistributionRefusal(403, METHOD, "")),
            "206",
            ("Error", "Error", "InvalidRequestMethod"),
        ),
        (
            entry(Verdict.LAMBDA_EXECUTION_ERROR),
            "206",
            ("LambdaExecutionError",) * 3,
        ),
        (entry(is_gone=True), "206", ("Error", "Miss", "ClientCommError")),
        (
            entry(answer=None, is_gone=True),
            "000",
            ("Error", "Error", "ClientHungUpRequest"),
        ),
    ],
)
def test_result_types(logged: LogEntry, status: str, results: tuple[str, ...]) -> None:
    line = values(logged, "w3c", "sc-status", *RESULTS)
    assert tuple(line.values()) == (status, *results)


@pytest.mark.parametrize(
    ("status", "is_in"), [(200, True), (400, True), (414, False), (494, False)]
)
def test_too_long_requests_are_not_logged(status: int, is_in: bool) -> None:
    assert is_logged(Response(status)) is is_in


@pytest.mark.parametrize(
    ("status", "written", "detail"),
    [
        (None, "000", "ClientHungUpRequest"),
        (400, "400", "InvalidRequest"),
        (408, "408", "Error"),
        (500, "500", "Error"),
    ],
)
def test_a_request_that_came_to_no_answer(status: int | None, written: str, detail: str) -> None:
    page = None if status is None else Response(status)
    row = values(replace(entry(), answer=None, page=page))
    assert row["sc-status"] == written
    assert row["x-edge-result-type"] == row["x-edge-response-result-type"] == "Error"
    assert row["x-edge-detailed-result-type"] == detail


def test_the_origin_that_was_asked_last_and_why() -> None:
    row = values(entry(origin_host="spare.test", failover_code=503), "real-time")
    assert (row["r-host"], row["sr-reason"]) == ("spare.test", "Failover:503")
    row = values(entry(), "real-time")
    assert (row["r-host"], row["sr-reason"]) == ("-", "-")


def test_an_origin_that_broke_off_makes_an_error() -> None:
    row = values(entry(is_cut=True))
    names = ("x-edge-result-type", "x-edge-response-result-type", "x-edge-detailed-result-type")
    assert [row[name] for name in names] == ["Error", "Miss", "OriginReadError"]
