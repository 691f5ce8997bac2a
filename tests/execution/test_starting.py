"""What can fail while an environment is made: an outcome with its reason, once, and then it works.

Whatever the reason, the request that waits is answered, the log holds no traceback, and when the
reason is gone the next invocation succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import stat
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, FunctionError, Runtime
from tests.execution.lambda_service import Running, running

FUNCTIONS = str(Path(__file__).parents[1] / "functions")
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])
NODE = Runtime("nodejs22.x", "nodejs", (22,))
APP = "def handler(event, context):\n    return open(__file__).readline()[:3]\n"


def function(code: Path | str, handler: str = "app.handler", **more: Any) -> Function:
    return Function("app", PYTHON, str(code), handler, 10.0, **more)


GOOD = function(FUNCTIONS, "faults.good")


@pytest.fixture(autouse=True)
def no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No failure of this page is a fault of ours."""
    yield
    assert not [each for each in caplog.records if each.exc_info], caplog.text


async def reason(lambda_: Running, name: str = "app") -> str:
    """Why the invocation failed, also for each of three that wait together."""
    outcomes = await asyncio.gather(*(lambda_.invoke(name) for _ in range(3)))
    assert all(isinstance(each, FunctionError) for each in outcomes), outcomes
    [message] = {each.message.partition(" Error: ")[2] for each in outcomes}
    return message


# Zip packages


