"""What processes of functions inherit of the gateway's descriptors: nothing that is not theirs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from edgegw.execution.zygote import Zygote

MANY = 1_200

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")


@contextlib.contextmanager
def many_inheritable(count: int) -> Iterator[str]:
    """So many descriptors that whoever started the gateway left open; the file that they are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * MANY), hard))
    descriptors: list[int] = []
    try:
        for _ in range(count):
            descriptors.append(fd := os.open("/dev/zero", os.O_RDONLY))
            os.set_inheritable(fd, True)
        yield "/dev/zero"
    finally:
        for fd in descriptors:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def opened_by(pid: int) -> list[str]:
    """What the process has open."""
    return [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


async def look(inherited: str) -> None:
    zygote = Zygote(sys.executable)
    assert await zygote.start() == sys.version_info[:2]
    try:
        forked = await zygote.fork()
        listing = "import os; print(*map(os.readlink, map('/proc/self/fd/'.__add__, '0123')))"
        other = await zygote.execute(["/bin/sleep", "60"], {}, "/")
        python = await zygote.execute([sys.executable, "-c", listing], {}, "/", frames=True)
        processes = [forked.pid, other.pid, parent_of(forked.pid)]
        processes.append(parent_of(processes[-1]))
        for pid in processes:
            await until_it_runs(pid)
            assert inherited not in opened_by(pid)
            assert len(opened_by(pid)) < 12
        assert len(opened_by(other.pid)) == 3
        assert await python.ended() == 0
        with os.fdopen(python.log_fd) as printed:
            null, log, errors, frames = printed.read().split()
        assert (null, log.partition(":")[0], log) == ("/dev/null", "pipe", errors)
        assert frames.startswith("socket:")
        for child in (forked, other):
            os.close(child.log_fd)
        for child in (forked, python):
            assert child.frames is not None
            child.frames.close()
    finally:
        await zygote.close()


async def until_it_runs(pid: int) -> None:
    """A program that was just started may not have begun."""
    async with asyncio.timeout(30):
        while (
            "guardian.py" in Path(f"/proc/{pid}/cmdline").read_text() and len(opened_by(pid)) > MANY
        ):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("count", [3, MANY], ids=["few", "more than select can see"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_what_the_gateway_inherited_reaches_no_process(run: object, count: int) -> None:
    assert callable(run)
    with many_inheritable(count) as inherited:
        run(look(inherited))
