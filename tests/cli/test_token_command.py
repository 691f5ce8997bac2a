"""`edgegw token` as typed."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from edgegw.config.resolve import load_file
from edgegw.gateway.gateway import Gateway
from tests.cli.test_balancer_commands import edgegw

CONFIG = """
identity_providers:
  local:
    listen: 127.0.0.1:8095
    users: {ada: {password: demo, claims: {email: ada@example.com}}}
    clients: {app: {secret: s}, spa: {redirect_uris: [https://spa.test/]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "edgegw.yaml").write_text(CONFIG)
    return tmp_path


def test_a_token_is_signed_by_the_key_that_the_provider_publishes(folder: Path) -> None:
    words = [
        "--client",
        "spa",
        "--claim",
        "tier=gold",
        "--claim",
        "levels=[1, 2]",
        "--claim",
        "jti=",
        "--claim",
        "text=NaN",
    ]
    done = edgegw(folder, "token", "ada", *words, "--expires", "60")
    assert (done.returncode, done.stderr) == (0, "")
    token = done.stdout.strip()
    identity = Gateway(load_file(folder / "edgegw.yaml"), lasting=True).identity()
    key = jwt.PyJWK(identity.jwks["keys"][0])
    claims = jwt.decode(token, key, ["RS256"], audience="spa", issuer="http://127.0.0.1:8095")
    assert (claims["tier"], claims["levels"]) == ("gold", [1, 2])
    assert "jti" not in claims
    assert claims["text"] == "NaN"
    assert claims["exp"] - claims["iat"] == 3600
    rotated = edgegw(folder, "token", "ada", "--id", "--rotate").stdout.strip()
    keys = identity.jwks["keys"]
    assert [jwt.get_unverified_header(each)["kid"] for each in (rotated, token)] == [
        each["kid"] for each in keys
    ]
    assert json.dumps(keys).count('"d"') == 0
    known = jwt.decode(rotated, options={"verify_signature": False})
    assert known["email"] == "ada@example.com"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["eve"], "there is no user 'eve'"),
        (["ada", "--client", "no"], "there is no client 'no'"),
        (["ada", "--provider", "loca"], "did you mean 'local'?"),
        (["ada", "--claim", "tier"], "must be NAME=VALUE"),
        (["ada", "--expires", "inf"], "a token expires in so many seconds, not in inf"),
    ],
)
def test_wrong_use_is_one_plain_sentence(folder: Path, words: list[str], text: str) -> None:
    done = edgegw(folder, "token", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
