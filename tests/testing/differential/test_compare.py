"""A second gateway on a port stands for what is deployed: alike, and with one thing changed."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgegw.cli.main import main
from edgegw.config.resolve import load_dict
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.testing.differential import ComparisonReport, compare
from edgegw.testing.differential.differences import SeenAnswer, differences
from edgegw.testing.differential.known import KNOWN
from edgegw.testing.differential.requests import ComparedRequest, compared_requests
from tests.conftest import FUNCTIONS, free_port

ROOT = Path(__file__).parents[3]
Hook = Callable[[Any, Any], Any]
CODE = {
    "runtime": "python3.13",
    "code": str(ROOT / "sample_functions" / "hello_python"),
    "handler": "handler.handler",
}
CONFIG: dict[str, Any] = {
    "functions": {"page": CODE},
    "distributions": {
        "site": {
            "listen": 0,
            "origins": {"web": {"load_balancer": "web"}},
            "default_behavior": {
                "origin": "web",
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewer",
                "response_headers_policy": "SecurityHeadersPolicy",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            },
            "behaviors": [
                {"path_pattern": "/cached*", "origin": "web", "cache_policy": "CachingOptimized"}
            ],
        }
    },
    "target_groups": {"page": {"target_type": "lambda", "function": "page"}},
    "load_balancers": {
        "web": {
            "listeners": [
                {
                    "listen": 0,
                    "public_port": 80,
                    "rules": [
                        {
                            "priority": 1,
                            "conditions": [{"path_pattern": ["/old"]}],
                            "actions": [{"redirect": {"path": "/new", "status_code": "HTTP_301"}}],
                        }
                    ],
                    "default_actions": [{"forward": "page"}],
                }
            ]
        }
    },
}
GATEWAY = {"gateway": {"inspector": None}}


def page(event: Any, context: Any, **changes: Any) -> Any:
    """A page with a validator and a cookie; `changes` are of its answer."""
    headers = {
        "content-type": "text/html",
        "etag": '"1"',
        "set-cookie": f"session={context.aws_request_id}; Path=/; HttpOnly; SameSite=Lax",
    }
    headers |= changes.pop("headers", {})
    return {"statusCode": 200, "headers": headers, "body": "<p>hello</p>", **changes}


def changed(**changes: Any) -> Hook:
    def handler(event: Any, context: Any) -> Any:
        return page(event, context, **copy.deepcopy(changes))

    return handler


def without_policy(config: dict[str, Any]) -> None:
    del config["distributions"]["site"]["default_behavior"]["response_headers_policy"]


def redirecting_elsewhere(config: dict[str, Any]) -> None:
    rule = config["load_balancers"]["web"]["listeners"][0]["rules"][0]
    rule["actions"][0]["redirect"] |= {"path": "/newer", "status_code": "HTTP_302"}


def as_it_is(config: dict[str, Any]) -> None:
    pass


PAGE, OLD = ComparedRequest("GET", "/"), ComparedRequest("GET", "/old")
SECURITY = {
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
    "referrer-policy",
}
CHANGES = [
    ("nothing", as_it_is, page, set()),
    ("status", as_it_is, changed(statusCode=203), {("status", "")}),
    ("body", as_it_is, changed(body="<p>hallo</p>"), {("body", "from byte 4")}),
    (
        "header",
        as_it_is,
        changed(headers={"content-type": "text/plain"}),
        {("header", "content-type")},
    ),
    ("validator", as_it_is, changed(headers={"etag": '"2"'}), {("header", "etag")}),
    ("weak validator", as_it_is, changed(headers={"etag": 'W/"1"'}), set()),
    (
        "attributes of a cookie",
        as_it_is,
        changed(headers={"set-cookie": "session=1; Path=/a; SameSite=lax; Secure"}),
        {("cookie", "session: path"), ("cookie", "session: httponly"), ("cookie", "session: secure")},
    ),
    (
        "another cookie",
        as_it_is,
        changed(headers={"set-cookie": "id=1; Path=/"}),
        {("cookie", "session"), ("cookie", "id")},
    ),
    ("policy", without_policy, page, {("header", name) for name in SECURITY}),
    ("redirect", redirecting_elsewhere, page, {("status", ""), ("redirect", "Location"), ("body", "from byte 23")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mutate", "hook", "expected"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
async def test_what_was_changed_is_found_and_nothing_else(
    serving: Any,
    mutate: Callable[[dict[str, Any]], None],
    hook: Hook,
    expected: set[tuple[str, str]],
) -> None:
    report = await compared(serving, mutate, hook, [PAGE, OLD])
    counted = [each for comparison in report.comparisons for each in comparison.counted]
    assert {(each.kind, each.name) for each in counted} == expected
    assert {"via", "x-amz-cf-id"} <= report.known.keys()


async def compared(
    serving: Any,
    mutate: Callable[[dict[str, Any]], None],
    hook: Hook,
    requests: list[ComparedRequest],
    **options: Any,
) -> ComparisonReport:
    deployed = copy.deepcopy(CONFIG) | GATEWAY
    mutate(deployed)
    async with serving(deployed, functions={"page": hook}) as urls:
        return await compare(
            load_dict(CONFIG, FUNCTIONS),
            against=urls.urls["site"],
            requests=requests,
            functions={"page": page},
            **options,
        )


async def test_caches_that_are_warm_and_cold_are_alike(serving: Any) -> None:
    async with serving(CONFIG | GATEWAY, functions={"page": page}) as urls:
        options: dict[str, Any] = {
            "against": urls.urls["site"],
            "requests": [ComparedRequest("GET", "/cached")],
            "functions": {"page": page},
        }
        config = load_dict(CONFIG, FUNCTIONS)
        await compare(config, **options)
        report = await compare(config, **options)
    assert report.different == []
    assert report.known["x-cache"] == KNOWN["x-cache"]
    (x_cache,) = (each for each in report.comparisons[0].known if each.name == "x-cache")
    assert (x_cache.gateway, x_cache.deployed) == ("Miss from cloudfront", "Hit from cloudfront")


async def test_what_is_to_be_left_out_is_named(serving: Any) -> None:
    hook = changed(headers={"content-type": "text/plain"}, body="<p>token 17</p>")
    options = {"ignore": ["Content-Type"], "ignore_in_body": r"hello|token \d+"}
    report = await compared(serving, as_it_is, hook, [PAGE], **options)
    assert report.different == []
    assert report.known["content-type"] == "it is left out on demand (--ignore)"


async def test_headers_and_bodies_reach_both_sides(serving: Any) -> None:
    def echo(event: Any, context: Any) -> Any:
        said = [event["httpMethod"], event["headers"].get("cookie"), event["body"]]
        return {"statusCode": 200, "headers": {}, "body": json.dumps(said)}

    request = ComparedRequest("POST", "/", (("Cookie", "theme=dark"),), b"milk")
    config = CONFIG
    async with serving(config | GATEWAY, functions={"page": echo}) as urls:
        with pytest.raises(UsageError, match=r"POST / may change something.*--unsafe"):
            await compare(
                load_dict(config, FUNCTIONS), against=urls.urls["site"], requests=[request]
            )
        report = await compare(
            load_dict(config, FUNCTIONS),
            against=urls.urls["site"],
            requests=[request],
            functions={"page": lambda event, context: {**echo(event, context), "body": "none"}},
            unsafe=True,
        )
    (body,) = report.comparisons[0].counted
    assert body.deployed.endswith("""'["POST", "theme=dark", "bWlsaw=="]'""")  # milk


async def test_nobody_there_and_no_place_at_all() -> None:
    config = load_dict(CONFIG, FUNCTIONS)
    with pytest.raises(EnvironmentProblem, match="does not answer GET /"):
        await compare(
            config,
            against=f"http://127.0.0.1:{free_port()}",
            requests=[PAGE],
            functions={"page": page},
        )
    for wrong in ("d1.cloudfront.net", "ftp://e.test", "https://e.test/path", "https://u:p@e.test"):
        with pytest.raises(UsageError, match="--against is where a front door is"):
            await compare(config, against=wrong, requests=[PAGE])


def test_the_command_tells_what_differs_and_ends_with_1(serving: Any, tmp_path: Path) -> None:
    """The deployed side in this thread's loop, the command in another one."""
    file, requests = tmp_path / "edgegw.yaml", tmp_path / "requests.txt"
    fixed = {"fixed_response": {"status_code": "200", "message_body": "here"}}
    config = {"load_balancers": {"web": {"listeners": [{"listen": 0, "default_actions": [fixed]}]}}}
    file.write_text(json.dumps(config))
    requests.write_text("/\nHEAD /\n")
    deployed = copy.deepcopy(config)
    deployed["load_balancers"]["web"]["listeners"][0]["default_actions"][0]["fixed_response"][
        "message_body"
    ] = "there"

    async def run(*more: str) -> list[Any]:
        ran = []
        async with serving(deployed) as urls:
            line = [
                "compare",
                str(file),
                "--against",
                urls.urls["web"],
                "--requests",
                str(requests),
            ]
            for options in ([], ["--json"], ["--ignore-in-body", "t?here"]):
                ran.append(await asyncio.to_thread(CliRunner().invoke, main, [*line, *options]))
        return ran

    table, plain, alike = asyncio.run(run())
    assert table.exit_code == 1, table.output
    assert "✗ GET /\n    body from byte 0\n        gateway   4 bytes, 'here'\n" in table.stdout
    assert "✓ HEAD /" in table.stdout
    assert "1 alike, 1 different" in table.stdout
    assert "content-length: it belongs to the connection" in table.stdout
    assert json.loads(plain.stdout)["different"] == 1
    assert alike.exit_code == 0, alike.output


