"""What can go wrong in a handler; the pid goes to a file so that the test can look for leftovers."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time


def _note(pid):
    with open(os.environ["RECORD"], "a") as record:
        record.write(f"{pid}\n")


def _notes():
    try:
        with open(os.environ["RECORD"]) as record:
            return record.readlines()
    except FileNotFoundError:
        return []


def good(event, context):
    return "good"


def returns_surrogate(event, context):
    return "\ud800"


def returns_nan(event, context):
    return float("nan")


def exits(event, context):
    os._exit(5)


def killed(event, context):
    os.kill(os.getpid(), signal.SIGKILL)


def segfaults(event, context):
    os.kill(os.getpid(), signal.SIGSEGV)


def loops(event, context):
    while True:
        pass


def eats_slowly(event, context):
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1024)) * 4096)
        time.sleep(0.01)


def eats_at_once(event, context):
    kept = bytearray(b"x") * (1500 * 1024 * 1024)
    time.sleep(5)
    return len(kept)


def child_eats(event, context):
    code = "k = bytearray(b'x') * (600 * 1024 * 1024); import time; time.sleep(5)"
    subprocess.run([sys.executable, "-c", code], check=False)


def prints_100_mb(event, context):
    line = "x" * 1023 + "\n"
    for _ in range(100 * 1024):
        sys.stdout.write(line)
    return "printed"


def prints_one_long_line(event, context):
    sys.stdout.write("y" * (1024 * 1024))
    return "printed"


def prints_binary(event, context):
    sys.stdout.flush()
    os.write(1, bytes(range(256)) + b"\n")
    return "printed"


def closes_everything(event, context):
    os.closerange(0, 1024)
    return "closed"


def closes_streams(event, context):
    sys.stdin.close()
    sys.stdout.close()
    return "closed"


def writes_garbage(event, context):
    for fd in range(3, 64):
        try:
            socket.socket(fileno=os.dup(fd)).send(b"garbage on the channel, and more of it")
        except OSError:
            continue
    return "written"


def leaves_child(event, context):
    child = subprocess.Popen(["sleep", "300"])
    _note(child.pid)
    return "left"


def leaves_daemon(event, context):
    noted = _notes()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            _note(os.getpid())
            os.closerange(0, 1024)
            time.sleep(300)
        os._exit(0)
    while _notes() == noted:  # else it might end before anybody knows of it
        time.sleep(0.02)
    return "left"


def leaves_daemon_and_dies(event, context):
    leaves_daemon(event, context)
    os._exit(1)


def ignores_sigterm(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _note(os.getpid())
    time.sleep(300)


def too_large(event, context):
    return "x" * (7 * 1024 * 1024)


def nested(event, context):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return deep


def raises_base(event, context):
    class Strange(BaseException):
        pass

    raise Strange("not an Exception")


def raises_unprintable(event, context):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    raise Odd


def keeps_a_file(event, context):
    path = os.path.join(tempfile.gettempdir(), "kept")
    there = os.path.exists(path)
    with open(path, "w") as file:
        file.write("kept")
    if event == "die":
        os._exit(1)
    return there


def sets_state(event, context):
    before = [os.environ.get("LEAK"), os.getcwd(), tempfile.gettempdir()]
    os.environ["LEAK"] = context.function_name
    os.chdir("/")
    return json.loads(json.dumps(before))
