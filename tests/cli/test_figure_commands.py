"""`edgegw cost` and `edgegw metrics`: against a gateway that runs, and without one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import FUNCTIONS, PYTHON, need_module

CONFIG = f"""
functions:
  api:
    code: {FUNCTIONS}
    handler: figured.handler
    runtime: {PYTHON}
    memory_size: 1024
    provisioned_concurrency: 1
  edge: {{code: {FUNCTIONS}, handler: hooks.handler, runtime: {PYTHON}}}
target_groups:
  api: {{target_type: lambda, function: "api:1"}}
load_balancers:
  web:
    listeners:
      - {{listen: "127.0.0.1:0", default_actions: [{{forward: api}}]}}
"""
SITE = """
distributions:
  site:
    listen: 127.0.0.1:0
    origins: {app: {load_balancer: web}}
    default_behavior:
      origin: app
      cache_policy: CachingDisabled
      lambda_functions: {viewer-request: edge}
"""


def edgegw(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgegw", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """`edgegw serve` on a configuration in `folder`; the URL of its load balancer."""
    (folder / "edgegw.yaml").write_text(CONFIG)
    process = subprocess.Popen(
        [sys.executable, "-m", "edgegw", "serve"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            match = re.match(r"ready +load-balancer web +(\S+)", line)
            if match is not None:
                yield match[1]
                break
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(url: str, count: int) -> None:
    for _ in range(count):
        with urllib.request.urlopen(url) as answer:
            assert answer.status == 200


def test_what_ran_is_scaled_to_a_month(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        ask(url, 4)
        estimate = json.loads(edgegw(tmp_path, "cost", "--requests", "4000000", "--json").stdout)
        shown = edgegw(tmp_path, "cost").stdout
    charges = {charge["item"]: charge for charge in estimate["charges"]}
    assert estimate["prices_of"] == "2026-05"
    assert estimate["basis"].startswith("4 requests in ")
    assert estimate["assumptions"] == []
    assert charges["Requests"]["quantity"] == 4_000_000
    assert charges["Requests"]["amount"] == pytest.approx(0.60)
    kept = charges["Provisioned concurrency, x86_64"]
    assert kept["amount"] == pytest.approx(730 * 3600 * 0.0000041667)
    assert charges["Duration in provisioned concurrency, x86_64"]["quantity"] >= 4000
    assert charges["Hours of web"]["amount"] == pytest.approx(730 * 0.0225)
    assert estimate["total"] == pytest.approx(sum(each["amount"] for each in estimate["charges"]))
    assert "a month at the same rate" in shown
    assert "$16.43  Load balancer: Hours of web" in shown
    assert "= 730 hours x $0.0225 per hours" in shown


def test_without_a_gateway_the_configuration_is_reckoned_with_what_is_assumed(
    tmp_path: Path,
) -> None:
    (tmp_path / "edgegw.yaml").write_text(CONFIG + SITE)
    ran = edgegw(tmp_path, "cost", "--requests", "20000000", "--json")
    estimate = json.loads(ran.stdout)
    charges = {(each["service"], each["item"]): each["amount"] for each in estimate["charges"]}
    assert "as nothing has run" in estimate["basis"]
    assert estimate["assumptions"]
    assert charges["Lambda@Edge", "Requests"] == pytest.approx(12.0)
    assert charges["CloudFront", "HTTPS requests"] == pytest.approx(10.0)
    shown = edgegw(tmp_path, "cost", "--requests", "20000000").stdout
    assert "Assumed: each invocation takes 100 ms" in shown


def test_without_a_gateway_a_number_of_requests_is_needed(tmp_path: Path) -> None:
    (tmp_path / "edgegw.yaml").write_text(CONFIG)
    ran = edgegw(tmp_path, "cost")
    assert ran.returncode == 1
    assert "or say --requests N" in ran.stderr


def test_metrics_are_what_prometheus_reads(tmp_path: Path) -> None:
    parser = need_module("prometheus_client.parser")
    with served(tmp_path) as url:
        ask(url, 3)
        text = edgegw(tmp_path, "metrics").stdout
        from edgegw.gateway.announcement import announcements

        [standing] = announcements(tmp_path / ".edgegw")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{standing.url}/metrics")
        refused.value.close()
        request = urllib.request.Request(
            f"{standing.url}/metrics", headers={"Authorization": f"Bearer {standing.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            content_type = answer.headers["content-type"]
    assert refused.value.code == 401
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["aws_lambda_invocations_total", "api"] == 3
    assert samples["aws_lambda_duration_milliseconds_count", "api"] == 3
    assert families["aws_lambda_duration_milliseconds"].type == "summary"
    assert families["aws_lambda_invocations"].type == "counter"
    requests = [value for key, value in samples.items() if key[0].endswith("request_count_total")]
    assert requests == [3, 3]