# What is sent


def test_requests_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "requests.txt"
    file.write_text(
        "# pages\n/shop?page=2\n\nHEAD /\nGET /account\n    Cookie: theme=dark\n\tX-A:1\n"
    )
    assert compared_requests(file) == (
        ComparedRequest("GET", "/shop?page=2"),
        ComparedRequest("HEAD", "/"),
        ComparedRequest("GET", "/account", (("Cookie", "theme=dark"), ("X-A", "1"))),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no request"),
        ("shop", ":1: a line is `PATH` or `METHOD PATH`"),
        ("get /", ":1: a line is"),
        ("/ a b", ":1: a line is"),
        ("/ä", ":1: a line is"),
        (" A: 1", ":1: a header stands below the request"),
        ("/\n  A 1", ":2: a header is `NAME: VALUE`"),
        ("/\n  Host: e.test", ":2: Host is made anew"),
    ],
)
def test_a_line_that_is_no_request_says_where(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "requests.txt"
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        compared_requests(file)
    assert says in str(raised.value)


def test_requests_of_a_recording_leave_out_what_belongs_to_a_connection(tmp_path: Path) -> None:
    lines = {":path": "/a", "Host": "e.test", "Connection": "keep-alive", "Accept-Encoding": "gzip, br", "Cookie": "a=1", "content-length": "2"}  # fmt: skip
    request = {
        "method": "post",
        "url": "https://e.test/a?b",
        "headers": [{"name": name, "value": value} for name, value in lines.items()],
        "postData": {"text": "bWlsaw==", "encoding": "base64"},
    }
    file = tmp_path / "site.har"
    file.write_text(json.dumps({"log": {"entries": [{"request": request}]}}))
    headers = (("Cookie", "a=1"), ("Accept-Encoding", "gzip"))
    assert compared_requests(file) == (ComparedRequest("POST", "/a?b", headers, b"milk"),)


# What differs

ROWS = [
    ("a hit for a miss", {"x-cache": "Hit from cloudfront"}, {"x-cache": "Miss from cloudfront"}, True),
    ("an error for a miss", {"x-cache": "Error from cloudfront"}, {"x-cache": "Miss from cloudfront"}, False),
    ("age on one side", {"age": "3"}, {}, True),
    ("a header on one side", {"x-frame-options": "DENY"}, {}, False),
    ("when a cookie expires", {"set-cookie": "a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT"}, {"set-cookie": "a=1; Expires=Thu, 01 Jan 2026 00:00:09 GMT"}, True),
    ("that a cookie expires", {"set-cookie": "a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT"}, {"set-cookie": "a=1"}, False),
    ("lines or a list", {"vary": "a, b"}, {"vary": "a,  b"}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("here", "there", "is_known"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_is_known_to_differ(
    here: dict[str, str], there: dict[str, str], is_known: bool
) -> None:
    sides = [SeenAnswer(200, tuple(side.items()), b"") for side in (here, there)]
    (difference,) = differences(*sides)
    assert bool(difference.why) is is_known


def test_values_of_cookies_are_not_quoted() -> None:
    sides = [
        SeenAnswer(200, (("set-cookie", f"s={secret}; Path=/"),), b"") for secret in ("x1y", "x2y")
    ]
    assert "x1y" not in repr(differences(*sides))
    assert "x2y" not in repr(differences(*sides))
