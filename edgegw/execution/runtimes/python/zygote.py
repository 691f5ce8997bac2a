"""The zygote: a small clean Python process from which execution environments come.

Comes from `guardian.py`, without any package of edgegw, on any Python >= 3.9. On `control` come
lines, each with its descriptors:
    {"fork": id, "fds": 2}                    frame socket, log pipe     a Python environment
    {"exec": id, "argv", "env", "cwd", "fds"}  log pipe [, descriptor 3]  any other program
    {"kill": id}  {"signal": id, "number"}
    {"limit": id, "folder", "size"}    so many bytes at most in a folder
    {"clear": id}                      everything that came from here ends
Back go {"version": …} once, {"started": id, "pid"}, {"failed": id, "error"},
{"ended": id, "status"} and {"done": id, "is_possible"} for the last two. When it closes the gateway
is gone: every child is killed.

Where the system has subreapers (Linux), whatever an environment leaves behind, even a daemon in a
session of its own, becomes a child of the environment or of this process, and is killed with it.

Nothing that the system refuses, a process or a descriptor, ends this process: it is said, and the
next may go well.
"""

# What nearly every handler imports, so that a fork starts with it. Nothing that Lambda lacks.
import base64  # noqa: F401
import collections  # noqa: F401
import datetime  # noqa: F401
import decimal  # noqa: F401
import errno
import gc
import hashlib  # noqa: F401
import hmac  # noqa: F401
import importlib  # noqa: F401
import json
import logging  # noqa: F401
import os
import random
import re  # noqa: F401
import resource
import select
import signal
import site
import socket
import sys
import time  # noqa: F401
import traceback
import types  # noqa: F401
import urllib.parse  # noqa: F401
import uuid  # noqa: F401

import environment
import processes

try:
    import storage
except ImportError:  # a Python without ctypes
    storage = None

MAX_DESCRIPTORS = 1024


def main(control_fd) -> None:
    for name in ("zygote", "processes", "storage"):
        sys.modules.pop(name, None)  # the names belong to the user
    control = socket.socket(fileno=control_fd)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.adopt_orphans()
    say(control, {"version": list(sys.version_info[:3])})
    can_mount = own_mounts()
    environment.add_builtins(site)
    gc.collect()
    gc.freeze()
    children: dict[int, int] = {}  # pid -> id
    buffer, fds = b"", []
    poll = select.poll()  # `select` cannot see descriptors above 1023
    poll.register(control_fd, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(control, children)
        if control_fd not in ready:
            continue
        try:
            data, received, _, _ = socket.recv_fds(control, 65536, 16)
        except OSError:
            data, received = b"", []
        if not data:
            for pid in children:
                processes.kill_tree(pid)
            processes.kill_strays(())
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
                for fd in given:
                    os.close(fd)
            else:
                obey(control, children, message, can_mount)


def own_mounts() -> bool:
    """Whether file systems can be mounted here from now on, for the children only."""
    try:
        return storage is not None and storage.enter()
    except OSError:
        return False


def obey(control, children, message, can_mount) -> None:
    """Does what is no start."""
    if "limit" in message:
        is_limited = can_mount and storage.limit(message["folder"], message["size"])
        say(control, {"done": message["limit"], "is_possible": is_limited})
    elif "clear" in message:
        clear(control, children)
        say(control, {"done": message["clear"], "is_possible": True})
    else:
        send(children, message)


def send(children, message) -> None:
    """Kills a child, or sends it a signal; stopping and going on means its descendants too."""
    for pid, ident in list(children.items()):
        if ident == message.get("kill"):
            processes.kill_tree(pid)
        elif ident == message.get("signal"):
            processes.send_signal(pid, message["number"])
            if message["number"] in (signal.SIGSTOP, signal.SIGCONT):
                processes.stop_or_continue(pid, message["number"])


def start(control, children, message, fds, wake_fds) -> None:
    """Has a child started, and says what became of it."""
    ident = message.get("fork") or message["exec"]
    try:
        if len(fds) < message["fds"]:  # the system drops those that cannot be received
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        pid, failure = fork(control, message, fds, wake_fds)
    except OSError as error:
        pid, failure = 0, error.strerror
    if failure:
        say(control, {"failed": ident, "error": failure})
        return
    children[pid] = ident
    say(control, {"started": ident, "pid": pid})


def fork(control, message, fds, wake_fds):
    """The pid of the new child, and why its program could not be executed."""
    told_read, told_write = os.pipe()  # closes when the program runs, or says why it does not
    try:
        pid = os.fork()
        if pid == 0:
            for fd in (*wake_fds, told_read):
                os.close(fd)
            control.close()
            become(message, fds, told_write)
        failure = ""
        if "exec" in message:
            os.close(told_write)
            told_write = -1
            failure = os.read(told_read, 4096).decode()
    finally:
        os.close(told_read)
        if told_write >= 0:
            os.close(told_write)
    if failure:
        os.waitpid(pid, 0)
    return pid, failure


def become(message, fds, report) -> None:
    """In the child: a Python environment, or another program. Never returns."""
    code = 1
    try:
        become_leader()
        if "exec" in message:
            execute(message, fds, report)
        os.close(report)
        random.seed()
        environment.run(fds[0], fds[1])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else 1)
        flush()
    except BaseException:
        traceback.print_exc()
        flush()
    os._exit(code)


def become_leader() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    processes.adopt_orphans()
    if storage is not None:
        storage.give_up_privileges()
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
    processes.close_all_but((*range(len(keep)), report))
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


def clear(control, children) -> None:
    """Another gateway comes: what the last one left behind ends."""
    for pid in list(children):
        processes.kill_tree(pid)
    left = len(children) + 1
    while 0 < len(children) < left:
        left = len(children)
        reap(control, children, 0)
    processes.kill_strays(())
    reap(control, children)


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def reap(control, children, options=os.WNOHANG) -> None:
    """Takes note of ended children; with other options the first is waited for."""
    while True:
        try:
            pid, status = os.waitpid(-1, options)
            options = os.WNOHANG
        except ChildProcessError:
            return
        if pid == 0:
            return
        ident = children.pop(pid, None)
        if ident is not None:
            processes.kill_group(pid)  # what the handler left running in the background
            processes.kill_strays(children)
            say(control, {"ended": ident, "status": os.waitstatus_to_exitcode(status)})


def say(control, message) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # the gateway is going away; the next read sees it
