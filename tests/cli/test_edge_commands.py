"""`edgegw event`, `edgegw validate` and `edgegw check --deploy` as a user types them."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.cli.test_commands import EDGEGW, running, wait_for_announcements
from tests.conftest import PYTHON, free_port

HOOKS = """\
import json
from pathlib import Path

SEEN = Path(__file__).parent / "seen"


def record(event, context):
    cf = event["Records"][0]["cf"]
    (SEEN / (cf["config"]["eventType"] + ".json")).write_text(json.dumps(event))
    return cf


def viewer_request(event, context):
    request = record(event, context)["request"]
    request["uri"] = "/rewritten" + request["uri"]
    request["headers"]["x-hook"] = [{"value": "1"}]
    if request["querystring"] == "stop":
        return {"status": "403"}
    return request


def origin_request(event, context):
    request = record(event, context)["request"]
    request["headers"]["x-origin-hook"] = [{"value": "1"}]
    return request


def origin_response(event, context):
    response = record(event, context)["response"]
    response["headers"]["x-kept"] = [{"value": "1"}]
    return response


def viewer_response(event, context):
    return record(event, context)["response"]
"""


def edgegw(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EDGEGW, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


ORIGIN = """\
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response_only(201, "Made")
        self.send_header("X-From", "origin")
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, int, int]:
    """A folder with a configuration, the port of its distribution, the port of its origin."""
    port, origin = free_port(), free_port()
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "seen").mkdir()
    names = ["viewer_request", "origin_request", "origin_response", "viewer_response"]
    triggers = {name.replace("_", "-"): name for name in names}
    config = {
        "functions": {
            name: {"runtime": PYTHON, "code": ".", "handler": f"hooks.{name}"} for name in names
        },
        "distributions": {
            "site": {
                "listen": port,
                "origins": {
                    "app": {
                        "url": f"http://127.0.0.1:{origin}",
                        "path": "/base",
                        "custom_headers": {"X-Secret": "s"},
                    }
                },
                "default_behavior": {
                    "origin": "app",
                    "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewerAndCloudFrontHeaders-2022-06",
                    "lambda_functions": {
                        trigger: {"function": name, "include_body": trigger.endswith("request")}
                        for trigger, name in triggers.items()
                    },
                },
            }
        },
    }
    (tmp_path / "edgegw.yaml").write_text(yaml.safe_dump(config))
    return tmp_path, port, origin


CHANGING = {"date", "via", "cloudfront-viewer-address"}


def comparable(event: Any) -> Any:
    """The event less what differs from request to request."""
    cf = event["Records"][0]["cf"]
    cf["config"].pop("requestId")
    for part in ("request", "response"):
        headers = cf.get(part, {}).get("headers", {})
        for name in CHANGING & set(headers):
            headers[name] = [entry["key"] for entry in headers[name]]
    return event


