"""`edgegw explain` finds the front door that a URL means, and says where it is nobody's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_balancer_commands import edgegw
from tests.cli.test_commands import running, wait_for_announcements
from tests.conftest import free_port


def project(folder: Path) -> tuple[int, int]:
    """A distribution and a load balancer, and their ports."""
    site, web = free_port(), free_port()
    answer = [{"fixed_response": {"status_code": 200}}]
    config = {
        "distributions": {
            "site": {
                "listen": site,
                "aliases": ["www.example.com"],
                "origins": {"app": {"url": "http://127.0.0.1:9"}},
                "default_behavior": {"origin": "app"},
            }
        },
        "load_balancers": {"web": {"listeners": [{"listen": web, "default_actions": answer}]}},
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return site, web


def test_the_way_through_a_distribution(tmp_path: Path) -> None:
    site, _ = project(tmp_path)
    url = f"http://localhost:{site}/x?y=1"
    shown = edgegw(tmp_path, "explain", url, "-H", "Cookie: a\x1b[2J=1").stdout
    via = next(line for line in shown.splitlines() if "Via: " in line)
    assert shown.replace(f"{via}\n", "") == (
        f"GET {url}\n"
        "distribution  site\n"
        "✓ behavior *  the default behavior takes the rest\n"
        "    cache policy  CachingOptimized\n"
        "→ cache: miss  TTL: minimum 1s, default 86400s, maximum 365 days\n"
        "    key  GET /x\n"
        "    nothing is stored for this key\n"
        "→ no function runs\n"
        "→ origin http://127.0.0.1:9 gets\n"
        "    GET /x\n"
        "    Host: 127.0.0.1\n"
        "    User-Agent: Amazon CloudFront\n"
        "    X-Forwarded-For: 127.0.0.1\n"
        "    not header Host: replaced by the origin's domain name\n"
        "    not cookie a: CachingOptimized does not name it, and there is no origin request "
        "policy\n"
        "    not query string y: CachingOptimized does not name it, and there is no origin "
        "request policy\n"
        "→ no cookie is forwarded, so Set-Cookie is removed from every response\n"
    )


def test_the_front_door_is_that_of_the_port_or_of_the_name(tmp_path: Path) -> None:
    site, web = project(tmp_path)
    for url, kind, request in (
        (f"http://localhost:{site}/", "distribution", f"GET http://localhost:{site}/"),
        (f"http://localhost:{web}/", "load-balancer", f"GET http://localhost:{web}/"),
        ("https://www.example.com/", "distribution", "GET https://www.example.com/"),
    ):
        answer = json.loads(edgegw(tmp_path, "explain", url, "--json").stdout)
        assert (answer["kind"], answer["request"]) == (kind, request)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["http://localhost:1/"], "no front door is at port 1 (known: site:"),
        (["http://localhost:1/", "--distribution", "site"], "no front door is at port 1 (known"),
        (["http://localhost:1/", "--load-balancer", "web"], "no front door is at port 1 (known"),
        (["http://other.example/"], "no front door is at port 80 (known: site:"),
        (["http://localhost/", "--distribution", "x"], "there is no distribution 'x'"),
    ],
)
def test_a_port_that_is_nobodys_is_named(tmp_path: Path, words: list[str], text: str) -> None:
    project(tmp_path)
    answer = edgegw(tmp_path, "explain", *words)
    assert answer.returncode == 2
    assert text in answer.stderr


def test_a_running_gateway_explains_its_distributions(tmp_path: Path) -> None:
    site, _ = project(tmp_path)
    with running("serve", cwd=tmp_path, doors=2):
        wait_for_announcements(tmp_path)
        url = f"http://localhost:{site}/x"
        answer = json.loads(edgegw(tmp_path, "explain", url, "--json").stdout)
        assert (answer["running"], answer["behavior"]) == (True, "*")
        assert "no front door is at port 1" in edgegw(tmp_path, "explain", "http://a:1/").stderr
