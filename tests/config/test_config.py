"""Configurations: what is loaded, and what is said of mistakes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from edgegw.cloudfront.model import CustomOrigin
from edgegw.cloudfront.strictness import OPEN_POINTS, Strictness
from edgegw.config import document
from edgegw.config.distributions.keys import ErrorCode, FailoverCode, PageCode
from edgegw.config.document import read_document
from edgegw.config.gateway.keys import OpenPoints
from edgegw.config.json_schema import json_schema
from edgegw.config.model import DistributionDoor, ListenerDoor
from edgegw.config.resolve import load_dict, load_document, load_file
from edgegw.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "tests" / "functions"


def findings(text: str) -> list[str]:
    """What is said of the configuration `text`, without the file's name."""
    try:
        config = load_document(read_document(text, "c.yaml", {"SET": "7"}), FUNCTIONS)
    except ConfigError as error:
        return [str(each).removeprefix("c.yaml:") for each in error.findings]
    return [str(each).removeprefix("c.yaml:") for each in config.warnings]


GOOD = """\
functions:
  f: {runtime: python3.13, code: ., handler: hooks.target}
target_groups:
  t: {target_type: lambda, function: f}
load_balancers:
  web:
    listeners:
      - listen: 8080
        default_actions: [{forward: t}]
distributions:
  site:
    listen: "127.0.0.1:8081"
    origins: {app: {url: "http://localhost:5173"}}
    default_behavior: {origin: app}
"""


def test_a_good_configuration_has_no_findings() -> None:
    assert findings(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "handler: hooks.target",
            "handler: hooks.target, timout: 3",
            ["2:60: error: config.unknown-key unknown key 'timout'; did you mean 'timeout'?"],
            id="unknown key",
        ),
        pytest.param(
            "code: .",
            "code: ., timeout: soon",
            ["2:46: error: config.type this takes a number above 0, at most 900; found 'soon'"],
            id="wrong type",
        ),
        pytest.param(
            "function: f}",
            "function: g}",
            ["4:38: error: config.reference there is no function 'g'; there are: f"],
            id="dangling function",
        ),
        pytest.param(
            "forward: t",
            "forward: tt",
            ["9:37: error: config.reference there is no target group 'tt'; did you mean 't'?"],
            id="dangling target group",
        ),
        pytest.param(
            "{origin: app}",
            "{origin: app, cache_policy: CachingOptimised}",
            [
                "14:51: error: config.reference there is no cache policy 'CachingOptimised'; did you mean 'CachingOptimized'?"
            ],
            id="dangling policy",
        ),
        pytest.param(
            "- listen: 8080",
            "- listen: 8081",
            [
                "8:17: error: config.duplicate-listener 127.0.0.1:8081 is taken by distributions.site.listen (line 12)"
            ],
            id="duplicate listener",
        ),
        pytest.param(
            "  web:\n",
            "  web:\n    listeners: []\n",
            [
                "8:5: error: config.duplicate-key the key 'listeners' stands here twice, first in line 7"
            ],
            id="duplicate key",
        ),
        pytest.param(
            "python3.13",
            "python2",
            [
                "2:16: error: config.runtime unknown runtime 'python2'; known are python3.N, nodejsN.x and provided.al2023"
            ],
            id="unknown runtime",
        ),
        pytest.param(
            "hooks.target",
            "nowhere.target",
            ["2:46: error: config.handler no file for 'nowhere.target'"],
            id="handler without file",
        ),
        pytest.param(
            "{origin: app}",
            "{origin: app, lambda_functions: {viewer-requests: f}}",
            ["14:56: error: config.value 'viewer-requests' is not one of"],
            id="unknown trigger",
        ),
        pytest.param(
            "{origin: app}",
            "{origin: app, lambda_functions: {viewer-response: {function: f, include_body: true}}}",
            ["14:101: error: lambda-edge.include-body"],
            id="include_body on a response",
        ),
        pytest.param(
            "{origin: app}",
            "{origin: app, allowed_methods: [GET, POST]}",
            ["14:54: error: cloudfront.allowed-methods"],
            id="method set",
        ),
        pytest.param(
            '{url: "http://localhost:5173"}',
            "{}",
            ["13:15: error: cloudfront.origin an origin has exactly one of"],
            id="origin of no kind",
        ),
        pytest.param(
            '{url: "http://localhost:5173"}',
            "{function_url: render}",
            ["13:35: error: config.reference there is no function 'render'"],
            id="dangling function URL",
        ),
        pytest.param(
            "8080",
            '"0.0.0.0:8080"',
            ["8:17: warning: config.not-loopback 0.0.0.0 is reachable from other machines"],
            id="not loopback",
        ),
        pytest.param(
            "8080\n",
            "8080\n        rules: [{priority: 1, conditions: [{http_header: {name: X, values: [a]}}], actions: [{redirect: {status_code: HTTP_301}}]}]\n",
            [
                "9:95: error: alb.redirect a redirect must change protocol, host, port or path",
            ],
            id="endless redirect",
        ),
        pytest.param(
            "python3.13",
            '"${NOT_SET}"',
            ["2:16: error: config.variable the environment variable NOT_SET is not set"],
            id="unset variable",
        ),
    ],
)
def test_findings_name_place_and_nearest_name(old: str, new: str, expected: list[str]) -> None:
    assert old in GOOD
    found = findings(GOOD.replace(old, new, 1))
    for each in expected:
        assert any(line.startswith(each) for line in found), found


