"""Returns what the request's path names: an expression of the file beside the state of a run."""

import json
import os
import sys
from pathlib import Path


class Odd(Exception):
    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


def nested(depth):
    inner = []
    for _ in range(depth):
        inner = [inner]
    return {"status": "200", "statusCode": 200, "body": inner}


def recursive():
    inner = []
    inner.append(inner)
    return inner


def raise_(error):
    raise error


def handler(event, context):
    if "Records" in event:
        headers = event["Records"][0]["cf"]["request"]["headers"]
        file = headers["x-result"][0]["value"]
    else:
        file = event["headers"]["x-result"]
    source = Path(file).read_text()
    if source.startswith("json:"):
        return json.loads(source[5:])
    return eval(source, {**globals(), "event": event, "os": os, "sys": sys})
