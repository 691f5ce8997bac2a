"""The zygote: a small clean Python process from which execution environments come.

Runs as `python -I -S zygote.py FD`, without any package of edgegw, on any Python >= 3.9.
On FD come lines, each with its descriptors:
    {"fork": id, "fds": 2}                    frame socket, log pipe     a Python environment
    {"exec": id, "argv", "env", "cwd", "fds"}  log pipe [, descriptor 3]  any other program
    {"kill": id}  {"signal": id, "number"}  {"folder": path}    to be removed at the end
Back go {"version": …} once, {"started": id, "pid"}, {"failed": id, "error"} and
{"ended": id, "status"}. When FD closes the gateway is gone: every child is killed.

Where the system has subreapers (Linux), whatever an environment leaves behind, even a daemon in a
session of its own, becomes a child of the environment or of this process, and is killed with it.
"""

# What nearly every handler imports, so that a fork starts with it. Nothing that Lambda lacks.
import base64  # noqa: F401
import collections  # noqa: F401
import datetime  # noqa: F401
import decimal  # noqa: F401
import gc
import hashlib  # noqa: F401
import hmac  # noqa: F401
import importlib
import json
import logging  # noqa: F401
import os
import random
import re  # noqa: F401
import resource
import select
import signal
import socket
import sys
import time  # noqa: F401
import traceback
import types  # noqa: F401
import urllib.parse  # noqa: F401
import uuid  # noqa: F401

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
environment = importlib.import_module("environment")
del sys.path[0]

MAX_DESCRIPTORS = 1024
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


def main() -> None:
    # A gateway with many connections gives it a number that `select` cannot see.
    given = int(sys.argv[1])
    control = socket.socket(fileno=os.dup(given))
    os.close(given)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    say(control, {"version": list(sys.version_info[:3])})
    gc.collect()
    gc.freeze()
    children: dict[int, int] = {}  # pid -> id
    buffer, fds, folder = b"", [], ""
    while True:
        ready, _, _ = select.select([control, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(control, children)
        if control not in ready:
            continue
        try:
            data, received, _, _ = socket.recv_fds(control, 65536, 16)
        except OSError:
            data, received = b"", []
        if not data:
            for pid in children:
                kill_tree(pid)
            kill_strays({})
            if folder:
                remove(folder)
            os._exit(0)
        buffer += data
        fds += received
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            message = json.loads(line)
            if "fork" in message or "exec" in message:
                count = message["fds"]
                given, fds = fds[:count], fds[count:]
                start(control, children, message, given, (wake_read, wake_write))
            elif "folder" in message:
                folder = message["folder"]
            else:
                obey(children, message)


def remove(folder) -> None:
    """What the gateway would have removed, had it not been killed."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def obey(children, message) -> None:
    """Kills a child, or sends it a signal; stopping and going on means its descendants too."""
    for pid, ident in list(children.items()):
        if ident == message.get("kill"):
            kill_tree(pid)
        elif ident == message.get("signal"):
            send_signal(pid, message["number"])
            if message["number"] in (signal.SIGSTOP, signal.SIGCONT):
                stop_or_continue(pid, message["number"])


def adopt_orphans() -> None:
    if prctl is not None:
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(control, children, message, fds, wake_fds) -> None:
    """Forks; the child becomes a Python environment, or another program."""
    ident = message.get("fork") or message["exec"]
    told_read, told_write = os.pipe()  # closes when the program runs, or says why it does not
    pid = os.fork()
    if pid == 0:
        try:
            for fd in (*wake_fds, told_read):
                os.close(fd)
            control.close()
            become_leader()
            if "exec" in message:
                execute(message, fds, told_write)
            os.close(told_write)
            random.seed()
            environment.run(fds[0], fds[1])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else 1)
            flush()
            os._exit(code)
        except BaseException:
            traceback.print_exc()
            flush()
            os._exit(1)
        os._exit(0)
    os.close(told_write)
    for fd in fds:
        os.close(fd)
    failure = os.read(told_read, 4096) if "exec" in message else b""
    os.close(told_read)
    if failure:
        os.waitpid(pid, 0)
        say(control, {"failed": ident, "error": failure.decode()})
        return
    children[pid] = ident
    say(control, {"started": ident, "pid": pid})


def become_leader() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    adopt_orphans()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= MAX_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))


def execute(message, fds, report) -> None:
    """Becomes another program: log pipe on 1 and 2, the second descriptor, if any, on 3."""
    null = os.open(os.devnull, os.O_RDONLY)
    keep = [os.dup(null), os.dup(fds[0]), os.dup(fds[0])] + [os.dup(fd) for fd in fds[1:]]
    keep = [move_up(fd) for fd in keep]
    report = move_up(report)
    for number, fd in enumerate(keep):
        os.dup2(fd, number)
        os.close(fd)
    os.closerange(len(keep), report)
    os.closerange(report + 1, MAX_DESCRIPTORS)
    os.set_inheritable(report, False)  # noqa: FBT003
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.chdir(message["cwd"])
        os.execve(message["argv"][0], message["argv"], message["env"])
    except OSError as error:
        os.write(report, str(error.strerror).encode())
    os._exit(127)


def move_up(fd):
    """The same file on a descriptor above the ones that are being filled."""
    import fcntl

    higher = fcntl.fcntl(fd, fcntl.F_DUPFD, 64)
    os.close(fd)
    return higher


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def reap(control, children) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ident = children.pop(pid, None)
        if ident is not None:
            kill_group(pid)  # what the handler left running in the background
            kill_strays(children)
            say(control, {"ended": ident, "status": os.waitstatus_to_exitcode(status)})


def kill_strays(children) -> None:
    """Kills orphans that an ended environment left to this process."""
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


def say(control, message) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # the gateway is going away; the next read sees it


main()
