"""The guardian: the parent of a zygote, which outlives it.

Runs as `python -S guardian.py CONTROL LIFE` and becomes both: the child is the zygote. Variables
that Python reads when it starts are not there.

A zygote can be killed from outside. Its environments then run on, but nobody would be left to end
what they leave behind: processes in sessions of their own, and the folder with their files. So the
zygote has a parent that does nothing but wait, and that gets its orphans (on Linux; elsewhere they
go to the system, and only the folder is seen to).

It waits on a pipe that the gateway holds open as long as it lives. A line that comes through it
names the folder that is removed at the end; the last one counts. When the pipe closes the gateway
is gone, killed or not: the zygote sees the same on its own line and is given a moment to end its
environments in good order; whatever is still there after that is killed.
"""

import importlib
import os
import select
import signal
import sys
import time

sys.dont_write_bytecode = True
processes = importlib.import_module("processes")

MOMENT = 1.5  # seconds


def main() -> None:
    control, life = (int(number) for number in sys.argv[1:3])
    processes.close_all_but((0, 1, 2, control, life))
    processes.adopt_orphans()
    pid = os.fork()
    if pid == 0:
        os.close(life)
        zygote = importlib.import_module("zygote")
        del sys.path[0]  # our folder
        zygote.main(control)
    os.close(control)  # so that it closes when the zygote ends
    try:
        guard(pid, life)
    finally:
        os._exit(0)


def guard(zygote, life) -> None:
    """Waits until the gateway is gone, and ends everything."""
    folder = wait_for_the_end(life)
    deadline = time.monotonic() + MOMENT
    while is_child(zygote) and time.monotonic() < deadline:
        time.sleep(0.01)
    end_all(zygote)
    if folder:
        remove(folder)


def wait_for_the_end(life):
    """The folder that was named, once the gateway is gone; ended children are reaped meanwhile."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reap()  # the zygote may have ended already
    named = b""
    poll = select.poll()  # `select` cannot see descriptors above 1023
    poll.register(life, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap()
        if life in ready:
            data = os.read(life, 65536)
            if not data:
                return os.fsdecode(named.rpartition(b"\n")[0])
            named = (named + data).rstrip(b"\n").rpartition(b"\n")[2] + b"\n"


def reap() -> bool:
    """Takes note of ended children; whether there are none any more."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return False


def end_all(zygote) -> None:
    """Kills what is left, the zygote included, and waits until it is gone."""
    if is_child(zygote):
        processes.send_signal(zygote, signal.SIGKILL)
    deadline = time.monotonic() + MOMENT
    while time.monotonic() < deadline:
        processes.kill_strays(())
        if reap():
            return
        time.sleep(0.01)


def is_child(pid) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


def remove(folder) -> None:
    """What the gateway would have removed, had it not been killed."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


main()
