"""Lines of the access, connection and health check logs, field by field."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from edgegw.alb.access_log import (
    Connected,
    Sizes,
    Timing,
    access_line,
    connection_line,
)
from edgegw.alb.desync import Classification, RiskClass
from edgegw.alb.flow import BalancerAnswer, ChooseTarget, ForwardTo, ReadBody, start
from edgegw.alb.health_check_log import CheckEntry, check_line
from edgegw.alb.model import FixedResponse, Forward, Redirect
from edgegw.alb.rules import compile_rewrite
from edgegw.alb.target_steps import TargetFailure
from edgegw.alb.targets import Routable
from edgegw.awslambda.model import Report, Returned
from edgegw.http.lenient_head import parse_leniently
from edgegw.http.message import Client, Headers, NegotiatedTls, Request, Response
from edgegw.http.target import RequestTarget
from tests.alb.balancers import BALANCER, FACTS, FN, WEB, listener, request, rule

CLIENT = Client("10.9.8.7", 4711, "TID_0123456789abcdef")
CURL = [("User-Agent", "curl/7.46.0")]
TIMING = Timing(1573750800.25, 1573750800.5, 0.001, 0.02)
LB = "app/lb/50dc6c495c0c9188"
TRACE = "Root=1-5dbafc0f-a4ac9c9046b152c44e90ca34"


def line(step, sent, **more) -> str:
    assert isinstance(step, BalancerAnswer)
    more.setdefault("timing", TIMING)
    timing = more.pop("timing")
    return access_line(step, sent, timing, Sizes(34, 366), address="127.0.0.1", **more)


def fields(text: str) -> list[str]:
    return shlex.split(text)


def to_function(answer: bytes, door=None):
    sent = request(b"/", headers=CURL, client=CLIENT, host="www.example.com")
    step = start(door or listener(default=Forward(((FN, 1),))), sent, FACTS)
    assert isinstance(step, ReadBody)
    step = step.next(b"", truncated=False).next(Returned(answer, Report()))
    return step, sent


def test_a_lambda_target_looks_as_in_awss_example() -> None:
    step, sent = to_function(b'{"statusCode": 200}')
    assert line(step, sent, target_status=200) == (
        f"http 2019-11-14T17:00:00.500000Z {LB} 10.9.8.7:4711 - 0.001 0.020 0.000 200 200 34 366 "
        '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:fn '
        f'"{TRACE}" "-" "-" 0 2019-11-14T17:00:00.250000Z "forward" "-" "-" "-" "-" "-" "-" '
        'TID_0123456789abcdef "-" "-" "-" 127.0.0.1'
    )


@pytest.mark.parametrize(("length", "kept"), [(8192, 8192), (8193, 8192)])
def test_a_long_user_agent_is_cut(length: int, kept: int) -> None:
    """ELB User Guide for ALB, "Access logs", field user_agent: 8 KB."""
    sent = request(headers=[("User-Agent", "x" * length)], client=CLIENT)
    step = start(listener(default=FixedResponse(200)), sent, FACTS)
    assert len(fields(line(step, sent))[13]) == kept


def test_a_failed_function_has_its_reason_and_no_target_status() -> None:
    step, sent = to_function(b"[]")
    found = fields(line(step, sent))
    assert (found[8], found[9], found[24]) == ("502", "-", "LambdaInvalidResponse")
    assert len(found) == 34


def to_target(door, sent, reply=None):
    step = start(door, sent, FACTS)
    assert isinstance(step, ChooseTarget)
    step = step.next(Routable(WEB.targets, "", 1))
    assert isinstance(step, ForwardTo)
    return step.next(reply or Response(200))


def test_an_ip_target_a_rule_and_tls() -> None:
    sent = request(
        client=replace_name(CLIENT, "www.example.com"),
        tls=NegotiatedTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "full"),
        headers=CURL,
    )
    door = listener(rule(7, action=Forward(((WEB, 1),))), port=443, protocol="HTTPS", arn="arn:l")
    found = fields(line(to_target(door, sent), sent, target_status=200))
    assert found[0] == "https"
    assert found[4] == "10.0.0.2:80"
    assert found[12] == "GET https://example.com:443/a?b=1 HTTP/1.1"
    assert found[14:16] == ["TLS_AES_128_GCM_SHA256", "TLSv1.3"]
    assert found[18] == "www.example.com"
    assert found[20] == "7"
    assert found[25:27] == ["10.0.0.2:80", "200"]


def replace_name(client: Client, name: str) -> Client:
    return client._replace(server_name=name)


def test_a_target_that_failed_to_answer() -> None:
    sent = request(client=CLIENT)
    step = to_target(
        listener(default=Forward(((WEB, 1),))), sent, TargetFailure("x", timed_out=True)
    )
    found = fields(line(step, sent, timing=TIMING._replace(target=-1)))
    assert found[5:8] == ["0.001", "-1", "-1"]
    assert found[8:10] == ["504", "-"]


def test_redirect_fixed_response_and_refusals() -> None:
    nothing = TIMING._replace(target=None)
    sent = request(client=CLIENT)
    step = start(listener(default=Redirect(301, protocol="HTTPS", port="443")), sent, FACTS)
    found = fields(line(step, sent, timing=nothing))
    assert found[4:9] == ["-", "-1", "-1", "-1", "301"]
    assert found[22:24] == ["redirect", "https://example.com:443/a?b=1"]
    step = start(listener(default=FixedResponse(200)), sent, FACTS)
    assert fields(line(step, sent, timing=nothing))[22] == "fixed-response"
    refused = request(method="TRACE", client=CLIENT)
    step = start(listener(), refused, FACTS)
    found = fields(line(step, refused, timing=nothing))
    assert (found[8], found[20], found[22]) == ("405", "-", "-")


def test_transforms_classification_and_a_client_that_left() -> None:
    found = rule(3, action=Forward(((WEB, 1),)), url_rewrite=compile_rewrite("^/a", "/b"))
    sent = request(client=CLIENT, headers=[("Content-Length", "3")])
    step = to_target(listener(found), sent)
    text = fields(line(step, sent, is_gone=True))
    assert text[8] == "460"
    assert text[22] == "rewrite,forward"
    assert text[27:29] == ["Ambiguous", "UndefinedContentLengthSemantics"]
    assert text[30:33] == ["-", "/b?b=1", "TransformSuccess"]
    assert step.chosen.risk == Classification(
        RiskClass.Ambiguous, "UndefinedContentLengthSemantics"
    )


@pytest.mark.parametrize(
    ("agent", "shown"),
    [('say "hi"', r'"say \x22hi\x22"'), ("a\\b", r'"a\x5Cb"'), ("ü", r'"\xC3\xBC"')],
)
def test_fields_are_escaped(agent: str, shown: str) -> None:
    sent = request(headers=[("User-Agent", agent)], client=CLIENT)
    step = start(listener(), sent, FACTS)
    assert f" {shown} - - - " in line(step, sent, timing=TIMING._replace(target=None))


@pytest.mark.parametrize(
    ("kind", "version", "status", "port", "protocol", "headers"),
    [
        ("http", "1.1", 200, 80, "HTTP", []),
        ("https", "1.1", 200, 443, "HTTPS", []),
        ("h2", "2", 200, 443, "HTTPS", []),
        ("grpcs", "2", 200, 443, "HTTPS", [("content-type", "application/grpc")]),
        ("ws", "1.1", 101, 80, "HTTP", []),
        ("wss", "1.1", 101, 443, "HTTPS", []),
    ],
)
def test_type(kind, version, status, port, protocol, headers) -> None:
    group = replace(WEB, protocol_version="GRPC" if kind == "grpcs" else "HTTP1")
    sent = request(client=CLIENT, http_version=version, method="POST", headers=headers)
    door = listener(default=Forward(((group, 1),)), port=port, protocol=protocol)
    step = to_target(door, sent, Response(status))
    found = fields(line(step, sent, target_status=status))
    assert found[0] == kind
    assert found[12].endswith(" HTTP/2.0" if version == "2" else " HTTP/1.1")


# The other logs


def test_connection_log() -> None:
    plain = Connected(1573750800.25, CLIENT, 80)
    assert connection_line(plain, LB, is_mutual=False, address="127.0.0.1") == (
        '2019-11-14T17:00:00.250000Z 10.9.8.7 4711 80 - - - "-" - - - TID_0123456789abcdef - '
        f"{LB} 127.0.0.1"
    )
    secure = plain._replace(
        port=443,
        tls=NegotiatedTls("TLSv1.3", "X", "full"),
        latency=0.0042,
        leaf=("CN=a b", "NotBefore=x", "03A5"),
    )
    assert connection_line(secure, LB, is_mutual=True, address="127.0.0.1") == (
        '2019-11-14T17:00:00.250000Z 10.9.8.7 4711 443 TLSv1.3 X 0.004 "CN=a b" NotBefore=x 03A5 '
        f"Success TID_0123456789abcdef - {LB} 127.0.0.1"
    )
    failed = plain._replace(port=443, failure="ClientCertUntrusted")
    text = connection_line(failed, LB, is_mutual=True, address="127.0.0.1")
    assert " Failed:ClientCertUntrusted " in text
    assert len(fields(text)) == 15


def test_health_check_log() -> None:
    group = replace(WEB, arn="arn:aws:elasticloadbalancing:r:1:targetgroup/web/1")
    entry = CheckEntry("http", 1573750800.25, 0.5, "10.0.0.1:80", True, 200, "")
    assert check_line(entry, group, BALANCER, "127.0.0.1") == (
        "http 2019-11-14T17:00:00.250000Z 0.500000 10.0.0.1:80 targetgroup/web/1 PASS 200 - "
        f"{LB} 127.0.0.1"
    )
    failed = entry._replace(passed=False, code=None, reason="TimedOut")
    assert " FAIL - TimedOut " in check_line(failed, group, BALANCER, "127.0.0.1")


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (b"GET /a b HTTP/1.7\r\nHost: h:81\r\n\r\n", "GET http://h:80/a b HTTP/1.7"),
        (b"GET / HTTP/0.9\r\nHost: [::1]:81\r\n\r\n", "GET http://[::1]:80/ HTTP/0.9"),
    ],
)
def test_an_odd_request_line_is_shown_as_it_was_written(head: bytes, shown: str) -> None:
    lenient = parse_leniently(head)
    assert lenient is not None
    target = RequestTarget.parse(lenient.uri)
    sent = Request("GET", target, Headers(lenient.headers), client=CLIENT, lenient=lenient)
    step = start(listener(default=FixedResponse(200)), sent, FACTS)
    assert fields(line(step, sent))[12] == shown