def test_all_findings_come_at_once() -> None:
    text = (
        GOOD.replace("origin: app", "origin: ap")
        .replace("handler:", "handlr:")
        .replace("forward: t", "forward: x")
    )
    codes = [line.split()[2] for line in findings(text)]
    assert sorted(codes) == [
        "config.handler",
        "config.reference",
        "config.reference",
        "config.unknown-key",
    ]


def test_syntax_errors_have_a_place() -> None:
    with pytest.raises(ConfigError, match=r"c.yaml:2:\d+: error: config.syntax"):
        read_document("a: [1\nb: }", "c.yaml", {})


def test_scalars_follow_yaml_1_2_and_variables_are_filled_in() -> None:
    text = """
a: yes
b: 22:22
c: 010
d: true
e: '1'
f: ${SET}
g: ${X:-8}
h: 1.5
i: ~
j: 'x${X:-y}'
k: '${SET}'
"""
    assert read_document(text, "c", {"SET": "7"}).value == {
        "a": "yes",
        "b": "22:22",
        "c": 10,
        "d": True,
        "e": "1",
        "f": 7,
        "g": 8,
        "h": 1.5,
        "i": None,
        "j": "xy",
        "k": "7",
    }


@pytest.mark.parametrize("loader", [yaml.CBaseLoader, document.PythonLoader])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{e: cron(0 3 * * ? *), f: 1}", {"e": "cron(0 3 * * ? *)", "f": 1}),
        ("[cron(0 8 ? * 6L *), a?b?, c]", ["cron(0 8 ? * 6L *)", "a?b?", "c"]),
        ("{url: http://h/?q=1}", {"url": "http://h/?q=1"}),
        ("{e: a ?\n  b}", {"e": "a ? b"}),
        ("{? k : v}", {"k": "v"}),
        ("{? k?}", {}),
        ("{e: \"a?\", f: 'b?'}", {"e": "a?", "f": "b?"}),
        ("{e: a?}  # why?", {"e": "a?"}),
        ("e: cron(0 3 ? * * *)", {"e": "cron(0 3 ? * * *)"}),
    ],
)
def test_a_question_mark_in_a_text_needs_no_quotes(
    loader: Any, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyYAML without libyaml refuses it in braces; both read the same here."""
    monkeypatch.setattr(document, "_BaseLoader", loader)
    indented = text.replace("\n", "\n  ")
    assert read_document(f"x:\n- {indented}", "f", {}).value == {"x": [value]}


def test_anchors_and_merges_work() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}"
    assert read_document(text, "c", {}).value["y"] == {"a": 1, "b": 3}


def test_the_result_is_resolved() -> None:
    config = load_document(read_document(GOOD, "c", {}), FUNCTIONS)
    doors = {door.name: door for door in config.doors}
    site, web = doors["site"], doors["web"]
    assert isinstance(site, DistributionDoor)
    assert isinstance(web, ListenerDoor)
    origin = site.distribution.default_behavior.origin
    assert isinstance(origin, CustomOrigin)
    assert (origin.domain_name, origin.port, origin.protocol) == ("localhost", 5173, "http")
    assert config.functions["f"].latest.code == str(FUNCTIONS)


def test_a_load_balancer_origin_is_a_custom_origin_in_events() -> None:
    text = GOOD.replace('{url: "http://localhost:5173"}', "{load_balancer: web}")
    config = load_document(read_document(text, "c", {}), FUNCTIONS)
    site = next(door for door in config.doors if isinstance(door, DistributionDoor))
    origin = site.distribution.default_behavior.origin
    assert isinstance(origin, CustomOrigin)
    assert origin.domain_name.endswith(".us-east-1.elb.amazonaws.com")


def test_the_demo_configuration_is_clean() -> None:
    assert load_file(ROOT / "config" / "demo.yaml").warnings == ()


def test_the_schema_accepts_the_demo_and_short_forms_and_refuses_unknown_keys() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text()), schema)
    jsonschema.validate(yaml.safe_load(GOOD), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"distribution": {}}, schema)


def test_the_schema_in_the_package_is_current() -> None:
    kept = json.loads((ROOT / "edgegw" / "config" / "schema.json").read_text())
    assert kept == json.loads(json.dumps(json_schema())), (
        "run: edgegw schema > edgegw/config/schema.json"
    )


def test_a_missing_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="there is no configuration"):
        load_file("/nowhere/edgegw.yaml")


def test_certificate_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    for name in ("c.pem", "k.pem", "d.pem", "e.pem"):
        (tmp_path / name).touch()
    shutil.copytree(FUNCTIONS, tmp_path, dirs_exist_ok=True)
    text = GOOD.replace(
        "listen: 8080\n", "listen: 8080\n        certificate: c.pem\n        key: k.pem\n"
    )
    text = text.replace('"127.0.0.1:8081"', "{port: 8081, tls: {certificate: d.pem, key: e.pem}}")
    config = load_document(read_document(text, "c", {}), tmp_path)
    found = {
        door.name: (door.listen.tls, door.listen.certificate, door.listen.key)
        for door in config.doors
    }
    assert found == {
        "web": (True, str(tmp_path / "c.pem"), str(tmp_path / "k.pem")),
        "site": (True, str(tmp_path / "d.pem"), str(tmp_path / "e.pem")),
    }


def test_a_dict_is_as_good_as_a_file() -> None:
    config = load_dict(
        {
            "load_balancers": {
                "w": {
                    "listeners": [
                        {"listen": 0, "default_actions": [{"fixed_response": {"status_code": 200}}]}
                    ]
                }
            }
        }
    )
    assert len(config.doors) == 1


def test_check_prints_findings_and_exits_accordingly(tmp_path: Path) -> None:
    def run(text: str, *more: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "edgegw.yaml").write_text(text)
        command = [sys.executable, "-m", "edgegw", "check", *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    plain = GOOD.replace("code: .", f"code: {FUNCTIONS}")
    assert run(plain).returncode == 0
    bad = run(plain.replace("origin: app", "origin: ap"))
    assert bad.returncode == 1
    assert "edgegw.yaml:14:32: error: config.reference there is no origin 'ap'" in bad.stdout
    as_json = run(plain.replace("origin: app", "origin: ap"), "--json")
    assert json.loads(as_json.stdout)[0]["line"] == 14
    (tmp_path / "edgegw.yaml").unlink()
    none = subprocess.run(
        [sys.executable, "-m", "edgegw", "check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert none.returncode == 2
    assert "Traceback" not in none.stderr


def test_open_points_are_those_of_the_stance_with_the_same_choices() -> None:
    point = OpenPoints()
    assert {name: getattr(point, name) for name in OPEN_POINTS} == point.model_dump()
    assert Strictness(**point.model_dump()) == Strictness()


def test_stance_reaches_the_distribution() -> None:
    config = load_dict(
        {
            "distributions": {
                "site": {
                    "listen": 0,
                    "origins": {"app": {"url": "http://127.0.0.1:1"}},
                    "default_behavior": {"origin": "app"},
                }
            },
            "gateway": {"strict": False, "open_points": {"unknown_field": "refuse"}},
        }
    )
    (door,) = config.doors
    assert isinstance(door, DistributionDoor)
    assert door.distribution.strictness == Strictness(strict=False, unknown_field="refuse")
    assert config.warnings == ()


SITE = """\
distributions:
  site:
    listen: 0
    origins: {a: {url: "http://a.test"}, b: {url: "http://b.test"}}
    origin_groups: {main: {members: [a, b], failover_status_codes: [500, 503]}}
    default_behavior: {origin: main}
    custom_error_responses:
      - {error_code: 404, response_page_path: /404.html, response_code: 200}
      - {error_code: 503}
"""


def test_origin_group_and_error_pages_are_resolved() -> None:
    assert findings(SITE) == []
    (door,) = load_document(read_document(SITE, "c", {}), FUNCTIONS).doors
    assert isinstance(door, DistributionDoor)
    behavior = door.distribution.default_behavior
    assert isinstance(behavior.origin, CustomOrigin)
    assert behavior.origin.domain_name == "a.test"
    assert behavior.fallback is not None
    assert isinstance(behavior.fallback.origin, CustomOrigin)
    assert behavior.fallback.origin.domain_name == "b.test"
    assert behavior.fallback.codes == {500, 503}
    assert behavior.fallback.methods == {"GET", "HEAD"}
    assert {code: page.path for code, page in door.distribution.error_pages.items()} == {
        404: "/404.html"
    }


def test_every_code_of_failover_and_error_pages() -> None:
    """CloudFront API Reference, "StatusCodes" and "CustomErrorResponse"."""
    errors = (400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504)
    assert get_args(FailoverCode) == (400, 403, 404, 416, 429, 500, 502, 503, 504)
    assert get_args(ErrorCode) == errors
    assert get_args(PageCode) == (200, *errors)


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("members: [a, b]", "members: [a, c]", "5:41: error: config.reference"),
        ("members: [a, b]", "members: [a]", "5:37: error: config.type"),
        ("[500, 503]", "[501]", "5:69: error: config.value"),
        ("error_code: 404", "error_code: 401", "8:22: error: config.value"),
        (", response_code: 200", "", "8:9: error: cloudfront.error-response"),
        ("/404.html", "404.html", "8:47: error: cloudfront.error-response"),
        ("error_code: 503", "error_code: 404", "9:22: error: cloudfront.error-response"),
    ],
)
def test_origin_groups_and_error_pages_are_checked(old: str, new: str, finding: str) -> None:
    found = findings(SITE.replace(old, new))
    assert len(found) == 1
    assert found[0].startswith(finding), found
