"""Every whole configuration of README and docs is served as a reader would, and asked once a door.

Only the ports are others: free ones for the front doors, one of an origin that answers everything.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import pytest
import yaml

from tests.conftest import need
from tests.test_docs_commands import PAGES, Reader, blocks, reader

__all__ = ["reader"]

NOT_SERVED = {
    "ci.md": "its blocks are recipes of CI services; see testing/test_ci_recipes.py",
    "lambda-edge-rules.md": "its blocks are parts that break a rule each; see test_rule_docs.py",
}
"""Pages whose blocks are no configurations, with the reason."""
_API = "lambda"
STATUS = {
    ("README.md-0", "site"): {401},
    ("authentication.md-0", "site"): {302},  # to the identity provider
    ("authentication.md-1", "front"): {302},
    ("authentication.md-2", "front"): {401},
    ("experiments.md-0", "pages"): {404},  # it has two pages, and / is neither
    ("load-balancers.md-1", "front"): {401},  # a token is asked for
    ("development.md-2", "site"): {401, 503},  # faults: a tenth of the invocations fails
}
"""What a GET of / answers, where it is not 200."""
_PORTS = re.compile(r"(?<=localhost:)\d{4}")
_READY = re.compile(r"ready\s+(?P<kind>.*?)\s+(?P<scheme>https?)://[^:/]+:(?P<port>\d+)")


class Written(NamedTuple):
    """A configuration of a page."""

    name: str
    text: str


WRITTEN = [
    Written(f"{page.name}-{at}", block)
    for page in PAGES
    if page.name not in NOT_SERVED
    for at, block in enumerate(blocks(page, "yaml"))
]


def doors_of(config: Mapping[str, Any]) -> list[str]:
    """The front doors, as the lines at the start name them."""
    balancers = config.get("load_balancers", {})
    listeners = [name for name, given in balancers.items() for _ in given["listeners"]]
    urls = [name for name, given in config.get("functions", {}).items() if "url" in given]
    apis = [_API] if "lambda_api" in config.get("gateway", {}) else []
    return [
        *config.get("distributions", {}),
        *listeners,
        *config.get("http_apis", {}),
        *config.get("identity_providers", {}),
        *urls,
        *apis,
    ]


def on_free_ports(value: Any) -> Any:
    if isinstance(value, list):
        return [on_free_ports(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    return {
        key: _free(given) if key in ("listen", "lambda_api") else on_free_ports(given)
        for key, given in found.items()
    }


def _free(listen: Any) -> Any:
    return {**cast("dict[str, Any]", listen), "port": 0} if isinstance(listen, dict) else 0


def test_every_page_with_a_configuration_is_served_or_says_why_not() -> None:
    with_yaml = {page.name for page in PAGES if blocks(page, "yaml")}
    assert with_yaml == {each.name.rpartition("-")[0] for each in WRITTEN} | NOT_SERVED.keys()


@pytest.mark.parametrize("written", WRITTEN, ids=lambda each: each.name)
def test_a_configuration_is_served_and_answers(written: Written, reader: Reader) -> None:
    if "nodejs" in written.text:
        need("node", "the configuration has a function in Node.js")
    config = on_free_ports(yaml.safe_load(written.text))
    text = _PORTS.sub(lambda _: reader.with_ports(":3000")[1:], json.dumps(config))
    (reader.folder / "edgegw.yaml").write_text(text)
    expected = doors_of(config)
    assert expected, "neither a front door nor the Lambda API"
    process = reader.start("edgegw serve", 0)
    for _ in expected:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "public-keys" in line:  # beside load balancers that sign in
            line = process.stdout.readline()
        ready = _READY.search(line)
        assert ready is not None, (line, process.poll())
        assert any(name in ready["kind"] for name in expected), line
        door = next(name for name in expected if name in ready["kind"])
        if door == _API:
            status = called(int(ready["port"]), config.get("functions", {}))
        else:
            status = asked(ready["scheme"], int(ready["port"]))
        assert status in STATUS.get((written.name, door), {200}), (line, status)


def asked(scheme: str, port: int) -> int:
    trusting = ssl._create_unverified_context()  # pyright: ignore[reportPrivateUsage]
    connection = (
        http.client.HTTPSConnection("localhost", port, timeout=60, context=trusting)
        if scheme == "https"
        else http.client.HTTPConnection("localhost", port, timeout=60)
    )
    return status_of(connection, "GET", "/")


def called(port: int, functions: Mapping[str, Any]) -> int:
    """Invokes the first function; without any, asks CloudFront's API, which stands beside."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    if not functions:
        return status_of(connection, "GET", "/2020-05-31/distribution")
    name = next(iter(functions))
    return status_of(connection, "POST", f"/2015-03-31/functions/{name}/invocations", "{}")


def status_of(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None
) -> int:
    with contextlib.closing(connection):
        connection.request(method, path, body)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status
