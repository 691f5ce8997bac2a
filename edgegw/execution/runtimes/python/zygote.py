"""The zygote: a small clean Python process that forks one execution environment per request.

Runs as `python -I -S zygote.py FD`, without any package of edgegw, on any Python >= 3.9.
On FD come lines `{"fork": id}` with two descriptors (frame socket, log pipe) and `{"kill": id}`;
back go `{"version": …}` once, `{"forked": id, "pid": …}` and `{"ended": id, "status": …}`.
When FD closes the gateway is gone: every child is killed.
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


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say(control, {"version": list(sys.version_info[:3])})
    gc.collect()
    gc.freeze()
    children: dict[int, int] = {}  # pid -> id
    buffer = b""
    while True:
        ready, _, _ = select.select([control, wake_read], [], [])
        if wake_read in ready:
            os.read(wake_read, 4096)
            reap(control, children)
        if control not in ready:
            continue
        try:
            data, fds, _, _ = socket.recv_fds(control, 65536, 16)
        except OSError:
            data, fds = b"", []
        if not data:
            for pid in children:
                kill_group(pid)
            os._exit(0)
        buffer += data
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            message = json.loads(line)
            if "fork" in message:
                fork(control, children, message["fork"], fds, (wake_read, wake_write))
                fds = fds[2:]
            elif "kill" in message:
                for pid, ident in children.items():
                    if ident == message["kill"]:
                        kill_group(pid)


def fork(control, children, ident, fds, wake_fds) -> None:
    frames_fd, log_fd = fds[0], fds[1]
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            for fd in wake_fds:
                os.close(fd)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.setsid()
            random.seed()
            environment.run(frames_fd, log_fd)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else 1)
            flush()
            os._exit(code)
        except BaseException:
            traceback.print_exc()
            flush()
            os._exit(1)
        os._exit(0)
    os.close(frames_fd)
    os.close(log_fd)
    children[pid] = ident
    say(control, {"forked": ident, "pid": pid})


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


def reap(control, children) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        ident = children.pop(pid, None)
        if ident is not None:
            kill_group(pid)  # what the handler left running in the background
            say(control, {"ended": ident, "status": os.waitstatus_to_exitcode(status)})


def kill_group(pid) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def say(control, message) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # the gateway is going away; the next read sees it


main()
