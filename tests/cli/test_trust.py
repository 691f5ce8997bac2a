"""`edgegw trust` tells how each system comes to trust the local authority."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest

from tests.cli.test_commands import run


@pytest.fixture(autouse=True)
def without_mkcert(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAROOT", str(tmp_path / "no-mkcert"))


def test_trust_makes_the_authority_and_names_every_system(tmp_path: Path) -> None:
    found = run("trust", cwd=tmp_path)
    file = tmp_path / ".edgegw" / "ca" / "rootCA.pem"
    assert found.returncode == 0
    assert ssl.create_default_context(cafile=str(file)).cert_store_stats()["x509_ca"] == 1
    for word in ("macOS", "Debian", "Fedora", "Windows", "Chrome", "Firefox", "Node.js", "curl"):
        assert word in found.stdout
    assert str(file) in found.stdout
    assert "private key" in found.stderr
    assert run("trust", cwd=tmp_path).stdout == found.stdout


def test_trust_uses_the_state_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "edgegw.yaml").write_text("gateway: {state: elsewhere}\n")
    found = json.loads(run("trust", "--json", cwd=tmp_path).stdout)
    assert found["file"] == str(tmp_path / "elsewhere" / "ca" / "rootCA.pem")
    assert found["mkcert"] is False
    assert set(found["commands"]) >= {"macos", "windows", "firefox"}


def test_the_help_of_fault_keeps_its_lines(tmp_path: Path) -> None:
    text = run("fault", "--help", cwd=tmp_path).stdout
    assert "\n  Of a function:            error, throttle, timeout, latency\n" in text
