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

import importlib
import json
import linecache
import logging
import os
import resource
import socket
import struct
import sys
import time
import traceback
import types
from time import perf_counter

import advice
import marshalling

KILOBYTE = 1024 if sys.platform == "darwin" else 1
NO_BREAK = "\N{NO-BREAK SPACE}"
WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior."
)

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
    for name in ("environment", "marshalling", "advice"):  # the names belong to the user
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
    handler = JsonLogHandler() if settings["log_format"] == "JSON" else LogHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    if settings["log_format"] == "JSON":
        root.setLevel(LEVELS.get(settings["log_level"], logging.INFO))


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


LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) - {"taskName"}


class LogHandler(logging.Handler):
    """Writes `[LEVEL]\\ttime\\trequest id\\tmessage`, as the managed runtime does."""

    request_id = ""

    def emit(self, record) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = self.format(record).replace("\n", "\r")
        stamp = f"{stamp}.{int(record.msecs):03d}Z"
        record.aws_request_id = LogHandler.request_id
        sys.stdout.write(f"[{record.levelname}]\t{stamp}\t{LogHandler.request_id}\t{text}\n")


class JsonLogHandler(logging.Handler):
    """Writes one JSON object per record; what was passed as `extra` stands in it too."""

    def emit(self, record) -> None:
        is_object = isinstance(record.msg, dict) and not record.args
        entry = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": logging.getLevelName(min(50, max(0, record.levelno)) // 10 * 10),
            "message": record.msg if is_object else record.getMessage(),
            "logger": record.name,
        }
        fault = record.exc_info and record.exc_info[1]
        if fault:
            entry["stackTrace"] = traceback.format_tb(fault.__traceback__)
            entry["errorType"] = type(fault).__name__
            entry["errorMessage"] = str(fault)
        if LogHandler.request_id:
            entry["requestId"] = LogHandler.request_id
        if fault:
            entry["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        for name, value in vars(record).items():
            if name not in STANDARD and name not in entry and value is not None:
                entry[name] = value
        sys.stdout.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")


class FailedInit(Exception):
    """Init failed; `payload` is Lambda's error object as JSON bytes."""

    def __init__(self, kind, message, stack=()):
        super().__init__(message)
        self.payload = error(kind, message, "", list(stack))
        logging.getLogger().warning(WARNING)
        log_error(kind, message, list(stack))


def load(settings):
    """The handler function: `package/module.function`, split at the last dot."""
    handler = settings["handler"]
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise FailedInit(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    dotted = module_name.replace("/", ".")
    if dotted.partition(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise FailedInit("Runtime.BuiltInModuleConflict", message)
    try:
        module = importlib.import_module(dotted)
    except ImportError as fault:
        message = f"Unable to import module '{module_name}': {fault}"
        remedy = advice.missing_module(fault, settings)
        message += f" ({remedy})" if remedy else ""
        raise FailedInit("Runtime.ImportModuleError", message) from None
    except SyntaxError as fault:
        where = f'  File "{fault.filename}" Line {fault.lineno}\n    {(fault.text or "").strip()}'
        message = f"Syntax error in module '{module_name}': {fault}"
        raise FailedInit("Runtime.UserCodeSyntaxError", message, [where]) from None
    except Exception as fault:
        raise FailedInit(type(fault).__name__, str(fault), stack_of(fault, 1)) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FailedInit("Runtime.HandlerNotFound", message) from None


class Context:
    """The context object of a handler. `constant` are the attributes that never change."""

    def __init__(self, meta, constant):
        request_id, arn, left, _, client = meta
        self.__dict__ = attributes = constant.copy()
        attributes["aws_request_id"] = request_id
        attributes["invoked_function_arn"] = arn
        attributes["identity"] = types.SimpleNamespace(
            cognito_identity_id=None, cognito_identity_pool_id=None
        )
        attributes["client_context"] = client_context(json.loads(client)) if client else None
        attributes["_deadline"] = time.monotonic() + int(left) / 1000

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message):
        sys.stdout.write(str(message))

    def w3c(self):
        custom = (self.client_context.custom if self.client_context else None) or {}
        return {k: custom[k] for k in ("traceparent", "tracestate", "baggage") if k in custom}


def constant_attributes(settings):
    names = (
        "function_name",
        "function_version",
        "memory_limit_in_mb",
        "log_group_name",
        "log_stream_name",
    )
    return {**{name: settings[name] for name in names}, "tenant_id": None}


def client_context(sent):
    """`.custom`, `.env` and `.client` of what the caller sent."""
    client = sent.get("client")
    if client is not None:
        named = ("installation_id", "app_title", "app_version_name", "app_version_code")
        client = types.SimpleNamespace(
            **{name: client.get(name) for name in (*named, "app_package_name")}
        )
    return types.SimpleNamespace(custom=sent.get("custom"), env=sent.get("env"), client=client)


def loads(text):
    """`json.loads` without its search for blanks around the value, which is rarely needed."""
    try:
        value, end = scan_once(text, 0)
    except (StopIteration, ValueError):
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


scan_once = json.JSONDecoder().scan_once


class Usage:
    """What the process used, asked of the system only where an invocation can have changed it.

    A short invocation changes neither memory nor the share of computing by much; after a few of
    them, and after each longer one, the system is asked.
    """

    NOTICEABLE = 0.0003  # seconds
    FEW = 16

    def __init__(self):
        self.used = resource.getrusage(resource.RUSAGE_SELF)
        self.memory_kb = 0
        self.unseen = self.FEW  # the first one is looked at
        self.unseen_time = 0.0

    def after(self, spent):
        """Microseconds waited in an invocation that took `spent` seconds, kilobytes in all."""
        if spent < self.NOTICEABLE and self.unseen < self.FEW:
            self.unseen += 1
            self.unseen_time += spent
            return 0, self.memory_kb
        before, used = self.used, resource.getrusage(resource.RUSAGE_SELF)
        computed = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        waited = spent - max(0.0, computed - self.unseen_time)
        self.used, self.memory_kb = used, used.ru_maxrss // KILOBYTE
        self.unseen, self.unseen_time = 0, 0.0
        return min(max(0, int(waited * 1e6)), 0xFFFFFFFF), self.memory_kb


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
        event = loads(event.decode("utf-8", "surrogatepass"))
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


def text_of(fault):
    try:
        return str(fault)
    except Exception:
        return f"<unprintable {type(fault).__name__}>"


def log_error(kind, message, stack) -> None:
    """The copy of an error in the log: one entry, its lines parted by carriage returns."""
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
        entry = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "level": "ERROR",
            "errorMessage": message,
            "errorType": kind,
            "requestId": LogHandler.request_id,
            "stackTrace": stack,
        }
        sys.stdout.write(json.dumps(entry) + "\n")
        return
    lines = [f"[ERROR] {kind}: {message}" if message else f"[ERROR] {kind}"]
    lines.append("Traceback (most recent call last):")
    for entry in stack:
        for line in entry.splitlines():
            bare = line.lstrip(" ")
            lines.append(NO_BREAK * (len(line) - len(bare)) + bare)
    sys.stdout.write("\r".join(lines).replace("\n", "\r") + "\n")


def stack_of(fault, skipped):
    """The user's frames as `traceback.format_list` writes them."""
    linecache.checkcache()
    return traceback.format_list(traceback.extract_tb(fault.__traceback__)[skipped:])


def error(kind, message, request_id, stack):
    return json.dumps(
        {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": stack}
    ).encode()


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
