"""One Python execution environment: what a forked child runs.

Frames on the socket: 4 bytes length (big endian), 1 byte kind, data.
To the child    I  init settings as JSON
                V  4 bytes length of the meta, meta, event JSON
From the child  R  ready    X  init failed (error JSON)
                A  usage, result    E  usage, error JSON
Meta are five lines: request id, ARN, milliseconds left, trace header, client context (which may
have more lines). Usage is 4 bytes microseconds of the invocation in which the handler did not
compute, and 4 bytes kilobytes of memory, the most so far.

Behaves as the managed runtime's client does: same errors, same log lines. Runs on any Python from
3.9 on, without any package.
"""

import json
import os
import socket
import struct
import sys
import time
from time import perf_counter

import advice
import marshalling
from context import Context, constant_attributes
from errors import error, stack_of, text_of
from handler_name import FailedInit, load
from log import LogHandler, begin_log, log_error
from usage import Usage

OWN = ("environment", "advice", "marshalling", "context", "errors", "handler_name", "log", "usage")
NOT_AWAITED = (
    "edgegw: the handler is an `async def`, which Lambda's Python does not await: make it a plain "
    "`def` that answers `asyncio.run(...)`\n"
)


def run(frames_fd, log_fd) -> None:
    os.set_inheritable(frames_fd, False)  # noqa: FBT003
    frames = socket.socket(fileno=frames_fd)
    if log_fd != 1:
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        if log_fd > 2:
            os.close(log_fd)
    null = os.open(os.devnull, os.O_RDONLY)
    if null != 0:
        os.dup2(null, 0)
        os.close(null)
    # New streams: the zygote's may stand on a file with a position of its own.
    has_own = "PYTHONIOENCODING" in os.environ
    errors = sys.stdout.errors if has_own else "backslashreplace"
    sys.stdout = sys.__stdout__ = text_stream(1, sys.stdout.encoding, errors)
    sys.stderr = sys.__stderr__ = text_stream(2, sys.stderr.encoding, "backslashreplace")
    for name in OWN:  # the names belong to the user
        sys.modules.pop(name, None)
    receive = receiver(frames)
    frame = receive()
    if frame[4] != ord("I"):
        return
    settings = json.loads(frame[5:])
    prepare(settings)
    if settings.get("debug"):
        wait_for_debugger(settings["debug"])
    dumps = marshalling.dumper(settings["runtime_version"] >= [3, 12])
    coverage = begin_coverage(settings["coverage"]) if settings.get("coverage") else None
    try:
        handler = load(settings)
    except FailedInit as failed:
        send(frames, b"X", failed.payload)
        sys.exit(1)
    send(frames, b"R", b"{}")
    if coverage is not None:
        handler = covered(handler, coverage)
    serve(frames, receive, handler, settings, dumps)


def text_stream(fd, encoding, errors):
    return open(fd, "w", encoding=encoding, errors=errors, buffering=1, closefd=False)


def add_builtins(site) -> None:
    """`exit`, `help` and the like, which an interpreter has that was started without -S."""
    site.setquit()
    site.setcopyright()
    site.sethelper()


def begin_plainly() -> None:
    """As Lambda starts Python, less what is installed on this machine.

    `sitecustomize` comes from PYTHONPATH, as tools that trace functions have it; our own folder,
    which PYTHONPATH names as Lambda's does, holds nothing to import.
    """
    import site

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]
    if sys.pycache_prefix is None:  # the code folder is nobody's to write to
        sys.dont_write_bytecode = True
    add_builtins(site)
    site.execsitecustomize()


def prepare(settings) -> None:
    if settings["environment"]:  # else this process was started with it
        os.environ.clear()
        os.environ.update(settings["environment"])
    time.tzset()
    if settings["names"]:
        lead(settings["names"])
    os.chdir(settings["task_root"])
    opt, version = settings["opt"], "python" + ".".join(map(str, sys.version_info[:2]))
    layers = [f"{opt}/python/lib/{version}/site-packages", f"{opt}/python"] if opt else []
    sys.path[0:0] = [settings["task_root"], *layers]
    if settings["site_packages"]:
        import site

        for folder in settings["site_packages"]:
            site.addsitedir(folder)
    sys.argv = [settings["handler"]]
    begin_log(settings)


def begin_coverage(folder):
    """coverage.py, started as COVERAGE_PROCESS_START says; None where that cannot be."""
    sys.path.append(folder)
    try:
        import coverage

        return coverage.process_startup()
    except Exception as fault:
        sys.stdout.write(f"edgegw: coverage does not start: {fault}\n")
        return None
    finally:
        sys.path.remove(folder)


