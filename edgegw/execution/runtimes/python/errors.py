"""Errors as they are reported to the gateway, and what stands in them."""

import json
import linecache
import traceback


def text_of(fault):
    try:
        return str(fault)
    except Exception:
        return f"<unprintable {type(fault).__name__}>"


def stack_of(fault, skipped):
    """The user's frames as `traceback.format_list` writes them."""
    linecache.checkcache()
    return traceback.format_list(traceback.extract_tb(fault.__traceback__)[skipped:])


def error(kind, message, request_id, stack):
    return json.dumps(
        {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": stack}
    ).encode()
