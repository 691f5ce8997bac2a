"""Processes, their descendants and descriptors. For the zygote and its guardian."""

import os
import signal
import sys

IS_LINUX = sys.platform.startswith("linux")
PR_SET_CHILD_SUBREAPER = 36


def load_prctl():
    if not IS_LINUX:
        return None
    try:
        import ctypes

        return ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None


prctl = load_prctl()


def close_all_but(kept) -> None:
    """Closes every descriptor but those: whoever started the gateway may have left some open."""
    at = 0
    for fd in [*sorted(kept), highest_descriptor() + 1]:
        if at < fd:  # Python 3.11 closes all descriptors where the range is empty
            os.closerange(at, fd)
        at = fd + 1


def highest_descriptor():
    """The highest one that is open; the limit may be lower by now, or a billion."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return max(int(name) for name in os.listdir(folder))
        except (OSError, ValueError):
            pass
    return os.sysconf("SC_OPEN_MAX")


def adopt_orphans() -> None:
    """From here on descendants whose parent ends become children of this process."""
    if prctl is not None:
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_strays(children) -> None:
    """Kills the children of this process that it did not start: orphans that it got."""
    for pid in children_of(os.getpid()):
        if pid not in children:
            kill_tree(pid)


def kill_tree(pid) -> None:
    """Kills a process with its group and all descendants; the leader last, it holds orphans."""
    send_signal(pid, signal.SIGSTOP)
    for child in children_of(pid):
        kill_tree(child)
    kill_group(pid)
    send_signal(pid, signal.SIGKILL)


def stop_or_continue(pid, number) -> None:
    for child in children_of(pid):
        send_signal(child, number)
        stop_or_continue(child, number)


def children_of(pid):
    if not IS_LINUX:
        return []
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as listed:
                found += [int(each) for each in listed.read().split()]
    except OSError:
        pass
    return found


def kill_group(pid) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def send_signal(pid, number) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