def entry(name: str, content: bytes | str = b"x", mode: int = stat.S_IFREG | 0o644):
    """Adds an entry with a mode, as Info-ZIP writes it on Unix."""

    def write(package: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = mode << 16
        package.writestr(info, content)

    return write


def link(name: str, target: str):
    return entry(name, target, stat.S_IFLNK | 0o777)


Write = Callable[[zipfile.ZipFile], None]


def packed(path: Path, *writes: Write) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        for each in (entry("app.py", APP), *writes):
            each(package)
    return path


def patched(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw.replace(old, new)


def encrypted(raw: bytes) -> bytes:
    """With the flag that says so in every head."""
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        parts = raw.split(signature)
        raw = signature.join(
            [parts[0], *(each[: at - 4] + b"\x01" + each[at - 3 :] for each in parts[1:])]
        )
    return raw


def method(number: int) -> Callable[[bytes], bytes]:
    def change(raw: bytes) -> bytes:
        for signature, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            parts = raw.split(signature)
            packed_number = struct.pack("<H", number)
            raw = signature.join(
                [parts[0], *(each[: at - 4] + packed_number + each[at - 2 :] for each in parts[1:])]
            )
        return raw

    return change


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda raw: b"", "not a zip file", id="empty"),
        pytest.param(lambda raw: raw[: len(raw) // 2], "not a zip file", id="cut off"),
        pytest.param(patched(b"return open", b"return 0pen"), "Bad CRC-32", id="a bad checksum"),
        pytest.param(encrypted, "password required", id="encrypted"),
        pytest.param(method(99), "compression method", id="a compression nobody knows"),
        pytest.param(method(8), "invalid", id="no deflated bytes"),
        pytest.param(method(14), "", id="no LZMA"),
        pytest.param(patched(b"PK\x01\x02", b"PK\x09\x09"), "magic number", id="no directory"),
    ],
)
async def test_a_package_that_is_damaged(
    tmp_path: Path, spoil: Callable[[bytes], bytes], why: str
) -> None:
    path = packed(tmp_path / "code.zip")
    good = path.read_bytes()
    path.write_bytes(spoil(good))
    async with running(function(path)) as lambda_:
        said = await reason(lambda_)
        assert f"{path} cannot be unpacked: " in said
        assert why in said
        path.write_bytes(good + b" ")
        assert await lambda_.result("app") == "def"


@pytest.mark.parametrize(
    ("writes", "why"),
    [
        pytest.param([entry("/etc/x")], "'/etc/x' leads out", id="an absolute name"),
        pytest.param([entry("a/../../x")], "'a/../../x' leads out", id="a name that climbs"),
        pytest.param([entry("..")], "'..' leads out", id="the folder above"),
        pytest.param([entry("C:/x")], "'C:/x' leads out", id="a drive"),
        pytest.param([entry("..\\x")], "leads out", id="a backslash"),
        pytest.param([link("l", "/etc/passwd")], "the link 'l' leads out", id="an absolute link"),
        pytest.param([link("l", "../x")], "the link 'l' leads out", id="a link that climbs"),
        pytest.param([link("l", "a/../../x")], "the link 'l' leads out", id="a link down and up"),
        pytest.param([link("d/l", "../../x")], "the link 'd/l' leads out", id="from a folder"),
        pytest.param(
            [entry("a/b/c/x"), link("a/d", "b/c"), link("l", "a/d/../../../../x")],
            "leads out", id="a link through a link",
        ),
        pytest.param(
            [entry("x/y/z"), link("s", "x/y"), link("l", "s/../../.."), ],
            "leads out", id="up behind a link",
        ),
        pytest.param(
            [link("d", "x"), entry("x/y"), entry("d/y")], "'d/y' lies below 'd'", id="below a link"
        ),
        pytest.param(
            [link("d", "/tmp"), entry("d/y")], "'d/y' lies below 'd'", id="below a link out"
        ),
        pytest.param([link("l", "x" * 5000)], "too long", id="an endless link"),
        pytest.param([entry("app.py/x")], "Not a directory: 'app.py/x'", id="a folder that is a file"),
        pytest.param([entry("d/x"), entry("d")], "Is a directory: 'd'", id="a file that is a folder"),
        pytest.param([entry("n" * 300)], "File name too long", id="a name too long"),
        pytest.param([entry("d/" * 3000 + "x")], "is too long", id="a path too long"),
    ],
)  # fmt: skip
async def test_a_package_that_is_oddly_packed(
    tmp_path: Path, writes: list[Write], why: str
) -> None:
    path = packed(tmp_path / "code.zip", *writes)
    async with running(function(path)) as lambda_:
        said = await reason(lambda_)
        assert f"{path} cannot be unpacked: " in said
        assert why in said
        left = [each.name for each in Path(lambda_.service.packages.root).iterdir()]
        assert not [each for each in left if each.startswith("zip")]


async def test_links_inside_a_package_stay_links(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "code.zip",
        entry("lib/real.py", "NAME = 'real'\n"),
        entry("bin/run", "", stat.S_IFREG | 0o6755),
        link("mod.py", "lib/real.py"),
        link("deep/er/up.py", "../../mod.py"),
        link("nowhere", "missing"),
        link("circle", "circle"),
    )
    text = (
        "import os, mod\n"
        "def handler(event, context):\n"
        "    links = sorted(each for each in os.listdir() if os.path.islink(each))\n"
        "    up = open('deep/er/up.py').read()\n"
        "    return [mod.NAME, links, up, os.stat('bin/run').st_mode & 0o7777]\n"
    )
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("linked.py", text)
    async with running(function(path, "linked.handler")) as lambda_:
        links = ["circle", "mod.py", "nowhere"]
        assert await lambda_.result("app") == ["real", links, "NAME = 'real'\n", 0o755]


async def test_a_large_package_of_the_64_bit_kind(tmp_path: Path) -> None:
    path = tmp_path / "code.zip"
    with (
        zipfile.ZipFile(path, "w") as package,
        package.open("app.py", "w", force_zip64=True) as app,
    ):
        app.write(APP.encode())
    async with running(function(path)) as lambda_:
        assert await lambda_.result("app") == "def"


# The temporary folder


async def test_a_temporary_folder_that_vanished_is_made_again(tmp_path: Path) -> None:
    text = (
        "import os, tempfile\n"
        "def handler(event, context):\n"
        "    if event == 'exit':\n"
        "        os._exit(1)\n"
        "    open(tempfile.mktemp(), 'w').close()\n"
        "    return len(os.listdir(os.environ['TMPDIR']))\n"
    )
    path = packed(tmp_path / "code.zip", entry("tmp.py", text))
    layers = []
    for name in "ab":
        layers.append(str(packed(tmp_path / f"{name}.zip", entry(f"python/{name}.py"))))
    async with running(function(path, "tmp.handler", layers=tuple(layers))) as lambda_:
        assert await lambda_.result("app") == 1
        assert await lambda_.result("app") == 2
        shutil.rmtree(lambda_.service.packages.root)
        await lambda_.error("app", "exit")
        assert await lambda_.result("app") == 1
        assert Path(lambda_.service.packages.root).stat().st_mode & 0o777 == 0o700
    assert not Path(lambda_.service.packages.root).exists()


async def test_a_temporary_folder_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    monkeypatch.setattr(tempfile, "tempdir", str(there))
    async with running(GOOD) as lambda_:
        assert "cannot be made: No such file or directory" in await reason(lambda_)
        there.mkdir()
        assert await lambda_.result("app") == "good"


async def test_a_temporary_folder_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with running(GOOD) as lambda_:
        root = Path(lambda_.service.packages.root)
        root.mkdir()
        root.chmod(0o777)
        assert "cannot be made: it is not this user's alone" in await reason(lambda_)
        root.rmdir()
        root.symlink_to(tmp_path)
        assert "cannot be made: it is not this user's alone" in await reason(lambda_)
        root.unlink()
        assert await lambda_.result("app") == "good"


# What the system refuses


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """In this process, as after thousands of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.dup(0)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("language", ["python", "nodejs"])
@pytest.mark.parametrize("when", ["before the first", "after the first"])
async def test_descriptors_used_up_once(language: str, when: str, node: str) -> None:
    given = GOOD
    if language == "nodejs":
        given = Function("app", NODE, FUNCTIONS, "common.handler", 10.0)
    async with running(given) as lambda_:
        if when == "after the first":
            await lambda_.result("app")
            for pool in lambda_.service.pools("app").values():
                pool.recycle(float("inf"))
                await pool.settled()
        with no_descriptors_left():
            outcomes = await asyncio.gather(*(lambda_.invoke("app") for _ in range(3)))
        failed = [each for each in outcomes if isinstance(each, FunctionError)]
        assert failed  # one may run in a process that was started ahead
        assert all("Too many open files" in each.message for each in failed)
        await lambda_.result("app")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
async def test_a_zygote_that_the_system_refuses_descriptors() -> None:
    sleeps = Function("app", PYTHON, FUNCTIONS, "hooks.sleeps", 10.0)
    async with running(sleeps) as lambda_:
        pid = (await lambda_.result("app", {"seconds": 0}))["pid"]
        zygote = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
        limit = resource.prlimit(zygote, resource.RLIMIT_NOFILE)
        resource.prlimit(zygote, resource.RLIMIT_NOFILE, (5, limit[1]))
        os.kill(pid, 9)
        error = await lambda_.error("app", {"seconds": 0})
        assert "killed" in error.message or "Too many open files" in error.message
        assert "Too many open files" in (await lambda_.error("app", {"seconds": 0})).message
        resource.prlimit(zygote, resource.RLIMIT_NOFILE, limit)
        assert (await lambda_.result("app", {"seconds": 0}))["pid"] != pid


async def test_a_runtime_that_is_installed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    path = os.environ["PATH"]
    given = Function("app", NODE, FUNCTIONS, "common.handler", 10.0)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with running(given, leave_out_missing=True) as lambda_:
        assert "Node.js" in await reason(lambda_)
        monkeypatch.setenv("PATH", path)
        await lambda_.result("app")


async def test_a_runtime_that_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    """As version managers do when they install the next one."""
    (tmp_path / "node").symlink_to(node)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    given = Function("app", NODE, FUNCTIONS, "common.handler", 10.0)
    async with running(given) as lambda_:
        await lambda_.result("app")
        (tmp_path / "node").unlink()
        for pool in lambda_.service.pools("app").values():
            pool.recycle(float("inf"))
            await pool.settled()
        await lambda_.invoke("app")  # a process that was started ahead
        await lambda_.invoke("app")  # learns that it moved, at the latest
        assert await lambda_.result("app") is not None


async def test_a_fault_of_ours_is_one_answer_each(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(GOOD) as lambda_:
        maker = lambda_.service._maker

        def broken(*_: object) -> None:
            raise LookupError("a fault of ours")

        with monkeypatch.context() as patch:
            patch.setattr(maker, "make", broken)
            for outcome in await asyncio.gather(
                *(lambda_.invoke("app") for _ in range(3)), return_exceptions=True
            ):
                assert isinstance(outcome, LookupError)
        assert len([each for each in caplog.records if each.exc_info]) == 1
        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(maker.packages, "prepare", broken)
            error = await lambda_.error("app")
            assert error.error_type == "Sandbox.Failure"
            assert "a fault of ours" in error.message
        assert 0 < len([each for each in caplog.records if each.exc_info]) <= 2
        caplog.clear()
        assert await lambda_.result("app") == "good"
