"""Hours in minutes: mixed traffic while code is edited and functions are killed.

    python benchmarks/soak.py [--minutes 15] [--folder DIR]

Viewers ask over HTTP/1.1, HTTP/2 and WebSockets, through distributions with hooks in Python and
Node.js and through a load balancer with an origin and functions as targets. Every ten seconds a
hook or the configuration is saved, every few seconds a function's process is killed. Beside it
other gateways are started again and again, one in ten of them asked in its first moments.

Every answer is checked, every failure is counted and explained: by a process that was killed
while, or just before, a function failed; by nothing else. Memory and open files of the gateway are
sampled and drawn. Exits with 1 when a failure is unexplained, when the gateway complains of itself,
or when memory or open files grow (judged from five minutes on).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import signal
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from servers import wait_for
from soak_plot import plot
from soak_site import DOORS, edit, origins, write_site
from soak_starts import start_often
from soak_traffic import Ledger, Pages, Sockets, Viewer, keep_asking, trusting

SAVES: Final = 10.0
KILLS: Final = (2.0, 6.0)
_RECENT: Final = 5.0
"""Seconds within which a process has answered that is worth killing."""
_MEMORY_GROWTH: Final = 20.0
"""MB between an early and a late fifth of the run that count as flat."""
_FILES_GROWTH: Final = 40.0


@dataclass
class Samples:
    """The gateway's process over time: memory in MB, open files."""

    seconds: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)

    def take(self, second: float, pid: int) -> None:
        """How it is now."""
        status = Path(f"/proc/{pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        if resident is not None:
            self.seconds.append(second)
            self.memory.append(int(resident[1]) / 1024)
            self.files.append(float(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())))

    @staticmethod
    def growth(values: list[float]) -> float:
        """From the median of the second fifth of the run to that of the last."""
        fifth = max(1, len(values) // 5)
        early = values[fifth : 2 * fifth] or values
        return statistics.median(values[-fifth:]) - statistics.median(early)


class Serving:
    """The gateway under test."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder = folder
        self.ports = ports
        self.log = folder / "serve.log"

    async def start(self) -> None:
        """Starts it and waits for its front doors."""
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edgegw", "serve", "edgegw.yaml", "--quiet",
                cwd=self.folder, stdout=log, stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "XDG_DATA_HOME": str(self.folder / "data")},
            )  # fmt: skip
        try:
            for port in self.ports.values():
                await asyncio.to_thread(wait_for, port, 30)
        except TimeoutError:
            await self.stop()
            raise SystemExit(f"the gateway is not ready:\n{self.log.read_text()}") from None

    async def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(30):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            raise SystemExit("the gateway does not end") from None

    def complaints(self) -> list[str]:
        """What it logged of itself."""
        lines = self.log.read_text(errors="replace").splitlines()
        words = ("Traceback", "fault of edgegw", "never retrieved", "ERROR")
        return [line for line in lines if any(word in line for word in words)]


def _is_below(pid: int, ancestor: int) -> bool:
    """Whether a process descends from another one."""
    while pid > 1 and pid != ancestor:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        pid = int(stat.rpartition(")")[2].split()[1])
    return pid == ancestor


async def kill_often(serving: Serving, ledger: Ledger, until: float) -> None:
    """Kills processes of functions of this gateway that answered a moment ago."""
    while ledger.now() < until:
        await asyncio.sleep(random.uniform(*KILLS))
        now = ledger.now()
        recent = [pid for pid, at in ledger.processes.items() if now - at < _RECENT]
        random.shuffle(recent)
        for pid in recent:
            if _is_below(pid, serving.process.pid):
                ledger.kills.append(ledger.now())
                os.kill(pid, signal.SIGKILL)
                break
        ledger.processes = {pid: at for pid, at in ledger.processes.items() if now - at < _RECENT}


async def save_often(serving: Serving, ledger: Ledger, until: float) -> None:
    """Saves a hook or the configuration every ten seconds."""
    number = 0
    while ledger.now() + SAVES < until:
        await asyncio.sleep(SAVES)
        ledger.served[f"saved {edit(serving.folder, number)}"] += 1
        number += 1


async def sample(serving: Serving, ledger: Ledger, samples: Samples, until: float) -> None:
    """Looks at the process once a second."""
    while ledger.now() < until:
        try:
            samples.take(ledger.now(), serving.process.pid)
        except OSError:
            ledger.failed("gateway", "its process is gone", ledger.now(), by_function=False)
            return
        await asyncio.sleep(1)


async def traffic(serving: Serving, ledger: Ledger, until: float) -> None:
    """All viewers."""
    ports = serving.ports
    async with contextlib.AsyncExitStack() as stack:
        asking = []
        for door in DOORS:
            is_secure = door in ("secure", "web_tls")
            at = f"{'s' if is_secure else ''}://127.0.0.1:{ports[door]}"
            for is_http2 in (True, False) if is_secure else (False,):
                viewer = Viewer(is_http2=is_http2)
                stack.push_async_callback(viewer.aclose)
                for _ in range(3):
                    pages = Pages(viewer, f"http{at}", ledger, hooked=door in ("site", "secure"))
                    kind = f"{'HTTP/2' if is_http2 else 'HTTP/1.1'} {door}"
                    asking.append(keep_asking(kind, ledger, until, pages.once))
            sockets = Sockets(f"ws{at}/ws", trusting() if is_secure else None)
            asking.append(keep_asking(f"WebSocket {door}", ledger, until, sockets.once))
        await asyncio.gather(*asking)


async def soak(folder: Path, minutes: float) -> tuple[Ledger, Samples, list[str]]:
    """All of it for so many minutes."""
    async with origins() as (origin, sockets):
        serving = Serving(folder / "site", write_site(folder / "site", origin, sockets))
        await serving.start()
        ledger, samples, until = Ledger(), Samples(), minutes * 60
        try:
            await asyncio.gather(
                traffic(serving, ledger, until),
                kill_often(serving, ledger, until),
                save_often(serving, ledger, until),
                sample(serving, ledger, samples, until),
                start_often(folder / "starts", ledger, until),
            )
        finally:
            await serving.stop()
        return ledger, samples, serving.complaints()


def summary(ledger: Ledger, samples: Samples, complaints: list[str], minutes: float) -> list[str]:
    """The lines of the summary; the last ones begin with FAILED where something did."""
    lines = [f"{minutes:g} minutes, {len(ledger.kills)} processes of functions killed"]
    lines += [f"  {count:>8,}  {kind}" for kind, count in sorted(ledger.served.items())]
    explained = Counter(
        (failure.kind, failure.explained) for failure in ledger.failures if failure.explained
    )
    lines += [f"  {count:>8,}  {kind} failed: {why}" for (kind, why), count in explained.items()]
    for name, values in (("memory, MB", samples.memory), ("open files", samples.files)):
        lines.append(
            f"{name}: {values[0]:.0f} at first, {max(values):.0f} at most, {values[-1]:.0f} at last; "
            f"{Samples.growth(values):+.0f} from the second fifth to the last"
        )
    unexplained = [failure for failure in ledger.failures if not failure.explained]
    lines += [f"FAILED {item.kind} at {item.at:.1f} s: {item.detail}" for item in unexplained[:20]]
    if len(unexplained) > 20:
        lines.append(f"FAILED {len(unexplained) - 20} more")
    lines += [f"FAILED the gateway says: {line}" for line in complaints[:20]]
    if minutes >= 5:
        if Samples.growth(samples.memory) > _MEMORY_GROWTH:
            lines.append("FAILED memory grows")
        if Samples.growth(samples.files) > _FILES_GROWTH:
            lines.append("FAILED open files grow")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--folder", type=Path, default=Path("soak"), help="for soak.svg, soak.txt")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgegw-soak-") as name:
        folder = Path(name)
        (folder / "site").mkdir()
        ledger, samples, complaints = asyncio.run(soak(folder, given.minutes))
        (given.folder / "serve.log").write_bytes((folder / "site/serve.log").read_bytes())
    lines = summary(ledger, samples, complaints, given.minutes)
    curves = {"memory, MB": samples.memory, "open files": samples.files}
    (given.folder / "soak.svg").write_text(plot(samples.seconds, curves, ledger.kills))
    (given.folder / "soak.txt").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))
    sys.exit(any(line.startswith("FAILED") for line in lines))


if __name__ == "__main__":
    main()
