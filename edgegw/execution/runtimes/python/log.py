"""What goes to the log of a function: records of `logging`, and the errors that end things.

A record is a line of text, or with the format JSON an object. What the handler prints is no record
and goes there as it is.
"""

import json
import logging
import os
import sys
import time
import traceback

NO_BREAK = "\N{NO-BREAK SPACE}"
LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) - {"taskName"}


def begin_log(settings) -> None:
    """From here on the root logger writes records as `settings` says."""
    handler = JsonLogHandler() if settings["log_format"] == "JSON" else LogHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    if settings["log_format"] == "JSON":
        root.setLevel(LEVELS.get(settings["log_level"], logging.INFO))


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
