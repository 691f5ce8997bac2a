"""The file of what an identity provider remembers: private, whole, and its owner's alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from edgegw.config.resolve import load_dict
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.identity_keys import FileMemory
from tests.gateway.test_identity_providers import config

CONTENT: dict[str, Any] = {
    "revoked": ["one"],
    "signed_out": {"ada": 5},
    "passwords": {"ada": ["a", "b"]},
}


def test_a_sign_out_outlives_the_gateway(tmp_path: Path) -> None:
    described = load_dict(config(), tmp_path)
    first = Gateway(described, lasting=True).identity()
    location = (
        "http://127.0.0.1:8095/oauth2/authorize?client_id=app&response_type=code"
        "&redirect_uri=https%3A%2F%2Fapp.test%2Fback&scope=openid&state=x"
    )
    assert "code=" in first.sign_in("ada", location)
    first.sign_out("ada")
    (file,) = (tmp_path / ".edgegw" / "identity").glob("*-memory.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_bytes())["signed_out"].keys() == {"ada"}
    assert Gateway(described, lasting=True).identity().jwks == first.jwks


def test_it_is_read_anew_when_another_process_has_written(tmp_path: Path) -> None:
    one, other = (FileMemory(str(tmp_path), "local") for _ in range(2))
    assert one.load() is None
    one.save(CONTENT)
    assert one.load() is None
    assert other.load() == CONTENT
    assert other.load() is None


def test_one_that_others_could_read_does_not_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    FileMemory(str(tmp_path), "local").save(CONTENT)
    (file,) = (tmp_path / "identity").iterdir()
    file.chmod(0o644)
    assert FileMemory(str(tmp_path), "local").load() is None
    assert "readable by others" in caplog.text


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"revoked": [1], "signed_out": {}, "passwords": {}}',
     '{"revoked": [], "signed_out": {"a": "b"}, "passwords": {}}',
     '{"revoked": [], "signed_out": {}, "passwords": {"a": ["b"]}}',
     '{"revoked": [], "signed_out": {}, "passwords": {"a": 5}}'],
)  # fmt: skip
def test_one_that_is_broken_is_named(tmp_path: Path, text: str) -> None:
    FileMemory(str(tmp_path), "local").save(CONTENT)
    (file,) = (tmp_path / "identity").iterdir()
    file.write_text(text)
    os.utime(file, ns=(1, 1))
    with pytest.raises(EnvironmentProblem, match="remove the file"):
        FileMemory(str(tmp_path), "local").load()
