"""Where running gateways can be asked. Commands read this, so nothing heavy is imported here.

Every gateway of a state folder announces itself in a file of its own, `control/PID-RANDOM.json`,
that only its owner can read: address and token of its local API, its process id, the configuration
it serves. So two gateways in one folder do not touch each other, in whichever order they end.

    {"url": "http://127.0.0.1:40213", "token": "…", "pid": 4711, "configuration": "/…/edgegw.yaml",
     "machine": "host pid:[4026531836]"}

A gateway that ends removes its file; one that is killed cannot. The file of a process that is gone
is removed by whoever sees it next: a command, or another gateway that announces itself. A process
id means something on one machine and in one container only, and state folders are shared with
containers: files of another `machine` are never judged by their process, let alone removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any, Final, cast

from edgegw.values import value
from edgegw.wire.state_folder import state_folder, write_private

FOLDER: Final = "control"
"""In the state folder."""
_OWN_URL: Final = re.compile(r"http://127\.0\.0\.1:\d{1,5}")
PROCESS_HEADER: Final = "X-Edgegw-Pid"
"""In every answer of a local API: so a caller knows that no other program has got the port."""


@value
class Announcement:
    """What one gateway tells of itself; `configuration` is empty where it has no file."""

    file: Path
    url: str
    token: str
    pid: int
    machine: str = ""
    configuration: str = ""


def announce(state: Path, url: str, token: str, configuration: str | None) -> Path:
    """Tells that this process answers at `url`; the file to remove when it no longer does.

    Raises EnvironmentProblem or OSError when the state folder cannot be written.
    """
    folder = state_folder(state) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    announcements(state)  # what killed gateways left goes
    file = folder / f"{os.getpid()}-{os.urandom(4).hex()}.json"
    content = {
        "url": url,
        "token": token,
        "pid": os.getpid(),
        "machine": _machine(),
        "configuration": os.path.realpath(configuration) if configuration else "",
    }
    write_private(file, json.dumps(content).encode())
    return file


def announcements(state: Path) -> list[Announcement]:
    """The gateways of this state folder, the newest first; whether they answer is to be tried."""
    standing: list[Announcement] = []
    for file in _newest_first(state / FOLDER):
        announcement = _read(file)
        if announcement is None:
            continue
        if _is_gone(announcement):
            with contextlib.suppress(OSError):
                file.unlink()
        else:
            standing.append(announcement)
    return standing


def is_hidden(state: Path) -> bool:
    """Whether another user, such as root, announced a gateway that this one cannot see."""
    try:
        return any(not os.access(file, os.R_OK) for file in (state / FOLDER).iterdir())
    except PermissionError:
        return True
    except OSError:
        return False


def _newest_first(folder: Path) -> list[Path]:
    times: dict[Path, int] = {}
    for name in _names(folder):
        with contextlib.suppress(OSError):  # its gateway has just ended
            times[folder / name] = (folder / name).stat().st_mtime_ns
    return sorted(times, key=lambda file: times[file], reverse=True)


def _names(folder: Path) -> list[str]:
    try:
        return [file.name for file in folder.iterdir() if file.suffix == ".json"]
    except OSError:
        return []


def _read(file: Path) -> Announcement | None:
    """What a file tells; None where it cannot be read or tells nothing usable."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    told = cast("dict[str, Any]", content)
    url, token, pid = told.get("url"), told.get("token"), told.get("pid")
    if not (isinstance(url, str) and isinstance(token, str) and isinstance(pid, int)):
        return None
    if _OWN_URL.fullmatch(url) is None:
        return None  # a state folder that came with a clone sends no command elsewhere
    machine, configuration = str(told.get("machine", "")), str(told.get("configuration", ""))
    return Announcement(file, url, token, pid, machine, configuration)


def _is_gone(announcement: Announcement) -> bool:
    """Whether its process surely is no more."""
    return announcement.machine == _machine() and not _may_live(announcement.pid)


def _may_live(pid: int) -> bool:
    if os.name != "posix":
        return True  # there, signal 0 is Ctrl-C
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _machine() -> str:
    """The machine, and the container in it, to which process ids belong."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path, a name
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".rstrip()
