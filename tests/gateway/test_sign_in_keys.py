"""The keys of sign-ins: made once, kept for their owner alone, never taken from a stranger."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from edgegw.errors import EnvironmentProblem
from edgegw.gateway.sign_in_keys import FILE, SignInKeyring


def kept(folder: Path) -> SignInKeyring:
    return SignInKeyring(lambda: folder)


def test_keys_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    first, second = kept(tmp_path / "state").keys(), kept(tmp_path / "state").keys()
    assert (first.key_id, first.public_pem()) == (second.key_id, second.public_pem())
    assert first.derived("session") == second.derived("session")
    assert stat.S_IMODE((tmp_path / "state" / FILE).stat().st_mode) == 0o600


def test_without_a_folder_keys_end_with_their_gateway() -> None:
    first, second = SignInKeyring(lambda: None), SignInKeyring(lambda: None)
    assert first.keys() is first.keys()
    assert first.keys().derived("session") != second.keys().derived("session")


def test_keys_that_others_could_read_are_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = kept(tmp_path).keys()
    (tmp_path / FILE).chmod(0o644)
    assert kept(tmp_path).keys().derived("session") != first.derived("session")
    assert "was readable by others" in caplog.text
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"secret": "AAAA", "signing_key": ""}'])
def test_a_file_that_holds_no_keys_is_said_to(tmp_path: Path, content: str) -> None:
    file = tmp_path / FILE
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(EnvironmentProblem, match="delete it for new ones"):
        kept(tmp_path).keys()


def test_gateways_that_begin_at_once_have_the_same_keys(tmp_path: Path) -> None:
    ids: list[str] = []
    starting = threading.Barrier(4)

    def begin() -> None:
        keyring = kept(tmp_path)
        starting.wait()
        ids.append(keyring.keys().key_id)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 1
