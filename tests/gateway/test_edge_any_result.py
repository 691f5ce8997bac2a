"""Whatever a function returns, the viewer gets an answer that AWS would give."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgegw.gateway.gateway import Gateway
from tests.functions.edge_rows import ALL, DISALLOWED, READ_ONLY
from tests.gateway.test_edge_rules import config

X_CACHES = {
    "Miss from cloudfront",
    "Error from cloudfront",
    "LambdaGeneratedResponse from cloudfront",
    "LambdaValidationError from cloudfront",
    "LambdaExecutionError from cloudfront",
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [*DISALLOWED, *(name for names in READ_ONLY.values() for name in names), "x-a", "location"]
) | st.text(max_size=5)
ENTRIES = st.lists(
    st.fixed_dictionaries({"value": st.text(max_size=8) | JSON}, optional={"key": NAMES | JSON}),
    max_size=3,
)
HEADERS = st.dictionaries(NAMES | NAMES.map(str.lower), ENTRIES | JSON, max_size=4)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["read-only", "replace"]) | JSON,
        "encoding": st.sampled_from(["text", "base64"]) | JSON,
        "data": st.text(max_size=8) | st.just("eA==") | JSON,
    },
)
STATUS = st.integers(100, 700) | st.integers(190, 610).map(str) | JSON
GENERATED = st.fixed_dictionaries(
    {"status": STATUS},
    optional={
        "statusDescription": st.text(max_size=8) | JSON,
        "headers": HEADERS,
        "body": st.text(max_size=8) | JSON,
        "bodyEncoding": st.sampled_from(["text", "base64"]) | JSON,
    },
)
ORIGIN = st.fixed_dictionaries(
    {},
    optional={
        "domainName": st.text(max_size=8) | st.sampled_from(["a..b", "a" * 64, "b.test."]) | JSON,
        "port": st.integers(-1, 70000) | JSON,
        "protocol": st.sampled_from(["http", "https"]) | JSON,
        "path": st.text(max_size=5).map("/{}".format) | JSON,
        "readTimeout": st.integers(0, 121) | JSON,
        "keepaliveTimeout": st.integers(0, 121) | JSON,
        "responseCompletionTimeout": st.integers(0, 200) | JSON,
        "sslProtocols": st.lists(st.sampled_from(["TLSv1.2", "x"]), max_size=2) | JSON,
        "customHeaders": HEADERS,
        "authMethod": st.sampled_from(["none", "origin-access-identity"]) | JSON,
        "region": st.text(max_size=3) | JSON,
    },
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "headers": HEADERS,
        "uri": st.text(max_size=8).map("/{}".format) | JSON,
        "querystring": st.text(max_size=8) | JSON,
        "method": st.sampled_from(["GET", "POST"]) | JSON,
        "body": BODY | JSON,
        "origin": st.dictionaries(st.sampled_from(["custom", "s3"]), ORIGIN, max_size=2) | JSON,
        "status": STATUS,
        "statusDescription": JSON,
        "bodyEncoding": JSON,
    },
)


class Returning:
    """A function that returns what the test says, or the event's own part with changes."""

    def __init__(self) -> None:
        self.result: Any = None
        self.changes: dict[str, Any] | None = None

    def __call__(self, event: Any, context: Any) -> Any:
        if self.changes is None:
            return self.result
        cf = event["Records"][0]["cf"]
        part = copy.deepcopy(cf["response"] if "response" in cf else cf["request"])
        changes = dict(self.changes)
        if isinstance(changes.get("headers"), dict):
            changes["headers"] = {**part["headers"], **changes["headers"]}
        origin = changes.get("origin")
        if isinstance(origin, dict) and isinstance(origin.get("custom"), dict) and "origin" in part:
            origin["custom"] = {**part["origin"]["custom"], **origin["custom"]}
        return {**part, **changes}


class Bench:
    """A gateway in process and the loop it runs on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.function = Returning()
        self.gateways = {strict: self._gateway(strict=strict) for strict in (True, False)}

    def _gateway(self, *, strict: bool) -> Gateway:
        settings = {**config("python3.13", "edge_rows.handler"), "gateway": {"strict": strict}}
        return Gateway.from_dict(
            settings, base="tests/functions", functions={"rows": self.function}
        )

    def ask(self, trigger: str, *, strict: bool) -> tuple[httpx.Response, Any]:
        return self.loop.run_until_complete(self._ask(trigger, self.gateways[strict]))

    async def _ask(self, trigger: str, gateway: Gateway) -> tuple[httpx.Response, Any]:
        with respx.mock(assert_all_called=False) as router:
            router.route().respond(200, content=b"hi")
            async with gateway.client(trigger) as client:
                response = await client.post("/a?b=1", content=b"hi")
        return response, gateway.exchange(response)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.loop.close()


def check(bench: Bench, trigger: str, caplog: pytest.LogCaptureFixture, *, strict: bool) -> None:
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        response, exchange = bench.ask(trigger, strict=strict)
    assert not caplog.records, caplog.text
    assert response.headers["x-cache"] in X_CACHES
    assert 200 <= response.status_code <= 599
    if exchange.reason is not None:
        assert response.status_code in (502, 503)
        assert "edgegw itself" not in exchange.reason
    str(exchange)


# The log is emptied before each example.
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(suppress_health_check=QUIET, max_examples=150)
@given(result=JSON | GENERATED, trigger=st.sampled_from(ALL), strict=st.booleans())
def test_any_result_gets_an_answer(
    bench: Bench, caplog: Any, result: Any, trigger: str, strict: bool
) -> None:
    bench.function.result, bench.function.changes = result, None
    check(bench, trigger, caplog, strict=strict)


@settings(suppress_health_check=QUIET, max_examples=300)
@given(changes=CHANGES, trigger=st.sampled_from(ALL), strict=st.booleans())
def test_any_change_of_the_sent_object_gets_an_answer(
    bench: Bench, caplog: Any, changes: dict[str, Any], trigger: str, strict: bool
) -> None:
    bench.function.changes = changes
    check(bench, trigger, caplog, strict=strict)
