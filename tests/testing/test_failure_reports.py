"""What a failed test shows of its requests, in a pytest of its own."""

from __future__ import annotations

import re

import pytest

from edgegw.gateway.gateway import Gateway
from edgegw.testing.changes import MOST, changes
from edgegw.testing.exchange_tree import exchange_tree
from tests.conftest import PYTHON
from tests.testing.test_plugin_fixtures import ALONE

CONFIG = {
    "functions": {"hook": {"runtime": PYTHON, "code": ".", "handler": "hook.handler"}},
    "distributions": {
        "site": {
            "listen": 8081,
            "origins": {"app": {"url": "http://origin.test"}},
            "default_behavior": {
                "origin": "app",
                "cache_policy": "CachingOptimized",
                "lambda_functions": {"viewer-request": "hook"},
            },
        }
    },
}
TESTS = f"""
from edgegw import Gateway

CONFIG = {CONFIG!r}

def adds_via(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["via"] = [{{"key": "Via", "value": "me"}}]
    return request

def test_with_a_gateway_of_its_own():
    gateway = Gateway.from_dict(CONFIG, functions={{"hook": adds_via}})
    with gateway.sync_client("site") as client:
        assert client.get("/own").status_code == 200

def test_that_passes():
    gateway = Gateway.from_dict(CONFIG, functions={{"hook": adds_via}})
    with gateway.sync_client("site") as client:
        assert client.get("/passes").status_code == 502

def test_without_a_gateway():
    assert 1 == 2
"""
PRINTS = """
def handler(event, context):
    print("looking at", event["Records"][0]["cf"]["request"]["uri"])
    return {"status": "403", "headers": {}}
"""


def test_a_failed_test_shows_its_exchanges_and_no_others(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS, hook=PRINTS)
    result = pytester.runpytest_inprocess(*ALONE, "-rN")
    result.assert_outcomes(passed=1, failed=2)
    sections = re.split(r"^_+ (test_\w+) _+$", result.stdout.str(), flags=re.M)
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))
    own = shown["test_with_a_gateway_of_its_own"]
    assert "- edgegw -" in own
    assert "GET /own → 502 LambdaValidationError   distribution site" in own
    assert '+ headers.via: "me"' in own
    assert "refused: lambda-edge.read-only-header at headers.via of viewer-request" in own
    assert "leave this header as it is" in own
    assert "https://docs.aws.amazon.com/" in own
    assert "- edgegw -" not in shown["test_without_a_gateway"]
    assert "/passes" not in result.stdout.str()


def test_a_tree_has_what_functions_printed(tmp_path, respx_mock) -> None:
    (tmp_path / "hook.py").write_text(PRINTS)
    gateway = Gateway.from_dict(CONFIG, base=tmp_path)
    with gateway.sync_client("site") as client:
        tree = exchange_tree(gateway.exchange(client.get("/a?token=abcdef&x=1")))
    shown = re.sub(r"\d+\.\d ms", "N ms", tree)
    assert shown == (
        "GET /a?token=…&x=1 → 403 LambdaGeneratedResponse   distribution site, N ms\n"
        "├─ behavior *\n"
        "└─ viewer-request hook, N ms, cold: changed\n"
        '   ├─ returned status: "403"\n'
        "   └─ printed: looking at /a"
    )


def test_a_tree_shows_cache_origin_and_traps(tmp_path, respx_mock) -> None:
    """A trap of caching comes with what to do about it."""
    (tmp_path / "hook.py").write_text(PRINTS)
    site = CONFIG["distributions"]["site"]
    behavior = {"origin": "app", "cache_policy": "CachingOptimized"}
    sees_all = {**site, "default_behavior": {**behavior, "origin_request_policy": "AllViewer"}}
    respx_mock.get("http://origin.test/a").respond(
        headers={"Cache-Control": "max-age=60", "Set-Cookie": "session=abcdefghijklmnop"}
    )
    gateway = Gateway.from_dict({**CONFIG, "distributions": {"site": sees_all}}, base=tmp_path)
    with gateway.sync_client("site") as client:
        tree = exchange_tree(gateway.exchange(client.get("/a", headers={"Cookie": "id=1234"})))
    assert "├─ cache miss\n│  └─ key {" in tree
    assert "origin app: GET http://origin.test/a → 200" in tree
    assert "finding: cloudfront.stored-set-cookie in behavior *\n" in tree
    assert "Set the cookie at viewer-response, which runs for each viewer" in tree
    assert "abcdefghijklmnop" not in tree


def test_a_tree_shows_a_load_balancer_and_why_there_is_no_answer() -> None:
    gateway = Gateway.from_dict(
        {
            "load_balancers": {
                "web": {"listeners": [{"listen": 1, "default_actions": [{"forward": "app"}]}]}
            },
            "target_groups": {"app": {"targets": ["127.0.0.1:9"]}},
        }
    )
    with gateway.sync_client("web") as client:
        tree = exchange_tree(gateway.exchange(client.get("/")))
    assert "→ 502" in tree
    assert "rule default, target group app" in tree
    assert "origin app: GET http://127.0.0.1:9/ → no answer" in tree
    assert "reason: " in tree