def test_event_is_what_the_gateway_sends(project: tuple[Path, int, int]) -> None:
    folder, port, origin = project
    (folder / "origin.py").write_text(ORIGIN.format(port=origin))
    server = subprocess.Popen([EDGEGW[0], str(folder / "origin.py")], stderr=subprocess.DEVNULL)
    try:
        _wait_for(origin)
        with running("serve", "edgegw.yaml", "--no-reload", cwd=folder, doors=1):
            answer = httpx.post(
                f"http://127.0.0.1:{port}/a%20b?c=d",
                content=b"hello",
                headers={
                    "Accept-Encoding": "gzip, deflate",  # httpx adds what is installed beside it
                    "X-Mine": "1",
                    "User-Agent": "me",
                    "Accept": "*/*",
                },
                trust_env=False,
            )
    finally:
        server.kill()
        server.wait()
    assert answer.status_code == 201
    for trigger in ("viewer-request", "origin-request", "origin-response", "viewer-response"):
        sent = json.loads((folder / "seen" / f"{trigger}.json").read_text())
        headers = ["Accept-Encoding: gzip, deflate", "Connection: keep-alive", "X-Mine: 1"]
        options = [part for header in headers for part in ("--header", header)]
        done = edgegw(
            *("event", trigger, "--url", f"http://127.0.0.1:{port}/a%20b?c=d", "--body", "hello"),
            *(*options, "--header", "User-Agent: me", "--client-ip", "127.0.0.1"),
            *("--config", "edgegw.yaml", "--status", "201"),
            *("--response-header", "X-From: origin", "--response-header", "Content-Length: 0"),
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        if "response" in made["Records"][0]["cf"]:  # the phrase is the origin's own
            made["Records"][0]["cf"]["response"]["statusDescription"] = "Made"
        assert comparable(made) == comparable(sent), trigger


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the origin does not listen")


class TestEvent:
    def test_without_configuration(self, tmp_path: Path) -> None:
        done = edgegw("event", "viewer-request", "--header", "X-A: b: c", cwd=tmp_path)
        request = json.loads(done.stdout)["Records"][0]["cf"]["request"]
        assert request["headers"]["x-a"] == [{"key": "X-A", "value": "b: c"}]
        assert (request["method"], request["uri"], request["clientIp"]) == (
            "GET",
            "/",
            "203.0.113.10",
        )
        assert "body" not in request

    def test_include_body(self, tmp_path: Path) -> None:
        done = edgegw(
            "event",
            "origin-request",
            "--body-file",
            "-",
            "--include-body",
            cwd=tmp_path,
            stdin="hi",
        )
        request = json.loads(done.stdout)["Records"][0]["cf"]["request"]
        assert request["method"] == "POST"
        assert request["body"]["data"] == "aGk="
        assert set(request["origin"]) == {"custom"}

    def test_trigger_that_is_not_reached(self, project: tuple[Path, int, int]) -> None:
        folder, _, _ = project
        done = edgegw(
            *("event", "origin-request", "--url", "http://x.test/?stop"),
            *("--config", "edgegw.yaml"),
            cwd=folder,
        )
        assert done.returncode == 2
        assert done.stderr == (
            "edgegw: origin-request is not reached: the viewer gets 403 (LambdaGeneratedResponse)\n"
        )

    def test_viewer_response_after_an_error(self, tmp_path: Path) -> None:
        done = edgegw("event", "viewer-response", "--status", "404", cwd=tmp_path)
        assert done.returncode == 2
        assert "viewer-response is not reached: the viewer gets 404" in done.stderr

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (("--url", "x"), "--url is http://HOST/PATH or https://HOST/PATH, not 'x'"),
            (("--header", "x"), "a header is written 'Name: value', not 'x'"),
            (("--distribution", "x"), "there is no distribution 'x' (known: example)"),
        ],
    )
    def test_wrong_use(self, tmp_path: Path, options: tuple[str, ...], text: str) -> None:
        done = edgegw("event", "viewer-request", *options, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr
        assert "Traceback" not in done.stderr

    def test_distribution_must_be_named_among_several(self, tmp_path: Path) -> None:
        one = {
            "listen": 0,
            "origins": {"app": {"url": "http://o.test"}},
            "default_behavior": {"origin": "app"},
        }
        config = {"distributions": {"a": one, "b": one}}
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
        done = edgegw("event", "viewer-request", "--config", "c.yaml", cwd=tmp_path)
        assert "name one with --distribution (known: a, b)" in done.stderr
        done = edgegw(
            "event", "viewer-request", "--config", "c.yaml", "--distribution", "b", cwd=tmp_path
        )
        assert done.returncode == 0


class TestValidate:
    def validate(
        self, folder: Path, trigger: str, result: Any, *options: str
    ) -> subprocess.CompletedProcess[str]:
        made = edgegw("event", trigger, cwd=folder)
        (folder / "event.json").write_text(made.stdout)
        return edgegw(
            *("validate", trigger, "--event", "event.json", "--result", "-", *options),
            cwd=folder,
            stdin=json.dumps(result),
        )

    def part(self, folder: Path, trigger: str) -> Any:
        cf = json.loads(edgegw("event", trigger, cwd=folder).stdout)["Records"][0]["cf"]
        return cf.get("response") or cf["request"]

    @pytest.mark.parametrize(
        ("trigger", "text"),
        [
            ("viewer-request", "accepted: the request goes on\n"),
            ("origin-request", "accepted: the request goes on\n"),
            ("origin-response", "accepted: the response goes on\n"),
            ("viewer-response", "accepted: the response goes on\n"),
        ],
    )
    def test_accepted(self, tmp_path: Path, trigger: str, text: str) -> None:
        made = edgegw("event", trigger, cwd=tmp_path).stdout
        (tmp_path / "event.json").write_text(made)
        cf = json.loads(made)["Records"][0]["cf"]
        (tmp_path / "result.json").write_text(json.dumps(cf.get("response") or cf["request"]))
        done = edgegw(
            *("validate", trigger, "--event", "event.json", "--result", "result.json"),
            cwd=tmp_path,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, text, "")

    def test_generated(self, tmp_path: Path) -> None:
        done = self.validate(tmp_path, "viewer-request", {"status": 302})
        assert (done.returncode, done.stdout) == (0, "accepted: the function answers 302 itself\n")

    def test_refused(self, tmp_path: Path) -> None:
        done = self.validate(tmp_path, "viewer-request", {"status": 99, "headers": {"via": "x"}})
        assert done.returncode == 1
        assert done.stdout.splitlines() == [
            "status: error: lambda-edge.status status is a string or a number from 200 to 599.",
            "    found 99; write a status from 200 to 599",
            "    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
            "lambda-at-edge-function-restrictions.html",
            "headers.via: error: lambda-edge.header-array Each entry of headers is an array of "
            "objects with key and value.",
            '    found "x"; write [{"key": "Via", "value": …}]',
            "    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
            "lambda-event-structure.html",
            "refused: 502, X-Cache: LambdaValidationError from cloudfront",
            "    The Lambda function returned an invalid request or response to CloudFront.",
        ]

    def test_warned_of(self, tmp_path: Path) -> None:
        done = self.validate(tmp_path, "viewer-request", {"status": 200, "extra": 1})
        assert done.returncode == 0
        assert done.stdout.startswith("extra: warning: lambda-edge.unknown-field ")

    def test_as_json(self, tmp_path: Path) -> None:
        done = self.validate(tmp_path, "viewer-request", {"status": 99}, "--json")
        found = json.loads(done.stdout)
        assert done.returncode == 1
        assert found["accepted"] is False
        assert found["page"].startswith("The Lambda function returned an invalid request")
        assert [each["code"] for each in found["findings"]] == ["lambda-edge.status"]

    def test_configuration_decides_open_points(self, tmp_path: Path) -> None:
        (tmp_path / "edgegw.yaml").write_text(
            "distributions:\n  site:\n    listen: 0\n    origins: {a: {url: 'http://o.test'}}\n"
            "    default_behavior: {origin: a}\n"
            "gateway: {open_points: {unknown_field: refuse}}\n"
        )
        done = self.validate(tmp_path, "viewer-request", {"status": 200, "extra": 1})
        assert done.returncode == 1

    @pytest.mark.parametrize(
        ("event", "text"),
        [
            ("{", "--event is no event of Lambda@Edge: "),
            ("{}", "--event is no event of Lambda@Edge: Records: an array is expected here"),
            (
                '{"Records": [{"cf": {"config": {"eventType": "x"}}}]}',
                "cf.config.eventType: one of viewer-request, origin-request",
            ),
            (
                '{"Records": [{"cf": {"config": {"eventType": "origin-request"}, "request": '
                '{"uri": "/", "querystring": "", "method": "GET", "clientIp": "::1", '
                '"headers": {}}}}]}',
                "cf.request.origin: an object is expected here",
            ),
            (
                '{"Records": [{"cf": {"config": {"eventType": "viewer-response"}, "request": '
                '{"uri": "/", "querystring": "", "method": "GET", "clientIp": "::1", '
                '"headers": {}}, "response": {"headers": {}, "status": "200"}}}]}',
                "--event is one of viewer-response, not of viewer-request",
            ),
        ],
    )
    def test_event_that_is_none(self, tmp_path: Path, event: str, text: str) -> None:
        (tmp_path / "event.json").write_text(event)
        done = edgegw(
            *("validate", "viewer-request", "--event", "event.json", "--result", "-"),
            cwd=tmp_path,
            stdin="{}",
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr
        assert "Traceback" not in done.stderr


def test_check_deploy_names_file_line_and_column(project: tuple[Path, int, int]) -> None:
    folder, _, _ = project
    text = (folder / "edgegw.yaml").read_text()
    (folder / "edgegw.yaml").write_text(text + "gateway: {region: eu-west-1}\n")
    done = edgegw("check", cwd=folder)
    assert done.returncode == 0
    done = edgegw("check", "--deploy", cwd=folder)
    assert done.returncode == 1
    line = len(text.splitlines()) + 1
    assert done.stdout.splitlines() == [
        f"edgegw.yaml:{line}:19: error: lambda-edge.region functions of triggers must live in "
        "us-east-1, not eu-west-1"
    ]
    assert done.stderr == "1 error, 0 warnings\n"


def test_log_of_refused_results_is_found_by_the_name_of_the_distribution(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "handler.py").write_text("def handler(event, context):\n    return 7\n")
    config = {
        "functions": {"hook": {"runtime": PYTHON, "code": "."}},
        "distributions": {
            "site": {
                "listen": port,
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {
                    "origin": "app",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
    }
    (tmp_path / "edgegw.yaml").write_text(yaml.safe_dump(config))
    with running("serve", "--no-reload", cwd=tmp_path, doors=1):
        wait_for_announcements(tmp_path)
        answer = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        done = edgegw("logs", "LambdaEdge/site", cwd=tmp_path)
    assert answer.status_code == 502
    lines = done.stdout.splitlines()
    assert lines[0] == "--- us-east-1"
    assert lines[-1].endswith(
        f"({answer.headers['x-amz-cf-id']}) ERROR Validation error: "
        "the result: found 7; return event['Records'][0]['cf']['request'] (or 'response')"
    )


def test_an_event_of_a_load_balancer_and_the_verdict_on_its_result(tmp_path: Path) -> None:
    shown = edgegw(
        "event", "alb", "--url", "https://www.example.com/a?b=1", "--multi-value", cwd=tmp_path
    )
    event = json.loads(shown.stdout)
    assert (event["path"], event["multiValueQueryStringParameters"]) == ("/a", {"b": ["1"]})
    assert event["multiValueHeaders"]["x-forwarded-for"] == ["203.0.113.10"]
    assert event["multiValueHeaders"]["x-forwarded-port"] == ["443"]
    (tmp_path / "event.json").write_text(shown.stdout)
    judge = ("validate", "alb", "--event", "event.json", "--result", "-")
    done = edgegw(*judge, cwd=tmp_path, stdin='{"statusCode": 200}')
    assert (done.returncode, done.stdout) == (0, "accepted: the function answers\n")
    done = edgegw(*judge, cwd=tmp_path, stdin='"text"')
    assert done.returncode == 1
    assert done.stdout.startswith("refused: 502")
