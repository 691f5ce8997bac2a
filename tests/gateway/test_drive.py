"""The one interpreter of steps, and what keeps it complete."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgegw.gateway import drive
from edgegw.gateway.body_reading import read_body
from edgegw.gateway.world import REAL
from edgegw.http.message import Body


async def chunks(*parts: bytes):
    for part in parts:
        yield part


async def collected(body: Body) -> bytes:
    if body.content is not None:
        return body.content
    assert body.chunks is not None
    return b"".join([chunk async for chunk in body.chunks])


@pytest.mark.parametrize("limit", [1, 3, 4, 6, 7])
async def test_a_body_is_read_up_to_the_limit_and_is_whole_afterwards(limit: int) -> None:
    for body in (Body.of(b"abcdef"), Body.streaming(chunks(b"ab", b"cd", b"ef"))):
        content, truncated, again = await read_body(body, limit)
        assert content == b"abcdef"[:limit]
        assert truncated is (limit < 6)
        assert await collected(again) == b"abcdef"


def test_request_ids_have_cloudfronts_form() -> None:
    made = REAL.request_id()
    assert len(made) == 56
    assert made.endswith("==")
    assert made != REAL.request_id()


FORGOTTEN = [
    "case cloudfront.Fetch():",
    "case alb.ForwardTo():",
    "case InvokeHttp():",
    "case cloudfront.IncludeBody() | alb.ReadBody() | ReadHttpBody():",
]


def driver_without(case: str) -> str:
    """The code of the driver less what it does in `case`."""
    lines = Path(drive.__file__).read_text().splitlines(keepends=True)
    start = next(at for at, line in enumerate(lines) if line.strip() == case)
    end = next(
        at
        for at, line in enumerate(lines[start + 1 :], start + 1)
        if line.strip().startswith("case ")
    )
    return "".join(lines[:start] + lines[end:])


def test_a_forgotten_step_is_a_type_error(tmp_path: Path) -> None:
    """`assert_never` makes pyright report a step that the driver does not perform."""
    pyright = shutil.which("pyright") or str(Path(sys.executable).parent / "pyright")
    if not Path(pyright).exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("pyright is not installed")
    files = {f"forgotten_{at}.py": case for at, case in enumerate(FORGOTTEN)}
    for name, case in files.items():
        (tmp_path / name).write_text(driver_without(case))
    out = subprocess.run(
        [pyright, "--outputjson", "--pythonpath", sys.executable, *files],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    never = 'cannot be assigned to parameter "arg" of type "Never"'
    reported = {
        Path(each["file"]).name
        for each in json.loads(out.stdout)["generalDiagnostics"]
        if never in each["message"]
    }
    assert [files[name] for name in files.keys() - reported] == []
