"""`edgegw explain`, `edgegw targets` and `edgegw weights`, as typed."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.test_commands import EDGEGW, running, wait_for_announcements
from tests.conftest import FUNCTIONS, PYTHON, free_port


def edgegw(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*EDGEGW, *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def site(name: str) -> Iterator[int]:
    """A target that answers with its name."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def project(folder: Path, port: int, blue: int, green: int) -> None:
    check = {"interval": 2.1, "timeout": 2.0}
    both = [{"target_group": "blue", "weight": 1}, {"target_group": "green", "weight": 0}]
    function = {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": "hooks.target"}
    config = {
        "functions": {"api": {**function, "versions": {"1": {}, "2": {}}}},
        "target_groups": {
            "blue": {"targets": [f"127.0.0.1:{blue}"], "health_check": check},
            "green": {"targets": [f"127.0.0.1:{green}"], "health_check": check},
            "api": {"target_type": "lambda", "function": "api:1"},
            "spare": {"targets": ["127.0.0.1:9"]},
        },
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": port,
                        "public_port": 443,
                        "public_protocol": "HTTPS",
                        "rules": [
                            {
                                "priority": 10,
                                "conditions": [
                                    {"host_header": "old.example.com"},
                                    {"http_header": {"name": "X-Beta", "values": "1"}},
                                ],
                                "actions": [
                                    {
                                        "redirect": {
                                            "host": "new.example.com",
                                            "status_code": "HTTP_301",
                                        }
                                    }
                                ],
                            },
                            {
                                "priority": 20,
                                "conditions": [{"path_pattern": "/api/*"}],
                                "actions": [{"forward": "api"}],
                            },
                        ],
                        "default_actions": [{"forward": both}],
                    }
                ]
            }
        },
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a load balancer with two sites, its commands ready."""
    with ExitStack() as stack:
        blue, green = (stack.enter_context(site(name)) for name in ("blue", "green"))
        port = free_port()
        project(folder, port, blue, green)
        stack.enter_context(running("serve", cwd=folder, doors=1))
        wait_for_announcements(folder)
        yield f"http://127.0.0.1:{port}"


def names(url: str, count: int = 8) -> Counter[str]:
    with httpx.Client(trust_env=False) as client:
        return Counter(client.get(url).text for _ in range(count))


def test_explain_without_a_gateway(tmp_path: Path) -> None:
    port = free_port()
    project(tmp_path, port, 3000, 3001)
    url = f"http://localhost:{port}"
    found = edgegw(tmp_path, "explain", f"{url}/x", "-X", "POST", "-H", "Host: old.example.com")
    assert found.returncode == 0, found.stderr
    assert found.stdout == (
        "POST https://old.example.com/x\n"
        "listener  web HTTPS 443\n"
        "✗ rule 10  redirects to #{protocol}://new.example.com:#{port}/#{path} (301)\n"
        "    holds  host-header old.example.com: the host is old.example.com\n"
        "    fails  http-header X-Beta: 1: the header X-Beta is not there\n"
        "✗ rule 20  forwards to api\n"
        "    fails  path-pattern /api/*: the path is /x\n"
        "✓ default rule  forwards to blue | green\n"
        "→ target group blue, weight 1 of 1 (100%)  ← this request\n"
        "→ target group green, weight 0 of 1 (0%)\n"
        "→ 1 targets; none is running, so none is checked\n"
        "→ target 127.0.0.1:3000, by round robin among 127.0.0.1:3000\n"
    )
    found = edgegw(tmp_path, "explain", "https://old.example.com/a?b", "-H", "X-Beta: 1", "--json")
    told = json.loads(found.stdout)
    assert told["rule"] == "10"
    assert told["location"] == "https://new.example.com:443/a?b"
    assert told["running"] is False
    assert [each["holds"] for each in told["rules"][0]["conditions"]] == [True, True]
    found = edgegw(tmp_path, "explain", f"{url}/api/x", "--json")
    assert json.loads(found.stdout)["target"] == "function api:1"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["localhost"], "must be http://HOST[:PORT]/PATH"),
        (["http://localhost:1/", "--load-balancer", "wep"], "there is no load balancer 'wep'"),
        (["http://localhost/", "-H", "nonsense"], "a header is 'NAME: VALUE'"),
    ],
)
def test_explain_says_what_is_wrong(tmp_path: Path, words: list[str], text: str) -> None:
    project(tmp_path, free_port(), 1, 2)
    found = edgegw(tmp_path, "explain", *words)
    assert found.returncode == 2
    assert text in found.stderr


def test_commands_without_a_gateway_say_so(tmp_path: Path) -> None:
    project(tmp_path, free_port(), 1, 2)
    for words in (["targets"], ["weights", "default"]):
        found = edgegw(tmp_path, *words)
        assert found.returncode == 1
        assert "start `edgegw serve` first" in found.stderr


def test_a_canary_by_hand(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        assert names(url) == {"blue": 8}
        assert edgegw(tmp_path, "weights", "default").stdout == "blue  1  100%\ngreen  0  0%\n"
        shown = edgegw(tmp_path, "weights", "default", "blue=50", "green=50").stdout
        assert shown == "blue  50  50%\ngreen  50  50%\n"
        assert set(names(url, 60)) == {"blue", "green"}
        edgegw(tmp_path, "weights", "web/default", "blue=0")
        assert names(url) == {"green": 8}
        for words, text in (
            (
                ["30", "blue=1"],
                "rule '30' that forwards to target groups (known: web/20, web/default)",
            ),
            (["10", "blue=1"], "there is no rule '10' that forwards"),
            (["default", "bleu=1"], "does not forward to 'bleu' (it does to: blue, green)"),
            (["default", "blue=1000"], "the weight of blue is a number from 0 to 999"),
            (["default", "blue"], "'blue' must be GROUP=WEIGHT"),
        ):
            wrong = edgegw(tmp_path, "weights", *words)
            assert wrong.returncode == 2
            assert text in wrong.stderr
        assert names(url) == {"green": 8}


def test_targets_by_hand(tmp_path: Path) -> None:
    with served(tmp_path) as url, site("more") as more:
        found: dict = {}
        for _ in range(100):
            found = json.loads(edgegw(tmp_path, "targets", "--json").stdout)
            if found["blue"][0]["state"] == "healthy":
                break
        assert set(found) == {"blue", "green", "api", "spare"}
        assert found["api"][0]["reason"] == "Target.HealthCheckDisabled"
        assert found["spare"][0]["reason"] == "Target.NotInUse"
        address = f"127.0.0.1:{more}"
        shown = edgegw(tmp_path, "targets", "blue", "register", address).stdout
        assert f"blue  {address}  initial  Elb.RegistrationInProgress" in shown
        for _ in range(600):
            if set(names(url)) == {"blue", "more"}:
                break
            time.sleep(0.05)
        assert names(url) == {"blue": 4, "more": 4}
        explained = edgegw(tmp_path, "explain", url).stdout
        assert "→ 2 of 2 targets are healthy" in explained
        first = found["blue"][0]["target"]
        shown = edgegw(tmp_path, "targets", "blue", "deregister", first).stdout
        assert f"blue  {first}  draining  Target.DeregistrationInProgress" in shown
        assert names(url) == {"more": 8}
        for words, text in (
            (["blue", "register", "localhost"], "must be ADDRESS:PORT"),
            (["blue", "deregister", "127.0.0.1:1"], "is not registered in target group 'blue'"),
            (["bleu"], "there is no target group 'bleu'"),
            (["blue", "register"], "name the targets to register"),
        ):
            wrong = edgegw(tmp_path, "targets", *words)
            assert wrong.returncode == 2
            assert text in wrong.stderr


def test_a_lambda_target_group_changes_its_function(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        assert httpx.get(f"{url}/api/x", trust_env=False).status_code == 200
        full = edgegw(tmp_path, "targets", "api", "register", "api:2")
        assert "takes one function: deregister the other first" in full.stderr
        edgegw(tmp_path, "targets", "api", "deregister", "api:1")
        assert httpx.get(f"{url}/api/x", trust_env=False).status_code == 503
        shown = edgegw(tmp_path, "targets", "api", "register", "api:2").stdout
        assert shown.startswith("api  api:2  unavailable")
        assert httpx.get(f"{url}/api/x", trust_env=False).status_code == 200
