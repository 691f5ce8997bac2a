"""Limits of one environment: memory, temporary storage, its share of a processor.

A runtime says with its answer how much memory it holds, which is what REPORT shows. What it cannot
say is looked up in /proc while an invocation runs: with its descendants, what do they hold now? A
look costs a hundred system calls, so an environment whose invocations come and go between two
looks is looked at rarely, unless its runtime itself says that it holds too much.
"""

from __future__ import annotations

import logging
import signal
import time
from typing import Final, Literal, TypeAlias

from edgegw.awslambda.cpu import CpuAllowance, vcpu_share
from edgegw.awslambda.model import Function
from edgegw.execution.channel import Child
from edgegw.execution.usage import (
    folder_size,
    peak_memory_kb,
    tree_cpu_seconds,
    tree_memory_kb,
)

logger = logging.getLogger(__name__)

Excess: TypeAlias = Literal["memory", "storage"]

_RARELY: Final = 10
"""Every so many looks also at an environment whose invocations are short."""
_PEAK_AGE: Final = 0.02
"""Seconds for which a look at the peak of a runtime that says nothing holds."""


class Watch:
    """Looks at the processes of one environment. `temporary` is the folder that TMPDIR names."""

    def __init__(self, name: str, function: Function, temporary: str, *, is_slowed: bool) -> None:
        self._name = name
        self._function = function
        self._temporary = temporary
        self._is_slowed = is_slowed
        self._allowance: CpuAllowance | None = None
        self._limit_kb = function.memory_mb * 1024
        self._peak_seen = 0.0
        self._looks = 0
        self._last_request = ""
        self._is_storage_limited = False
        self.peak_kb = 0
        """The most memory so far, in kilobytes."""
        self.used_mb = 0
        """The same as REPORT says it: never more than there is."""

    def note_memory(self, kilobytes: int, child: Child | None, now: float) -> None:
        """The runtime says that it held so much at most; 0 where it says nothing."""
        if not kilobytes and child is not None and now - self._peak_seen > _PEAK_AGE:
            kilobytes, self._peak_seen = peak_memory_kb(child.pid), now
        if kilobytes > self.peak_kb:
            self.peak_kb = kilobytes
            self.used_mb = min(kilobytes, self._limit_kb) // 1024

    def look(self, child: Child, request_id: str, *, storage: bool) -> Excess | None:
        """Which limit the environment exceeds now, asked 20 times a second while it is busy.

        `request_id` tells what it is busy with (empty: init). With `storage` its folder is
        measured too.
        """
        if self._is_slowed and request_id:
            self._slow_down(child)
        self._looks += 1
        is_long, self._last_request = request_id == self._last_request, request_id
        if is_long or self._looks % _RARELY == 0:
            self.note_memory(tree_memory_kb(child.pid), None, 0.0)
        elif self.peak_kb <= self._limit_kb:
            return None
        if self.peak_kb > self._limit_kb:
            return "memory"
        return "storage" if storage and not self._is_storage_limited and self._is_full() else None

    def _is_full(self) -> bool:
        limit_mb = self._function.ephemeral_storage_mb
        return folder_size(self._temporary) > limit_mb * 1024 * 1024

    def _slow_down(self, child: Child) -> None:
        now, used = time.monotonic(), tree_cpu_seconds(child.pid)
        if self._allowance is None:
            share = vcpu_share(self._function.memory_mb)
            self._allowance = CpuAllowance(share, now, used)
        action = self._allowance.look(now, used)
        if action is not None:
            child.send_signal(signal.SIGSTOP if action == "stop" else signal.SIGCONT)

    def storage_limited(self, is_limited: bool) -> None:  # noqa: FBT001 - a listener
        """Hears whether the system itself refuses to write more: then nobody has to look."""
        self._is_storage_limited = is_limited

    def begin_process(self) -> None:
        """Another process starts, with nothing used."""
        self._allowance = None
        self.peak_kb, self.used_mb, self._peak_seen = 0, 0, 0.0

    def storage_text(self) -> str:
        """What a full temporary folder means, for people."""
        return (
            f"{self._name}: the temporary folder holds more than "
            f"{self._function.ephemeral_storage_mb} MB, the ephemeral storage of the function: the "
            "environment ends and its folder is emptied; on AWS writing fails with ENOSPC"
        )