def covered(handler, coverage):
    """`handler`, which leaves what it covered on disk: the process ends without a farewell."""

    def handle(event, context):
        try:
            return handler(event, context)
        finally:
            coverage.save()

    return handle


def lead(places) -> None:
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, folder)
    import names

    sys.path.remove(folder)
    del sys.modules["names"]  # the name belongs to the user
    names.lead(places)


def wait_for_debugger(debug) -> None:
    """Listens for a debugger (debugpy) and waits until one has attached."""
    sys.path.append(debug["path"])
    import debugpy

    sys.path.remove(debug["path"])
    last = time.monotonic() + 10
    while True:  # the environment that this one replaces may not be gone yet
        try:
            debugpy.listen(("127.0.0.1", debug["port"]))
            break
        except Exception:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)
    debugpy.wait_for_client()


def serve(frames, receive, handler, settings, dumps) -> None:
    usage = Usage()
    constant = constant_attributes(settings)
    pack = struct.Struct(">IcII").pack
    while True:
        frame = receive()
        if frame[4] != ord("V"):
            return
        end = 9 + int.from_bytes(frame[5:9], "big")
        meta = frame[9:end].decode("utf-8", "surrogatepass").split("\n", 4)
        LogHandler.request_id = meta[0]
        os.environ["_X_AMZN_TRACE_ID"] = meta[3]
        wall = perf_counter()
        kind, data = invoke(handler, frame[end:], meta, constant, dumps)
        if kind == b"E" and b"No module named" in data:
            remedy = advice.missing_module(missing_in(data), settings)
            sys.stdout.write(f"edgegw: {remedy}\n" if remedy else "")
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:
            flush(sys.stderr)  # one is closed, or in its place is something that cannot
        LogHandler.request_id = ""
        waited, memory_kb = usage.after(perf_counter() - wall)
        frames.sendall(pack(8 + len(data), kind, waited, memory_kb) + data)
        del frame, data


def invoke(handler, event, meta, constant, dumps):
    """Kind and data of the answer to one event."""
    request_id = meta[0]
    try:
        context = Context(meta, constant)
    except (ValueError, AttributeError, TypeError, RecursionError):
        kind, message = "Runtime.LambdaContextUnmarshalError", "Unable to parse client context"
        log_error(kind, message, [])
        return b"E", error(kind, message, request_id, [])
    try:
        event = marshalling.loads(event.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as fault:
        kind, message = "Runtime.UnmarshalError", f"Unable to unmarshal input: {fault}"
        log_error(kind, message, [])
        return b"E", error(kind, message, request_id, [])
    try:
        result = handler(event, context)
    except Exception as fault:
        kind, message, stack = type(fault).__name__, text_of(fault), stack_of(fault, 1)
        log_error(kind, message, stack)
        return b"E", error(kind, message, request_id, stack)
    if isinstance(result, bytes):
        return b"A", result
    try:
        return b"A", dumps(result).encode()
    except Exception as fault:
        kind, message = "Runtime.MarshalError", f"Unable to marshal response: {fault}"
        if hasattr(result, "cr_await"):
            sys.stdout.write(NOT_AWAITED)
        log_error(kind, message, [])
        return b"E", error(kind, message, request_id, [])


def missing_in(data):
    """The missing module that an error object tells of."""
    message = json.loads(data)["errorMessage"]
    return ModuleNotFoundError(message, name=message.partition("No module named '")[2].rstrip("'"))


def flush(stream) -> None:
    try:
        stream.flush()
    except Exception:
        pass  # closed by the handler, or put in its place something that cannot


def receiver(frames):
    """A function that answers the next frame, head and all."""
    rest = b""

    def receive():
        nonlocal rest
        frame, rest = rest or frames.recv(65536), b""
        if len(frame) >= 5 and len(frame) == 5 + int.from_bytes(frame[:4], "big"):
            return frame
        chunks, size = [frame], len(frame)
        needed = 5 + int.from_bytes(frame[:4], "big") if size >= 5 else 5
        while size < needed:
            chunk = frames.recv(max(65536, needed - size))
            if not chunk:
                os._exit(0)  # the gateway closed the socket: nothing left to answer
            chunks.append(chunk)
            size += len(chunk)
            if needed == 5 and size >= 5:
                chunks = [b"".join(chunks)]
                needed = 5 + int.from_bytes(chunks[0][:4], "big")
        data = b"".join(chunks) if len(chunks) > 1 else chunks[0]
        rest = data[needed:]
        return data[:needed]

    return receive


def send(frames, kind, data) -> None:
    frames.sendall(struct.pack(">Ic", len(data), kind) + data)


if __name__ == "__main__":  # a plain start
    begin_plainly()
    run(3, 1)
