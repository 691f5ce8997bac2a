"""What functions may return: results of AWS's shapes with anything in the place of any part."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from tests.functions.edge_rows import DISALLOWED, READ_ONLY

_NAMES: Final = [
    *DISALLOWED, *(name for names in READ_ONLY.values() for name in names), "x-a", "X-A", "location",
    "set-cookie", "content-type", "", " ", "a b", "a:b", "é", "x" * 300, "a\r\nb", "\0",
]  # fmt: skip
_USUAL: Final = ["x-a", "location", "content-type", "set-cookie", "cache-control"]
_ANY: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 200, 2**63, 10**400, 1.5, 1e308, "", "a", "é", "\ud83d", "\0", "a\r\nX: b",
    "eA==", "eA", "x" * 9_000, [], {}, [None], {"": None}, [[]], "200", "404", "replace", "base64",
]  # fmt: skip
_STATUSES: Final[list[Any]] = [
    "200",
    200,
    "302",
    404,
    503,
    "99",
    100,
    101,
    204,
    304,
    600,
    999,
    "2e2",
    " 200",
]


def anything(dice: random.Random, depth: int = 3) -> Any:
    """A value that JSON has."""
    if depth and dice.random() < 0.3:
        inner = [anything(dice, depth - 1) for _ in range(dice.randrange(4))]
        return inner if dice.random() < 0.5 else {dice.choice(_NAMES): value for value in inner}
    return dice.choice(_ANY)


def _or_anything(dice: random.Random, value: Any, share: float = 0.04) -> Any:
    return anything(dice) if dice.random() < share else value


def _name(dice: random.Random) -> str:
    return dice.choice(_USUAL if dice.random() < 0.8 else _NAMES)


def _edge_headers(dice: random.Random) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    for _ in range(dice.randrange(4)):
        name = _name(dice)
        entry = {"key": _or_anything(dice, name), "value": _or_anything(dice, "v")}
        if dice.random() < 0.05:
            entry.pop(dice.choice(["key", "value"]))
        headers[dice.choice([name, name.lower()])] = _or_anything(
            dice, [entry] * dice.choice([0, 1, 1, 2])
        )
    return headers


def _some(dice: random.Random, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _or_anything(dice, value) for name, value in fields.items() if dice.random() < 0.6
    }


def edge_result(dice: random.Random) -> Any:
    """What a function at a trigger may return, or changes to what it was given."""
    body = _some(
        dice, {"action": "replace", "encoding": "base64", "data": "eA==", "inputTruncated": False}
    )
    origin = {
        "domainName": dice.choice(["origin.test", "a..b", "a" * 64, "127.0.0.1", "é.test"]),
        "port": dice.choice([80, 443, 1023, 70_000]),
        "protocol": "http",
        "path": dice.choice(["", "/x", "x", "/x/"]),
        "readTimeout": dice.choice([0, 1, 121]),
        "keepaliveTimeout": 5,
        "sslProtocols": ["TLSv1.2"],
        "customHeaders": _edge_headers(dice),
        "authMethod": "none",
        "region": "us-east-1",
    }
    fields = {
        "status": dice.choice(_STATUSES),
        "statusDescription": dice.choice(["OK", "", "a\nb"]),
        "headers": _edge_headers(dice),
        "body": dice.choice(["text", body]),
        "bodyEncoding": dice.choice(["text", "base64"]),
        "uri": dice.choice(["/", "/", "/x", "/y", "/a b", "a", "/é", "/?x", "/%"]),
        "querystring": dice.choice(["", "a=b", "a=b&c", "?", "é"]),
        "method": dice.choice(["GET", "POST"]),
        "clientIp": dice.choice(["127.0.0.1", "1.1.1.1"]),
        "origin": {dice.choice(["custom", "s3", "x"]): _some(dice, origin)},
    }
    how = dice.random()
    if how < 0.1:
        return _or_anything(dice, _some(dice, fields), 0.5)
    given = _GENERATED if how < 0.55 else _SENT
    names = [name for name in given if dice.random() < 0.4]
    return given | {name: _or_anything(dice, fields[name]) for name in names}


_GENERATED: Final[dict[str, Any]] = {
    "status": "200", "statusDescription": "OK", "headers": {}, "body": "text", "bodyEncoding": "text",
}  # fmt: skip
_SENT: Final[dict[str, Any]] = {
    "clientIp": "127.0.0.1", "method": "POST", "uri": "/x", "querystring": "a=b",
    "headers": {
        "host": [{"key": "Host", "value": "localhost"}],
        "content-length": [{"key": "Content-Length", "value": "3"}],
    },
    "body": {"inputTruncated": False, "action": "read-only", "encoding": "base64", "data": "YT1i"},
    "origin": {
        "custom": {
            "domainName": "origin.test", "port": 80, "protocol": "http", "path": "", "readTimeout": 30,
            "keepaliveTimeout": 5, "sslProtocols": ["TLSv1.2"], "customHeaders": {},
        }
    },
}  # fmt: skip
"""A generated response, and the request that results are judged against."""


def target_result(dice: random.Random) -> Any:
    """What a Lambda target of a load balancer may return."""
    names = [_name(dice) for _ in range(dice.randrange(4))]
    fields = {
        "statusCode": dice.choice([*[200] * 12, 404, 204, 304, *_STATUSES]),
        "statusDescription": dice.choice(["200 OK", "OK", "404 Not Found", "200 a\r\nb", ""]),
        "headers": {name: _or_anything(dice, "v") for name in names},
        "multiValueHeaders": {name: _or_anything(dice, ["v", "w"]) for name in names},
        "body": dice.choice(["text", "eA==", "é"]),
        "isBase64Encoded": dice.choice([True, False]),
        "cookies": ["a=b"],
    }
    return _or_anything(dice, _some(dice, fields), 0.1)


def payload(dice: random.Random, result: Any) -> bytes:
    """`result` as a runtime may hand it in: JSON, deeply nested, cut off, or none at all."""
    how = dice.random()
    data = json.dumps(result).encode()
    if how < 0.1:
        return data[: dice.randrange(len(data) + 1)]
    if how < 0.2:
        at = dice.randrange(len(data) + 1)
        return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
    if how < 0.26:
        depth = dice.choice([60, 500, 1_100, 20_000])
        left, right = dice.choice([(b"[", b"]"), (b'{"a":', b"}")])
        return data[:-1] + b',"body":' + left * depth + b"1" + right * depth + data[-1:]
    if how < 0.3:
        return dice.choice(
            [b"", b"null", b"NaN", b'{"status": NaN}', b"\xff\xfe", b"[1,", b"1" * 5_000]
        )
    return data


PYTHON: Final = [
    "float('nan')", "{1: 2}", "{'status': float('inf')}", "set()", "b'x'", "object()", "(1, 2)",
    "nested(900)", "nested(3000)", "nested(100000)", "{None: None}", "1 / 0", "exit(3)", "os._exit(4)",
    "quit()", "[].x", "int('9' * 5000)", "10 ** 5000", "'\\ud83d'", "{'status': '200', 'body': '\\ud83d'}",
    "{'statusCode': 200, 'body': '\\udc00'}", "{'statusCode': 200, 'headers': {'x-a': '\\ud83d'}}",
    "lambda: 1", "Ellipsis", "recursive()", "raise_(SystemExit)", "raise_(KeyboardInterrupt)",
    "raise_(BaseException('x'))", "raise_(RecursionError())", "raise_(Odd())", "Odd()",
    "print('\\ud83d')", "print('x' * 70000)", "sys.stdout.close()", "sys.stderr.close()", "os.close(1)",
    "{'status': '200', 'body': 'x' * 7000000}", "{'statusCode': 200, 'body': 'x' * 2000000}",
    "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 11)", "raise_(UnicodeDecodeError('x', b'x', 0, 1, 'y'))",
]  # fmt: skip
"""Expressions whose value, or whose failure, a Python function hands in."""

NODE: Final = [
    "NaN", "undefined", "10n", "{a: 10n}", "Symbol('x')", "() => 1", "new Map([[1, 2]])", "circular()",
    "nested(900)", "nested(3000)", "nested(100000)", "Buffer.from('x')", "new Date(NaN)", "null.x",
    "process.exit(3)", "process.abort()", "Promise.reject()", "Promise.reject(null)", "raise(undefined)",
    "raise('text')", "raise({a: 1})", "'\\ud83d'", "{status: '200', body: '\\udc00'}", "{toJSON() { throw 1 }}",
    "{toJSON() { return undefined }}", "{statusCode: 200, body: '\\ud83d'}", "new Promise(() => {})",
    "console.log('x'.repeat(70000))", "process.stdout.end()",
    "process.kill(process.pid, 'SIGKILL')", "{statusCode: 200, body: 'x'.repeat(2000000)}", "new Proxy({}, {})",
]  # fmt: skip
"""The same for Node.js. A timer that throws later is left out: it costs the next one, as on AWS."""
