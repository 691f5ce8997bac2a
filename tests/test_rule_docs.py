"""`docs/lambda-edge-rules.md` says of every rule what the code says, and its examples break it."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import respx
import yaml

from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.header_rules import DISALLOWED, READ_ONLY
from edgegw.cloudfront.rule_table import DEPLOYMENT_RULES, OUTCOME_RULES, RESULT_RULES
from edgegw.cloudfront.strictness import OPEN_POINTS
from edgegw.cloudfront.triggers import TRIGGERS
from edgegw.config.document import document_of
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError
from edgegw.gateway.gateway import Gateway

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "lambda-edge-rules.md").read_text()
RULES = (*OUTCOME_RULES, *RESULT_RULES, *DEPLOYMENT_RULES)
SECTIONS = dict(re.findall(r"### `(lambda-edge\.[a-z0-9-]+)`\n(.*?)(?=\n##|\Z)", PAGE, re.S))

WITHOUT_EXAMPLE = {
    # told in words: they need a runtime of one's own, a version that vanishes, or much code
    "lambda-edge.result-not-json",
    "lambda-edge.not-invocable",
    "lambda-edge.package-size",
    "lambda-edge.functions-per-distribution",
    "lambda-edge.literal-header",
    "lambda-edge.reads-variable",
    "lambda-edge.origin-kind",
}


def test_page_and_code_have_the_same_rules_in_the_same_order() -> None:
    assert list(SECTIONS) == [rule.code for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_section_says_what_the_rule_says(rule: EdgeRule) -> None:
    section = SECTIONS[rule.code]
    assert rule.demands in section
    assert f"[AWS]({rule.source})" in section
    if rule.page:
        assert f'Page: "{rule.page}"' in section
    else:
        assert "Page:" not in section
    if rule.triggers != TRIGGERS:
        assert f"At: {', '.join(rule.triggers)}." in section
    assert (f"open_points.{rule.point}" in section) == bool(rule.point)
    if rule in RESULT_RULES and rule.page:
        says = {"refused": "refuses it", "passed on": "passes it on", "ignored": "ignores it"}
        assert f"`strict: false` {says[rule.lenient]}" in section


SITE: dict[str, Any] = {
    "functions": {"hook": {"code": ".", "runtime": "python3.13"}},
    "distributions": {
        "site": {
            "listen": 0,
            "origins": {"app": {"url": "http://origin.test"}},
            "default_behavior": {
                "origin": "app",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                "cache_policy": "CachingDisabled",
            },
        }
    },
}


def with_function(trigger: str) -> dict[str, Any]:
    config = copy.deepcopy(SITE)
    association = {"function": "hook", "include_body": trigger.endswith("request")}
    config["distributions"]["site"]["default_behavior"]["lambda_functions"] = {trigger: association}
    return config


EXAMPLES = [
    pytest.param(code, block, id=code)
    for code, section in SECTIONS.items()
    for block in re.findall(r"```python\n(.*?)```", section, re.S)
]


@pytest.mark.anyio
@pytest.mark.parametrize(("code", "block"), EXAMPLES)
async def test_example_in_python_breaks_the_rule(code: str, block: str, tmp_path: Path) -> None:
    trigger = block.splitlines()[0].removeprefix("# ")
    assert trigger in TRIGGERS
    body = "\n".join(f"    {line}" for line in block.splitlines())
    source = (
        "import time\n\n\ndef handler(event, context):\n"
        "    cf = event['Records'][0]['cf']\n"
        "    request, response = cf['request'], cf.get('response')\n"
        f"{body}\n"
    )
    (tmp_path / "handler.py").write_text(source)
    config = with_function(trigger)
    config["functions"]["hook"]["timeout"] = 1
    content = b"x" * (50_000 if code == "lambda-edge.truncated-body" else 2)
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(200, content=b"hi", headers={"content-type": "text/plain"})
        gateway = Gateway.from_dict(config, base=tmp_path)
        async with (
            gateway.client("site") as client,
            client.stream("POST", "/", content=content) as answer,
        ):
            text = b"".join([chunk async for chunk in answer.aiter_raw()]).decode()
    exchange = gateway.exchange(answer)
    said = [*exchange.warnings, exchange.reason or ""]
    assert any(f"{code} at " in each or f"{code}: " in each for each in said), said
    rule = next(each for each in RULES if each.code == code)
    warns_only = not rule.page or rule.point in ACCEPTED
    assert (exchange.reason is None) == warns_only
    if rule.page and not warns_only:
        assert rule.page in text


ACCEPTED = {
    "viewer_request_origin",
    "unknown_field",
    "header_value_list",
    "empty_header_list",
    "header_key_mismatch",
    "read_only_header_key",
    "incomplete_origin",
    "origin_request_204_body",
}
"""Open points where the choice made is not to refuse."""

FAILS_WHEN_RUN = "lambda-edge.throttled"
"""Its example is a configuration that can be deployed."""

SETTINGS = [
    pytest.param(code, block, id=code)
    for code, section in SECTIONS.items()
    for block in re.findall(r"```yaml\n(.*?)```", section, re.S)
    if code != FAILS_WHEN_RUN
]


def merged(base: Any, more: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return {**base, **{key: merged(base.get(key), value) for key, value in more.items()}}


@pytest.mark.parametrize(("code", "block"), SETTINGS)
def test_example_in_yaml_breaks_the_rule(code: str, block: str, tmp_path: Path) -> None:
    (tmp_path / "handler.py").write_text("def handler(event, context):\n    return event\n")
    example = yaml.safe_load(block)
    (tmp_path / "rewrite.js").write_text("function handler(event) { return event.request; }\n")
    config = copy.deepcopy(SITE)
    if "edge_functions" in block:
        config["edge_functions"] = {"rewrite": {"code": "rewrite.js"}}
    if "lambda_functions" not in block:
        config = with_function("origin-request")
    config = merged(config, example)
    try:
        found = load_document(document_of(config), tmp_path, deploy=True).warnings
    except ConfigError as error:
        found = error.findings
    assert [each.code for each in found if each.code != "config.no-effect-yet"] == [code]


@pytest.mark.anyio
async def test_example_without_concurrency_is_throttled(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", SECTIONS[FAILS_WHEN_RUN], re.S)
    (tmp_path / "handler.py").write_text("def handler(event, context):\n    return event\n")
    config = merged(with_function("viewer-request"), yaml.safe_load(block))
    gateway = Gateway.from_dict(config, base=tmp_path)
    async with gateway.client("site") as client:
        answer = await client.get("/")
    assert answer.status_code == 503
    assert answer.headers["x-cache"] == "LambdaLimitExceeded from cloudfront"
    [rule] = [rule for rule in RULES if rule.code == FAILS_WHEN_RUN]
    assert rule.page in answer.text
    assert (gateway.exchange(answer).reason or "").startswith(
        "viewer-request: lambda-edge.throttled"
    )


def test_every_rule_has_an_example() -> None:
    shown = {code for code, section in SECTIONS.items() if "```" in section}
    assert {rule.code for rule in RULES} - shown == WITHOUT_EXAMPLE


def test_ledger_lists_every_open_point_with_both_choices() -> None:
    ledger = (ROOT / "docs" / "fidelity.md").read_text()
    site = {name: value for name, value in SITE.items() if name != "functions"}
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|.*?\| `(\w[\w-]*)` \| `(\w[\w-]*)` \|$", ledger, re.M)
    assert [name for name, _, _ in rows] == list(OPEN_POINTS)
    for name, choice, other in rows:
        for value in (choice, other):
            config = merged(copy.deepcopy(site), {"gateway": {"open_points": {name: value}}})
            load_document(document_of(config), ROOT)
        default = load_document(document_of(site), ROOT).doors[0]
        assert getattr(default.distribution.strictness, name) == choice  # type: ignore[union-attr]


def test_page_lists_the_headers_of_the_code() -> None:
    listed = re.findall(r"`([A-Za-z-]+)`", SECTIONS["lambda-edge.disallowed-header"])
    names = {name.lower() for name in listed if name.lower() != "strict"}
    assert names - {"x-amz-cf-", "x-edge-"} == DISALLOWED
    rows = re.findall(
        r"^\| `([A-Za-z-]+)` \|(.*)\|$", SECTIONS["lambda-edge.read-only-header"], re.M
    )
    table = {
        trigger: {name.lower() for name, cells in rows if "read-only" in cells.split("|")[at]}
        for at, trigger in enumerate(TRIGGERS)
    }
    assert table == {trigger: set(names) for trigger, names in READ_ONLY.items()}
