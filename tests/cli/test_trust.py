"""`edgegw trust` tells how each system comes to trust the local authority."""

from __future__ import annotations

import json
import re
import socket
import ssl
from pathlib import Path

import pytest

from tests.cli.test_commands import run


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's data folder, for one test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def test_trust_makes_the_authority_and_names_every_system(tmp_path: Path, data: Path) -> None:
    found = run("trust", cwd=tmp_path)
    file = data / "edgegw" / "ca" / "rootCA.pem"
    assert found.returncode == 0
    assert ssl.create_default_context(cafile=str(file)).cert_store_stats()["x509_ca"] == 1
    for word in ("macOS", "Debian", "Fedora", "Windows", "Chrome", "Firefox", "Node.js", "curl"):
        assert word in found.stdout
    assert str(file) in found.stdout
    assert "private key" in found.stderr
    assert run("trust", cwd=tmp_path).stdout == found.stdout
    assert not (tmp_path / ".edgegw").exists()


def test_trust_says_who_made_it_and_when(tmp_path: Path) -> None:
    printed = run("trust", cwd=tmp_path).stdout
    known = json.loads(run("trust", "--json", cwd=tmp_path).stdout)
    assert known["made_by"].endswith(f"@{socket.gethostname()}"[:20])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", known["made_on"])
    assert f"made by {known['made_by']} on {known['made_on']}\n" in printed


def test_every_project_has_the_same(tmp_path: Path, data: Path) -> None:
    (tmp_path / "edgegw.yaml").write_text("gateway: {state: elsewhere}\n")
    known = json.loads(run("trust", "--json", cwd=tmp_path).stdout)
    assert known["file"] == str(data / "edgegw" / "ca" / "rootCA.pem")
    assert known["mkcert"] is False
    assert set(known["commands"]) >= {"macos", "windows", "firefox"}


def test_trust_names_one_that_a_project_brings(tmp_path: Path) -> None:
    planted = tmp_path / ".edgegw" / "ca"
    planted.mkdir(parents=True)
    (planted / "rootCA-key.pem").touch()
    answered = run("trust", cwd=tmp_path)
    assert f"the certificate authority in {planted} is no longer used" in answered.stderr
    assert str(planted) not in answered.stdout


def test_trust_refuses_one_that_others_can_write(tmp_path: Path, data: Path) -> None:
    run("trust", cwd=tmp_path)
    (data / "edgegw" / "ca").chmod(0o777)
    answered = run("trust", cwd=tmp_path)
    assert answered.returncode == 1
    assert "can be written by other users; remove the folder" in answered.stderr
    assert "rootCA.pem" not in answered.stdout


def test_the_help_of_fault_keeps_its_lines(tmp_path: Path) -> None:
    text = run("fault", "--help", cwd=tmp_path).stdout
    assert "\n  Of a function:            error, throttle, timeout, latency\n" in text
