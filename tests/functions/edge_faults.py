"""Hooks without a usable result."""

import time


def sleeps(event, context):
    time.sleep(5)


def oversize(event, context):
    return {"status": "200", "body": "x" * (7 * 1024 * 1024)}


def text(event, context):
    return "a string"


def raises(event, context):
    raise ValueError("on purpose")


def exits(event, context):
    raise SystemExit(1)