def lambda_event(**request: object) -> dict[str, object]:
    return {"Records": [{"cf": {"request": {"uri": "/", "headers": {}, **request}}}]}


def line(name: str, value: str) -> dict[str, list[dict[str, str]]]:
    return {name: [{"key": name, "value": value}]}


CHANGES = [
    ("nothing", {}, {}, []),
    ("a new path", {"uri": "/"}, {"uri": "/b"}, ['uri: "/" → "/b"']),
    ("a new header", {}, {"headers": line("x-a", "1")}, ['+ headers.x-a: "1"']),
    ("no header", {"headers": line("x-a", "1")}, {"headers": {}}, ['- headers.x-a: "1"']),
    (
        "a token's scheme alone",
        {},
        {"headers": line("authorization", "Bearer abcdefghijkl")},
        ['+ headers.authorization: "Bearer …"'],
    ),
    ("no key", {}, {"headers": line("x-api-key", "abc")}, ['+ headers.x-api-key: "…"']),
    (
        "the beginning of cookies",
        {},
        {"headers": line("cookie", "ab=b; sid=abcdefghijklmnop")},
        ['+ headers.cookie: "ab=b; sid=abcdef…"'],
    ),
    ("an answer", {}, {"status": "302"}, ['returned status: "302"']),
]


@pytest.mark.parametrize(
    ("got", "returned", "lines"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_changes_of_a_trigger(got, returned, lines) -> None:
    event = lambda_event(**got)
    is_answer = "status" in returned
    result = returned if is_answer else {**event["Records"][0]["cf"]["request"], **returned}
    assert list(changes("viewer-request", event, result)) == lines


def test_changes_of_a_cloudfront_function_and_of_a_target() -> None:
    request = {"request": {"uri": "/", "cookies": {}}}
    returned = {"uri": "/", "cookies": {"sid": {"value": "abcdefghijkl"}}}
    assert list(changes("viewer-request", request, returned)) == ['+ cookies.sid.value: "abcdef…"']
    assert list(changes(None, {}, {"statusCode": 200})) == ["returned statusCode: 200"]
    assert list(changes(None, {}, None)) == ["returned null"]


def test_many_changes_are_cut() -> None:
    headers = {name: value for at in range(60) for name, value in line(f"x-{at}", "1").items()}
    lines = list(changes("viewer-request", lambda_event(), {"uri": "/", "headers": headers}))
    assert len(lines) == MOST + 1
    assert lines[-1] == f"… and {60 - MOST} more"


VERDICTS = """
from edgegw.testing import validate, viewer_request

EVENT = viewer_request("/a")

def test_refused_in_the_assert():
    assert validate("viewer-request", EVENT, {"status": "999"})

def test_refused_in_a_variable():
    verdict = validate("viewer-request", EVENT, {"status": "999"})
    assert verdict.accepted

def test_accepted():
    assert validate("viewer-request", EVENT, {"status": "200"})
    assert 1 == 2
"""


def test_a_refused_verdict_is_there_with_all_that_it_says(pytester: pytest.Pytester) -> None:
    """pytest itself cuts it in the middle, and writes no line ends."""
    pytester.makepyfile(VERDICTS)
    result = pytester.runpytest_inprocess(*ALONE, "-rN")
    result.assert_outcomes(failed=3)
    lines = result.stdout.str().splitlines()
    assert (
        lines.count("viewer-request: refused: 502, X-Cache: LambdaValidationError from cloudfront")
        == 2
    )
    assert (
        sum(line.startswith('  lambda-edge.status at status: found "999"; ') for line in lines) == 2
    )
    assert "viewer-request: accepted" not in result.stdout.str()


def test_a_tree_says_what_a_function_added_and_the_origin_did_not_get(tmp_path, respx_mock) -> None:
    (tmp_path / "hook.py").write_text(PRINTS)

    def adds(event, context):
        request = event["Records"][0]["cf"]["request"]
        for name in ("x-user", "x-group"):
            request["headers"][name] = [{"key": name, "value": "1"}]
        return request

    respx_mock.get("http://origin.test/a").respond(text="hello")
    policies = {"mine": {"headers": {"behavior": "whitelist", "items": ["X-Group"]}}}
    site = CONFIG["distributions"]["site"]
    behavior = {**site["default_behavior"], "origin_request_policy": "mine"}
    config = {
        **CONFIG,
        "origin_request_policies": policies,
        "distributions": {"site": {**site, "default_behavior": behavior}},
    }
    gateway = Gateway.from_dict(config, base=tmp_path, functions={"hook": adds})
    with gateway.sync_client("site") as client:
        tree = exchange_tree(gateway.exchange(client.get("/a")))
    assert "├─ not sent to the origin: x-user\n" in tree
    assert "the origin request policy of the behavior, or its cache policy, has to name it" in tree
