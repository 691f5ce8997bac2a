"""What functions at the edge may return: a row for each rule, as a real function and as a table.

As a function the header `x-row` of the request picks the row. A row changes the object that the
event handed over (`part`: the request, or the response) and answers the result.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

DELETE = object()


class Row(NamedTuple):
    """`code` is the rule that breaks, at the JSON path `path`; empty for what is accepted."""

    name: str
    trigger: str
    code: str
    path: str
    make: Callable[[Any], Any]


def setting(path: str, value: Any) -> Callable[[Any], Any]:
    """A function that sets the item at the dotted `path`; DELETE takes it away."""

    def change(part: Any) -> Any:
        *way, last = path.split(".")
        inner = part
        for name in way:
            inner = inner.setdefault(name, {})
        if value is DELETE:
            inner.pop(last, None)
        else:
            inner[last] = value
        return part

    return change


def header(name: str, value: Any = "1", key: str | None = None) -> Callable[[Any], Any]:
    entry = {"key": key or name, "value": value}
    return lambda part: {**part, "headers": {**part["headers"], name: [entry]}}


def answer(**fields: Any) -> Callable[[Any], Any]:
    """A generated response."""
    return lambda part: fields


def custom(**fields: Any) -> Callable[[Any], Any]:
    """The configured origin with other fields; DELETE takes one away."""

    def change(part: Any) -> Any:
        own = {**part["origin"]["custom"], **fields}
        own = {name: value for name, value in own.items() if value is not DELETE}
        return {**part, "origin": {"custom": own}}

    return change


def s3(**fields: Any) -> Callable[[Any], Any]:
    own = {
        "domainName": "bucket.s3.us-east-1.amazonaws.com",
        "path": "",
        "authMethod": "none",
        "region": "",
        "readTimeout": 30,
        "customHeaders": {},
        **fields,
    }
    own = {name: value for name, value in own.items() if value is not DELETE}
    return lambda part: {**part, "origin": {"s3": own}}


def body(**fields: Any) -> Callable[[Any], Any]:
    return lambda part: {**part, "body": {**part["body"], **fields}}


REQUESTS = ("viewer-request", "origin-request")
RESPONSES = ("origin-response", "viewer-response")
ALL = (*REQUESTS, *RESPONSES)

DISALLOWED = [
    "Connection",
    "Expect",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Trailer",
    "Upgrade",
    "X-Accel-Buffering",
    "X-Accel-Charset",
    "X-Accel-Limit-Rate",
    "X-Accel-Redirect",
    "X-Amz-Cf-Id",
    "X-Amz-Cf-Anything",
    "X-Amzn-Auth",
    "X-Amzn-Cf-Billing",
    "X-Amzn-Cf-Id",
    "X-Amzn-Cf-Xff",
    "X-Amzn-Errortype",
    "X-Amzn-Fle-Profile",
    "X-Amzn-Header-Count",
    "X-Amzn-Header-Order",
    "X-Amzn-Lambda-Integration-Tag",
    "X-Amzn-RequestId",
    "X-Cache",
    "X-Edge-Anything",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "CloudFront-Viewer-Cert-Pem",
    "Client-Cert",
    "Client-Cert-Chain",
]

READ_ONLY = {
    "viewer-request": ("Via", "Transfer-Encoding", "Content-Length", "CDN-Loop", "Host"),
    "origin-request": (
        "Via",
        "Transfer-Encoding",
        "Content-Length",
        "CDN-Loop",
        "Accept-Encoding",
        "If-Modified-Since",
        "If-None-Match",
        "If-Range",
        "If-Unmodified-Since",
    ),
    "origin-response": ("Via", "Transfer-Encoding"),
    "viewer-response": (
        "Via",
        "Transfer-Encoding",
        "Content-Length",
        "Content-Encoding",
        "Warning",
    ),
}
"""As the tables of the guide have them, in their spelling."""

HIDDEN = {"Transfer-Encoding"}
"""Is in no event of these tests, so that it can only be added."""


def read_only_rows() -> list[Row]:
    code, rows = "lambda-edge.read-only-header", list[Row]()
    for trigger, names in READ_ONLY.items():
        for name in names:
            lower = name.lower()
            path = f"headers.{lower}"
            rows.append(Row(f"{name} another value", trigger, code, path, header(lower, "changed")))
            if name in HIDDEN:
                continue
            rows.append(Row(f"{name} deleted", trigger, code, path, setting(path, DELETE)))
            entry = [{"key": name, "value": "2"}]
            rows.append(
                Row(f"{name} twice", trigger, code, path, setting(f"headers.{name.upper()}", entry))
            )
        rows.append(Row("no headers", trigger, code, "headers.via", setting("headers", {})))
    for trigger in REQUESTS:
        for name in READ_ONLY[trigger]:
            headers = {name.lower(): [{"value": "1"}]}
            made = answer(status="200", headers=headers)
            path = f"headers.{name.lower()}"
            rows.append(Row(f"generated with {name}", trigger, code, path, made))
    return rows


def disallowed_rows() -> list[Row]:
    code = "lambda-edge.disallowed-header"
    rows = [
        Row(f"{name} added", trigger, code, f"headers.{name}", header(name))
        for name in DISALLOWED
        for trigger in ALL
    ]
    rows += [
        Row(
            f"generated with {name}",
            trigger,
            code,
            f"headers.{name.lower()}",
            answer(status="200", headers={name.lower(): [{"value": "1"}]}),
        )
        for name in ("Connection", "X-Cache", "X-Edge-Thing")
        for trigger in REQUESTS
    ]
    country = "CloudFront-Viewer-Country"
    return [
        *rows,
        Row(
            f"{country} added",
            "viewer-request",
            "lambda-edge.viewer-country-header",
            f"headers.{country}",
            header(country),
        ),
        Row(f"{country} added", "origin-request", "", "", header(country.lower())),
        Row("CloudFront-Is-Mobile-Viewer", "viewer-request", "", "", header("cloudfront-is-x")),
        *(
            Row(f"{name} added", trigger, "", "", header(name))
            for name in ("te", "x-amzn-other", "if-match", "range", "x-forwarded-for")
            for trigger in REQUESTS
        ),
    ]


def shape_rows() -> list[Row]:
    rows: list[Row] = []
    wrong = {"null": None, "text": "x", "number": 7, "list": [], "true": True}
    for trigger in ALL:
        rows += [
            Row(name, trigger, "lambda-edge.result-not-object", "", lambda part, value=value: value)
            for name, value in wrong.items()
        ]
        rows += [
            Row("event", trigger, "lambda-edge.whole-event", "", lambda part: {"Records": [part]}),
            Row(
                "typo",
                trigger,
                "unknown-field?",
                "statusDescripton",
                setting("statusDescripton", "OK"),
            ),
            Row(
                "headers a list", trigger, "lambda-edge.headers-object", "headers", with_headers([])
            ),
            Row(
                "headers text", trigger, "lambda-edge.headers-object", "headers", with_headers("x")
            ),
            *header_shape_rows(trigger),
        ]
    return rows


def with_headers(value: Any) -> Callable[[Any], Any]:
    return setting("headers", value)


def header_shape_rows(trigger: str) -> list[Row]:
    entry = {"key": "X-A", "value": "1"}

    def named(name: str, value: Any) -> Callable[[Any], Any]:
        return lambda part: {**part, "headers": {**part["headers"], name: value}}

    def row(name: str, code: str, path: str, value: Any, header: str = "x-a") -> Row:
        return Row(name, trigger, code, f"headers{path}" if path else "", named(header, value))

    array, string = "lambda-edge.header-array", "lambda-edge.header-string"
    value = "lambda-edge.header-value"
    return [
        row("entry an object", array, ".x-a", entry),
        row("entry text", array, ".x-a", "1"),
        row("entry null", array, ".x-a", None),
        row("entry of texts", string, ".x-a[0]", ["1"]),
        row("value a number", string, ".x-a[0].value", [{"key": "X-A", "value": 1}]),
        row("value null", string, ".x-a[0].value", [{"key": "X-A", "value": None}]),
        row("value missing", string, ".x-a[1].value", [entry, {"key": "X-A"}]),
        row("value an object", string, ".x-a[0].value", [{"key": "X-A", "value": {}}]),
        row("value of mixed list", string, ".x-a[0].value", [{"key": "X-A", "value": ["a", 1]}]),
        row("key a number", string, ".x-a[0].key", [{"key": 1, "value": "a"}]),
        row("value with line break", value, ".x-a[0].value", [{"value": "a\r\nb: c"}]),
        row("value with control", value, ".x-a[0].value", [{"value": "a\x00"}]),
        row("value of list", "header-value-list?", ".x-a[0].value", [{"value": ["a", "b"]}]),
        row("other key", "header-key?", ".x-a[0].key", [{"key": "X-B", "value": "1"}]),
        row("blank in name", "lambda-edge.header-name", '["x a"]', [entry], "x a"),
        row("name empty", "lambda-edge.header-name", '[""]', [entry], ""),
        row("no key", "", "", [{"value": "1"}]),
        row("upper-case name", "", "", [entry], "X-A"),
        row("two values", "", "", [entry, entry]),
        row("empty value", "", "", [{"value": ""}]),
        row("tab in value", "", "", [{"value": "a\tb"}]),
    ]


def request_rows() -> list[Row]:
    rows: list[Row] = []
    for trigger in REQUESTS:
        uri, query = "lambda-edge.uri", "lambda-edge.querystring"
        length = "lambda-edge.url-length"

        def row(name: str, code: str, path: str, value: Any, trigger: str = trigger) -> Row:
            return Row(f"{path} {name}", trigger, code, path, setting(path, value))

        rows += [
            row("without slash", uri, "uri", "a"),
            row("empty", uri, "uri", ""),
            row("missing", uri, "uri", DELETE),
            row("null", uri, "uri", None),
            row("a number", uri, "uri", 7),
            row("with blank", uri, "uri", "/a b"),
            row("with line break", uri, "uri", "/a\nb"),
            row("too long", length, "uri", "/" + "a" * 8192),
            row("with blank", query, "querystring", "a b"),
            row("with hash", query, "querystring", "a#b"),
            row("with control", query, "querystring", "a\x07"),
            row("null", query, "querystring", None),
            row("an object", query, "querystring", {"a": 1}),
            row("changed", "lambda-edge.method", "method", "PUT"),
            row("changed", "lambda-edge.client-ip", "clientIp", "10.1.1.1"),
            Row("method left out", trigger, "", "", setting("method", DELETE)),
            Row("querystring left out", trigger, "", "", setting("querystring", DELETE)),
            Row("uri changed", trigger, "", "", setting("uri", "/b%20c")),
            Row("uri in UTF-8", trigger, "", "", setting("uri", "/ü")),
            Row("longest url", trigger, "", "", long_url),
        ]
        rows.append(
            Row(
                "url too long by its query",
                trigger,
                length,
                "uri",
                lambda part: {**part, "querystring": "q" * (8192 - len(part["uri"]))},
            )
        )
    origin = setting("origin", {"custom": {}})
    rows.append(Row("origin", "viewer-request", "viewer-request-origin?", "origin", origin))
    return rows


def long_url(part: Any) -> Any:
    return {**part, "querystring": "q" * (8191 - len(part["uri"]))}


def body_rows() -> list[Row]:
    rows: list[Row] = []
    for trigger in REQUESTS:
        limit = 40 * 1024 if trigger == "viewer-request" else 1024 * 1024

        def row(name: str, code: str, path: str, make: Any, trigger: str = trigger) -> Row:
            return Row(f"body {name}", trigger, code and f"lambda-edge.{code}", path, make)

        rows += [
            row("text", "request-body", "body", setting("body", "x")),
            row("a list", "request-body", "body", setting("body", [])),
            row(
                "of API Gateway",
                "request-body",
                "body",
                lambda part: {"statusCode": 200, "body": {}},
            ),
            row("action", "body-action", "body.action", body(action="overwrite")),
            row(
                "encoding", "body-encoding", "body.encoding", body(action="replace", encoding="hex")
            ),
            row("data", "body-string", "body.data", body(action="replace", data={"a": 1})),
            row("data null", "body-string", "body.data", body(action="replace", data=None)),
            row("base64", "body-base64", "body.data", body(action="replace", data="name=value")),
            row(
                "too large",
                "body-size",
                "body.data",
                body(action="replace", encoding="text", data="x" * (limit + 1)),
            ),
            row("largest", "", "", body(action="replace", encoding="text", data="x" * limit)),
            row("replaced", "", "", body(action="replace", data="eA==")),
            row("left out", "", "", setting("body", DELETE)),
        ]
        rows.append(
            Row("body edited", trigger, "body-edit-ignored?", "body.action", body(data="eA=="))
        )
    return rows


def response_rows() -> list[Row]:
    rows: list[Row] = []
    for name, value in {
        "199": "199",
        "600": 600,
        "text": "OK",
        "null": None,
        "true": True,
        "fraction": 200.5,
        "list": [200],
        "empty": "",
    }.items():
        code = "lambda-edge.status"
        rows += [
            Row(f"status {name}", each, code, "status", answer(status=value)) for each in REQUESTS
        ]
        rows += [
            Row(f"status {name}", each, code, "status", setting("status", value))
            for each in RESPONSES
        ]
    rows += [
        Row("no status", each, "lambda-edge.status", "status", setting("status", DELETE))
        for each in RESPONSES
    ]
    for trigger in REQUESTS:
        rows += [
            Row("status 200", trigger, "", "", answer(status="200")),
            Row("status a number", trigger, "", "", answer(status=302)),
            Row("status 599", trigger, "", "", answer(status="599")),
            Row("description", trigger, "", "", answer(status="200", statusDescription="Any Text")),
        ]
    for trigger in (*REQUESTS, "origin-response"):
        limit = 40 * 1024 if trigger == "viewer-request" else 1024 * 1024
        is_request = trigger in REQUESTS

        def made(is_request: bool = is_request, **fields: Any) -> Callable[[Any], Any]:
            if is_request:
                return answer(status="200", **fields)
            return lambda part: {**part, "headers": {"via": part["headers"]["via"]}, **fields}

        def row(name: str, code: str, path: str, make: Any, trigger: str = trigger) -> Row:
            return Row(f"response {name}", trigger, code and f"lambda-edge.{code}", path, make)

        rows += [
            row("body null", "body-string", "body", made(body=None)),
            row("body an object", "body-string", "body", made(body={"a": 1})),
            row("body a number", "body-string", "body", made(body=7)),
            row("encoding", "body-encoding", "bodyEncoding", made(body="x", bodyEncoding="gzip")),
            row("base64", "body-base64", "body", made(body="%%", bodyEncoding="base64")),
            row("too large", "response-size", "body", made(body="x" * (limit + 1))),
            row(
                "description", "status-description", "statusDescription", made(statusDescription=7)
            ),
            row(
                "broken", "status-description", "statusDescription", made(statusDescription="a\nb")
            ),
            row("body empty", "", "", made(body="")),
            row("body in base64", "", "", made(body="eA==", bodyEncoding="base64")),
        ]
    headers = {"x-large": [{"value": "v" * 1000}]}
    full = answer(status="200", headers=headers, body="x" * (40 * 1024 - 1000))
    fits = answer(status="200", headers=headers, body="x" * (40 * 1024 - 1011))
    no_content = answer(status="204", body="x")
    moved = answer(status="302", headers={"location": [{"value": "/ä"}]})
    return [
        *rows,
        Row(
            "too large by its headers", "viewer-request", "lambda-edge.response-size", "body", full
        ),
        Row("largest with headers", "viewer-request", "", "", fits),
        Row("204 with body", "viewer-request", "lambda-edge.no-content-body", "body", no_content),
        Row("204 with body", "origin-request", "origin-no-content-body?", "body", no_content),
        Row("location", "viewer-request", "location-encoding?", "headers.location[0].value", moved),
        Row(
            "status changed",
            "viewer-response",
            "lambda-edge.viewer-response-status",
            "status",
            setting("status", "201"),
        ),
        Row("status unchanged as a number", "viewer-response", "", "", setting("status", 200)),
        Row("status changed", "origin-response", "", "", setting("status", 404)),
        Row(
            "body",
            "viewer-response",
            "lambda-edge.viewer-response-body",
            "body",
            setting("body", "x"),
        ),
        Row(
            "body under gzip",
            "origin-response",
            "kept-content-encoding?",
            "headers.content-encoding",
            setting("body", "plain"),
        ),
    ]


UNSETTABLE = [
    "Cache-Control",
    "Connection",
    "Content-Length",
    "Cookie",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Pragma",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Range",
    "Request-Range",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "X-Real-Ip",
    "X-Amz-Thing",
    "X-Edge-Thing",
    "X-Cache",
]


def origin_rows() -> list[Row]:
    trigger = "origin-request"

    def row(name: str, code: str, path: str, make: Any) -> Row:
        full = f"origin.{path}" if path else "origin"
        return Row(f"origin {name}", trigger, code and f"lambda-edge.{code}", full, make)

    def field(name: str, code: str, *values: Any) -> list[Row]:
        return [
            row(f"{name} {value!r:.20}", code, f"custom.{name}", custom(**{name: value}))
            for value in values
        ]

    both = {"custom": {}, "s3": {}}
    header = [{"value": "1"}]
    named = "custom.customHeaders"
    return [
        row("null", "origin", "", setting("origin", None)),
        row("empty", "origin", "", setting("origin", {})),
        row("both", "origin", "", setting("origin", both)),
        row("other", "origin", "", setting("origin", {"ftp": {}})),
        row("text", "origin", "", setting("origin", {"custom": "example.org"})),
        *field(
            "domainName", "origin-domain", "", None, 7, "a:80", "a b", "x" * 254, "a..b", DELETE
        ),
        *field("domainName", "origin-domain", "http://a", "a/b", "::1"),
        *field("domainName", "origin-address", "10.0.0.1", "1.2.3"),
        *field("port", "origin-port", 81, 1023, 65536, 0, "80", True, 443.5, None),
        *field("protocol", "origin-protocol", "ftp", "HTTP", None, 1),
        *field("path", "origin-path", "a", "/a/", "/", "/a b", "/" + "a" * 255, None, 7),
        *field("readTimeout", "origin-read-timeout", 0, 121, 1.5, "30", None),
        *field("keepaliveTimeout", "origin-keepalive-timeout", 0, 121, "5"),
        *field(
            "responseCompletionTimeout", "origin-response-completion-timeout", 5, -1, "60", None
        ),
        *field("sslProtocols", "origin-ssl-protocols", ["TLSv1.3"], "TLSv1.2", None, [1]),
        *field("customHeaders", "origin-header", [], "x"),
        *(
            row(
                f"header {name}",
                "origin-header",
                f"{named}.{name}",
                custom(customHeaders={name: header}),
            )
            for name in UNSETTABLE
        ),
        row("header of text", "origin-header", f"{named}.x-a", custom(customHeaders={"x-a": "1"})),
        row(
            "header value",
            "origin-header",
            f"{named}.x-a[0].value",
            custom(customHeaders={"x-a": [{"value": 1}]}),
        ),
        row(
            "header twice",
            "origin-header-twice",
            f"{named}.X-Row",
            custom(customHeaders={"X-Row": header}),
        ),
        row("bucket too long", "origin-domain", "s3.domainName", s3(domainName="b" * 129)),
        row(
            "bucket in capitals", "origin-domain", "s3.domainName", s3(domainName="Bucket.s3.test")
        ),
        row("auth method", "origin-auth-method", "s3.authMethod", s3(authMethod="oac")),
        row("path of s3", "origin-path", "s3.path", s3(path="a")),
        row("timeout of s3", "origin-read-timeout", "s3.readTimeout", s3(readTimeout=121)),
        Row(
            "origin region",
            trigger,
            "origin-region?",
            "origin.s3.region",
            s3(authMethod="origin-access-identity"),
        ),
        *(
            Row(
                f"origin without {name}",
                trigger,
                "origin-incomplete?",
                f"origin.custom.{name}",
                custom(**{name: DELETE}),
            )
            for name in (
                "port",
                "protocol",
                "path",
                "readTimeout",
                "keepaliveTimeout",
                "sslProtocols",
            )
        ),
        Row(
            "origin host",
            trigger,
            "origin-host?",
            "origin.custom.domainName",
            custom(domainName="b.test"),
        ),
        Row(
            "s3 without timeout",
            trigger,
            "origin-incomplete?",
            "origin.s3.readTimeout",
            s3(readTimeout=DELETE),
        ),
        Row("origin without customHeaders", trigger, "", "", custom(customHeaders=DELETE)),
        Row("origin ports", trigger, "", "", custom(port=1024)),
        Row("origin last port", trigger, "", "", custom(port=65535)),
        Row("origin header", trigger, "", "", custom(customHeaders={"x-new": header})),
        Row("origin timeouts", trigger, "", "", custom(readTimeout=120, keepaliveTimeout=1)),
        Row("origin no limit", trigger, "", "", custom(responseCompletionTimeout=0)),
        Row("origin limit", trigger, "", "", custom(readTimeout=9, responseCompletionTimeout=9)),
        Row("origin path", trigger, "", "", custom(path="/a%20b")),
        Row("origin longest path", trigger, "", "", custom(path="/" + "a" * 254)),
        Row("origin unchanged", trigger, "", "", lambda part: part),
        Row("origin left out", trigger, "", "", setting("origin", DELETE)),
    ]


def spelled(part: Any) -> Any:
    """Every key in capitals, the values as they were."""
    for entries in part["headers"].values():
        for entry in entries:
            entry["key"] = entry["key"].upper()
    return part


def open_rows() -> list[Row]:
    rows: list[Row] = []
    for trigger in ALL:
        path = "headers.via"
        rows += [
            Row("keys in capitals", trigger, "read-only-header-key?", path, spelled),
            Row(
                "empty list",
                trigger,
                "empty-header-list?",
                "headers.x-row",
                setting("headers.x-row", []),
            ),
        ]
    return rows


ROWS = [
    *shape_rows(),
    *disallowed_rows(),
    *read_only_rows(),
    *request_rows(),
    *body_rows(),
    *response_rows(),
    *origin_rows(),
    *open_rows(),
]


def handler(event: Any, context: Any) -> Any:
    cf = event["Records"][0]["cf"]
    trigger = cf["config"]["eventType"]
    part = cf["response"] if "response" in cf else cf["request"]
    asked = cf["request"]["headers"]["x-row"][0]["value"]
    at, mark, name = asked.partition(" ")
    if at != trigger:
        return part
    return ROWS[int(name)].make(part)
