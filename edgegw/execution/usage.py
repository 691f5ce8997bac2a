"""What an environment uses: memory, processor time, temporary storage. From /proc; else nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

IS_MEASURED: Final = sys.platform.startswith("linux")
_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE_KB: Final = os.sysconf("SC_PAGE_SIZE") // 1024 if hasattr(os, "sysconf") else 4


def tree_memory_kb(pid: int) -> int:
    """Resident memory of a process and all its descendants, in kilobytes; 0 when it is gone."""
    if not IS_MEASURED:
        return 0
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            with open(f"/proc/{each}/statm", "rb") as statm:  # noqa: PTH123 - asked 20 times a second
                total += int(statm.read().split()[1]) * _PAGE_KB
            waiting += _children(each)
        except (OSError, IndexError, ValueError):
            continue
    return total


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
        with open(f"/proc/{pid}/task/{task}/children", "rb") as children:  # noqa: PTH123
            found += [int(each) for each in children.read().split()]
    return found


def signal_tree(pid: int, number: int) -> None:
    """Sends a signal to a process, its group and its descendants. Raises OSError without it."""
    below = [pid]
    for each in below:  # grows while it is walked
        with contextlib.suppress(OSError, ValueError):
            below += _children(each)
    for each in below[:0:-1]:
        with contextlib.suppress(OSError):
            os.kill(each, number)
    os.killpg(pid, number)


def tree_cpu_seconds(pid: int) -> float:
    """Processor time of a process and its living descendants, in seconds."""
    if not IS_MEASURED:
        return 0.0
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            with open(f"/proc/{each}/stat", "rb") as stat:  # noqa: PTH123
                fields = stat.read().rpartition(b") ")[2].split()
            total += sum(map(int, fields[11:15]))
            waiting += _children(each)
        except (OSError, IndexError, ValueError):
            continue
    return total / _TICKS


def peak_memory_kb(pid: int) -> int:
    """The most that one process held so far, in kilobytes."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def folder_size(path: str) -> int:
    """Bytes of all files below `path`; what disappears meanwhile does not count."""
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                found = Path(folder, name).lstat()
            except OSError:
                continue
            total += found.st_blocks * 512
    return total
