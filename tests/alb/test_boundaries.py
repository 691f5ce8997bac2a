"""Where each limit of a load balancer begins, and its lists, to the last member.

The numbers and names are those of the ELB User Guide for ALB, written down here once more:
"Troubleshoot", "Redirect actions", "HTTP headers and Application Load Balancers".
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from edgegw.alb.answers import error_page
from edgegw.alb.flow import BalancerAnswer, ChooseTarget, ForwardTo, Invoke, ReadBody, start
from edgegw.alb.model import Forward, IpTargetGroup, Target
from edgegw.alb.rules import KEYWORDS, redirect_fault
from edgegw.alb.targets import Routable
from edgegw.awslambda.model import Report, Returned
from edgegw.http.message import Headers, Response
from tests.alb.balancers import FACTS, FN, WEB, listener, request

CLOSING = (400, 408, 413, 414)
PAGES = (*CLOSING, 401, 403, 404, 405, 463, 464, 500, 501, 502, 503, 504, 505, 561)


@pytest.mark.parametrize("status", PAGES)
def test_the_pages_behind_which_the_connection_closes(status: int) -> None:
    closes = error_page(status, date=b"d").headers.get(b"connection") == b"close"
    assert closes == (status in CLOSING)


def test_the_connection_closes_behind_a_request_line_of_16_k() -> None:
    room = 16 * 1024 - len("GET  HTTP/1.1")
    for size, status, connection in ((room - 1, 404, b"keep-alive"), (room, 414, b"close")):
        answer = start(listener(), request(b"/" + b"x" * (size - 1)), FACTS)
        assert isinstance(answer, BalancerAnswer)
        assert answer.response.status == status
        assert answer.response.headers.get(b"connection") == connection


ALLOWED = {
    "protocol": {"protocol"},
    "host": {"host"},
    "port": {"port"},
    "path": {"host", "path", "port"},
    "query": {"protocol", "host", "port", "path", "query"},
}


def test_the_keywords_of_each_field_of_a_redirect() -> None:
    assert {field: set(names) for field, names in KEYWORDS.items()} == ALLOWED
    for field, names in ALLOWED.items():
        for name in ("protocol", "host", "port", "path", "query", "other"):
            assert (redirect_fault(field, f"x#{{{name}}}") is None) == (name in names)


@pytest.mark.parametrize(("size", "status"), [(32_768, 200), (32_769, 502)])
def test_the_largest_headers_of_a_target(size: int, status: int) -> None:
    step = start(listener(default=Forward(((WEB, 1),))), request(), FACTS)
    assert isinstance(step, ChooseTarget)
    forward = step.next(Routable(WEB.targets, "all"))
    assert isinstance(forward, ForwardTo)
    value = b"v" * (size - len("x-a: \r\n"))
    answer = forward.next(Response(200, b"OK", Headers([(b"x-a", value)])))
    assert answer.response.status == status


def test_the_largest_headers_of_a_function() -> None:
    def status(size: int) -> int:
        step = start(listener(default=Forward(((FN, 1),))), request(), FACTS)
        if isinstance(step, ReadBody):
            step = step.next(b"", truncated=False)
        assert isinstance(step, Invoke)
        headers = {"x-a": "v" * size}
        payload = json.dumps({"statusCode": 200, "headers": headers, "body": ""}).encode()
        return step.next(Returned(payload, Report("id", 0.0))).response.status

    sizes = range(32_768 - 200, 32_768 + 1)
    statuses = [status(size) for size in sizes]
    assert statuses == sorted(statuses), "one boundary"
    assert {statuses[0], statuses[-1]} == {200, 502}


def test_which_target_does_not_depend_on_which_group() -> None:
    """Of four equal ways through two groups of two targets each, all are taken as often."""
    groups = [
        IpTargetGroup(
            name,
            f"arn:{name}",
            (Target("10.0.0.1", 80), Target("10.0.0.2", 80)),
            algorithm="weighted_random",
        )
        for name in ("blue", "green")
    ]
    balancer = listener(default=Forward(tuple((group, 1) for group in groups)))
    ways: Counter[tuple[str, str]] = Counter()
    count = 4_000
    for number in range(count):
        facts = replace(FACTS, draw=(number * 0.6180339887498949) % 1)
        step = start(balancer, request(), facts)
        assert isinstance(step, ChooseTarget)
        forward = step.next(Routable(step.group.targets, "all"))
        assert isinstance(forward, ForwardTo)
        ways[step.group.name, forward.target.address] += 1
    assert len(ways) == 4
    assert all(0.2 < taken / count < 0.3 for taken in ways.values()), ways
