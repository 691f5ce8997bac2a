"""Announcements: several gateways in one state folder, ended and killed ones, other machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgegw.gateway import announcement
from edgegw.gateway.announcement import announce, announcements, is_hidden


def told(state: Path) -> list[str]:
    return [each.token for each in announcements(state)]


def put(state: Path, name: str = "a", **content: Any) -> Path:
    """An announcement as another process would have written it; of a process that is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    file = announce(state, "http://127.0.0.1:1", "x", None)
    written = {**json.loads(file.read_text()), "pid": gone.pid, **content}
    file.unlink()
    file = file.with_name(f"{name}.json")
    file.write_text(json.dumps(written))
    return file


def test_the_newest_first_whichever_ends(tmp_path: Path) -> None:
    files = [announce(tmp_path, "http://127.0.0.1:1", name, None) for name in "abc"]
    for at, file in enumerate(files):
        os.utime(file, ns=(at, at))
    assert told(tmp_path) == ["c", "b", "a"]
    files[1].unlink()
    assert told(tmp_path) == ["c", "a"]
    files[2].unlink()
    assert told(tmp_path) == ["a"]


def test_what_it_tells(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(tmp_path / "edgegw.yaml")
    file = announce(tmp_path, "http://127.0.0.1:40000", "secret", str(tmp_path / "link.yaml"))
    [found] = announcements(tmp_path)
    assert found.file == file
    assert (found.url, found.token, found.pid) == ("http://127.0.0.1:40000", "secret", os.getpid())
    assert found.configuration == os.path.realpath(tmp_path / "edgegw.yaml")


def test_the_file_of_a_process_that_is_gone_goes(tmp_path: Path) -> None:
    file = put(tmp_path)
    assert told(tmp_path) == []
    assert not file.exists()


def test_a_new_gateway_removes_what_killed_ones_left(tmp_path: Path) -> None:
    left = put(tmp_path)
    file = announce(tmp_path, "http://127.0.0.1:1", "new", None)
    assert not left.exists()
    assert list(file.parent.iterdir()) == [file]


def test_a_process_of_another_machine_is_not_judged(tmp_path: Path) -> None:
    file = put(tmp_path, machine="a container", token="elsewhere")
    assert told(tmp_path) == ["elsewhere"]
    assert file.exists()


def test_a_container_is_another_machine_than_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    here = announcement._machine()
    monkeypatch.setattr(os, "readlink", lambda _: "pid:[1]")
    assert announcement._machine() != here


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"url": 1, "token": "x", "pid": 1}', '{"url": "x", "pid": 1}'],
)
def test_what_is_no_announcement_is_passed_over(tmp_path: Path, text: str) -> None:
    announce(tmp_path, "http://127.0.0.1:1", "good", None)
    (tmp_path / "control" / "bad.json").write_text(text)
    assert told(tmp_path) == ["good"]


@pytest.mark.parametrize(
    "url",
    [
        "http://attacker.example",
        "https://127.0.0.1:1",
        "http://127.0.0.1:1@attacker.example",
        "http://127.0.0.1:1.attacker.example:1",
        "http://10.0.0.1:1",
    ],
)
def test_a_folder_that_came_with_a_clone_sends_no_command_elsewhere(
    tmp_path: Path, url: str
) -> None:
    put(tmp_path, url=url, pid=os.getpid())
    assert told(tmp_path) == []


def test_no_folder_no_gateway(tmp_path: Path) -> None:
    assert announcements(tmp_path / "nowhere") == []
    assert not is_hidden(tmp_path / "nowhere")
    (tmp_path / "control").write_text("no folder")
    assert announcements(tmp_path) == []
    assert not is_hidden(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is hidden from root")
def test_another_users_gateway_is_known_to_be_there(tmp_path: Path) -> None:
    file = announce(tmp_path, "http://127.0.0.1:1", "good", None)
    assert not is_hidden(tmp_path)
    file.chmod(0)
    assert announcements(tmp_path) == []
    assert is_hidden(tmp_path)
