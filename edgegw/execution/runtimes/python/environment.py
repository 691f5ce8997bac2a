"""One Python execution environment: what a forked child runs.

Frames on the socket: 4 bytes length (big endian), 1 byte kind, data.
To the child    I  init settings as JSON
                V  2 bytes length of the meta JSON, meta JSON, event JSON
From the child  R  ready    X  init failed (error JSON)
                A  4 bytes, result JSON    E  4 bytes, error JSON
The 4 bytes are the microseconds of the invocation in which the handler did not compute.
"""

import importlib
import json
import linecache
import logging
import os
import socket
import struct
import sys
import time
import traceback
import types
from time import perf_counter, process_time


def run(frames_fd, log_fd) -> None:
    frames = socket.socket(fileno=frames_fd)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    if log_fd > 2:
        os.close(log_fd)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # New streams: the zygote's may stand on a file with a position of its own.
    sys.stdout = sys.__stdout__ = text_stream(1)
    sys.stderr = sys.__stderr__ = text_stream(2)
    reader = frames.makefile("rb", buffering=65536)
    kind, settings = receive(reader)
    if kind != b"I":
        return
    settings = json.loads(settings)
    prepare(settings)
    try:
        handler = load(settings["handler"])
    except FailedInit as failed:
        send(frames, b"X", failed.payload)
        sys.exit(1)
    send(frames, b"R", b"{}")
    serve(frames, reader, handler, settings)


def text_stream(fd):
    return open(fd, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


def prepare(settings) -> None:
    os.environ.clear()
    os.environ.update(settings["environment"])
    time.tzset()
    os.chdir(settings["task_root"])
    sys.path[0:0] = [settings["task_root"]]
    sys.argv = [settings["handler"]]
    logging.basicConfig(handlers=[LogHandler()])
    logging.getLogger().setLevel(logging.WARNING)


class LogHandler(logging.Handler):
    """Writes `[LEVEL]\\ttime\\trequest id\\tmessage`, as the managed runtime does."""

    request_id = ""

    def emit(self, record) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = self.format(record).replace("\n", "\r")
        stamp = f"{stamp}.{int(record.msecs):03d}Z"
        sys.stdout.write(f"[{record.levelname}]\t{stamp}\t{LogHandler.request_id}\t{text}\n")


class FailedInit(Exception):
    """Init failed; `payload` is Lambda's error object as JSON bytes."""

    def __init__(self, kind, message, stack=()):
        super().__init__(message)
        self.payload = error(kind, message, "", list(stack))
        print(f"[ERROR] {kind}: {message}")


def load(handler):
    """The handler function: `package/module.function`, split at the last dot."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise FailedInit(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as fault:
        message = f"Unable to import module '{module_name}': {fault}"
        raise FailedInit("Runtime.ImportModuleError", message) from None
    except SyntaxError as fault:
        where = f'  File "{fault.filename}" Line {fault.lineno}\n    {(fault.text or "").strip()}'
        message = f"Syntax error in module '{module_name}': {fault}"
        raise FailedInit("Runtime.UserCodeSyntaxError", message, [where]) from None
    except Exception as fault:
        raise FailedInit(type(fault).__name__, str(fault), stack_of(fault, 2)) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FailedInit("Runtime.HandlerNotFound", message) from None


class Context:
    """The context object of a handler."""

    def __init__(self, meta, settings):
        self.aws_request_id = meta["request_id"]
        self.invoked_function_arn = meta["arn"]
        self.function_name = settings["function_name"]
        self.function_version = settings["function_version"]
        self.memory_limit_in_mb = settings["memory_limit_in_mb"]
        self.log_group_name = settings["log_group_name"]
        self.log_stream_name = settings["log_stream_name"]
        self.identity = types.SimpleNamespace(
            cognito_identity_id=None, cognito_identity_pool_id=None
        )
        self.client_context = None
        self.tenant_id = None
        self._deadline = time.monotonic() + meta["remaining_ms"] / 1000

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


def serve(frames, reader, handler, settings) -> None:
    loads, dumps = json.loads, json.dumps
    while True:
        kind, data = receive(reader)
        if kind != b"V":
            return
        end = 2 + int.from_bytes(data[:2], "big")
        meta = loads(data[2:end])
        LogHandler.request_id = request_id = meta["request_id"]
        if meta["trace_id"]:
            os.environ["_X_AMZN_TRACE_ID"] = meta["trace_id"]
        wall, computed = perf_counter(), process_time()
        try:
            result = handler(loads(data[end:]), Context(meta, settings))
        except Exception as fault:
            stack = stack_of(fault, 1)
            answer = b"E", error(type(fault).__name__, str(fault), request_id, stack)
            report(fault, stack)
        else:
            try:
                answer = b"A", dumps(result).encode()
            except (TypeError, ValueError, RecursionError) as fault:
                message = f"Unable to marshal response: {fault}"
                answer = b"E", error("Runtime.MarshalError", message, request_id, [])
        waited = perf_counter() - wall - (process_time() - computed)
        sys.stdout.flush()
        sys.stderr.flush()
        micros = min(max(0, int(waited * 1e6)), 0xFFFFFFFF)
        send(frames, answer[0], micros.to_bytes(4, "big") + answer[1])


def report(fault, stack) -> None:
    sys.stdout.write(f"[ERROR] {type(fault).__name__}: {fault}\n")
    sys.stdout.write("Traceback (most recent call last):\n" + "".join(stack))


def stack_of(fault, skipped):
    """The user's frames as `traceback.format_list` writes them."""
    linecache.checkcache()
    return traceback.format_list(traceback.extract_tb(fault.__traceback__)[skipped:])


def error(kind, message, request_id, stack):
    return json.dumps(
        {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": stack}
    ).encode()


def receive(reader):
    head = reader.read(5)
    if len(head) < 5:
        os._exit(0)  # the gateway closed the socket: nothing left to answer
    length, kind = struct.unpack(">Ic", head)
    return kind, reader.read(length)


def send(frames, kind, data) -> None:
    frames.sendall(struct.pack(">Ic", len(data), kind) + data)
