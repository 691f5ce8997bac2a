"""The rules of CloudFront Functions as one table: what each demands, what breaking it leads to.

The functions that judge stand in `results`, `origin_change` and `origin_fields`; each names its
rule from here. `docs/cloudfront-functions.md` lists them. Of the page texts those of header names,
of read-only and disallowed headers and of origins are observed, the others made after them
(uncertain).
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.edge_rule import EdgeRule
from edgegw.cloudfront.rule_table import ALL_EDGE_PAGE, STATUS_503_PAGE
from edgegw.cloudfront.triggers import Trigger

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
EVENT_PAGE: Final = _GUIDE + "functions-event-structure.html"
RESTRICTIONS_PAGE: Final = _GUIDE + "cloudfront-function-restrictions.html"
ORIGIN_PAGE: Final = _GUIDE + "helper-functions-origin-modification.html"
FEATURES_PAGE: Final = _GUIDE + "functions-javascript-runtime-20.html"

_INVALID: Final = "The CloudFront function returned an invalid value: "
_TRIED: Final = "The CloudFront function tried to "
ORIGIN_TEXT: Final = "The CloudFront function returned an invalid value for origin rewrite."
EXECUTION_TEXT: Final = (
    "The CloudFront function associated with the CloudFront distribution is invalid or could not "
    "run."
)
THROTTLED_TEXT: Final = (
    "The CloudFront function associated with the CloudFront distribution was throttled."
)
"""Uncertain: AWS's text was never seen."""

_BOTH: Final[tuple[Trigger, ...]] = ("viewer-request", "viewer-response")
_REQUEST: Final[tuple[Trigger, ...]] = ("viewer-request",)
_RESPONSE: Final[tuple[Trigger, ...]] = ("viewer-response",)


def _result(
    name: str,
    demands: str,
    text: str,
    triggers: tuple[Trigger, ...] = _BOTH,
    source: str = EVENT_PAGE,
    *,
    ignored: bool = False,
) -> EdgeRule:
    """A rule of what is returned; `ignored` is what happens with `strict: false`."""
    return EdgeRule(
        f"edge-function.{name}",
        demands,
        _INVALID + text if text and not text.startswith(_TRIED) else text,
        source,
        triggers,
        "ignored" if ignored else "refused",
    )


# The result

RESULT: Final = _result(
    "result", "The result is the request or a response, an object.", "the result must be an object."
)
UNREADABLE: Final = _result(
    *("unreadable-result", "The result is what JSON can express."),
    "the result must be an object.",
)
WHOLE_EVENT: Final = _result(
    "whole-event",
    "The result is the request or the response inside the event, not the event.",
    "the result must be a request or a response.",
)
UNKNOWN_FIELD: Final = _result(
    "unknown-field", "The result has only the fields that CloudFront knows.", ""
)

# Headers

HEADERS_OBJECT: Final = _result(
    "headers-object", "headers is an object.", "headers must be an object."
)
HEADER_CASE: Final = _result(
    "header-case",
    "Header names are in lower case.",
    "{}.headers must have header names in lower case.",
)
HEADER_NAME: Final = _result(
    "header-name",
    "A header name is made of letters, digits and !#$%&'*+-.^_`|~.",
    "{}.headers has an invalid header name.",
)
HEADER_ENTRY: Final = _result(
    "header-entry",
    "Each entry of headers is an object with a value that is a string.",
    "{}.headers must have objects with a value.",
)
HEADER_VALUE: Final = _result(
    "header-value",
    "A header value holds no control characters.",
    "{}.headers has an invalid header value.",
)
DISALLOWED_HEADER: Final = _result(
    "disallowed-header",
    "Functions do not add the headers that CloudFront keeps for itself.",
    f"{_TRIED}add a disallowed header.",
    source=ALL_EDGE_PAGE,
    ignored=True,
)
READ_ONLY_HEADER: Final = _result(
    "read-only-header",
    "Read-only headers of the trigger are not added, changed or deleted.",
    f"{_TRIED}add, delete, or change a read-only header.",
    source=ALL_EDGE_PAGE,
    ignored=True,
)
COOKIE_HEADER: Final = _result(
    "cookie-header", "Cookies stand in cookies, not in headers.cookie or headers['set-cookie'].", ""
)

# Cookies and query

COOKIES_OBJECT: Final = _result(
    "cookies-object", "cookies is an object.", "cookies must be an object."
)
COOKIE_ENTRY: Final = _result(
    "cookie-entry",
    "Each cookie is an object with a value, and attributes if any, that are strings.",
    "{}.cookies must have objects with a value.",
)
COOKIE_VALUE: Final = _result(
    "cookie-value",
    "Names and values of cookies hold no control characters and no semicolon.",
    "{}.cookies has an invalid cookie.",
)
QUERY_ENTRY: Final = _result(
    "query-entry",
    "querystring is a string, or an object of objects with a value.",
    "request.querystring must be an object or a string.",
    _REQUEST,
)
MULTI_VALUE: Final = _result(
    "multi-value",
    "multiValue is an array of objects with a value.",
    "multiValue must be an array of objects with a value.",
)

# The request

URI: Final = _result(
    "uri",
    "uri is a string that starts with / and holds no blanks or control characters.",
    "request.uri must start with a slash.",
    _REQUEST,
)
QUERY: Final = _result(
    "query",
    "The query holds no blanks, control characters and #.",
    "request.querystring has an invalid character.",
    _REQUEST,
    RESTRICTIONS_PAGE,
)
URL_LENGTH: Final = _result(
    "url-length",
    "uri and query together have fewer than 8,192 characters.",
    "request.uri is too long.",
    _REQUEST,
    RESTRICTIONS_PAGE,
)
METHOD: Final = _result(
    "method", "method is read-only.", "request.method is read-only.", _REQUEST, ignored=True
)

# The response

STATUS_CODE: Final = _result(
    "status-code",
    "statusCode is a whole number from 200 to 599.",
    "response.statusCode must be an integer.",
)
STATUS_DESCRIPTION: Final = _result(
    "status-description",
    "statusDescription is a string on one line.",
    "response.statusDescription must be a string.",
)
BODY: Final = _result(
    "body",
    "body is a string, or an object with encoding (text or base64) and data.",
    "response.body must be a string or an object with encoding and data.",
)
BODY_BASE64: Final = _result(
    "body-base64",
    "A body whose encoding is base64 is valid base64.",
    "response.body is not valid base64.",
)
KEPT_CONTENT_ENCODING: Final = _result(
    "kept-content-encoding",
    "With a new body goes the origin's Content-Encoding.",
    "",
    _RESPONSE,
)

# The origin


def _origin(name: str, demands: str) -> EdgeRule:
    return EdgeRule(f"edge-function.{name}", demands, ORIGIN_TEXT, ORIGIN_PAGE, _REQUEST)


ORIGIN_DOMAIN: Final = _origin(
    "origin-domain", "domainName is a host name of at most 253 characters (S3: 128), no address."
)
ORIGIN_HOST: Final = _origin(
    "origin-host", "hostHeader is a host name of at most 253 characters, for custom origins."
)
ORIGIN_HOST_SIGNED: Final = _origin(
    "origin-host-signed", "hostHeader is not together with an origin access control."
)
ORIGIN_PATH: Final = _origin(
    "origin-path", "originPath starts with / and does not end with it, 255 characters at most."
)
ORIGIN_HEADERS: Final = _origin(
    "origin-headers",
    "customHeaders are strings by lower-case name, none that CloudFront refuses there.",
)
ORIGIN_HEADER_TWICE: Final = _origin(
    "origin-header-twice", "A name in customHeaders does not stand in request.headers as well."
)
ORIGIN_ATTEMPTS: Final = _origin("origin-attempts", "connectionAttempts is 1, 2 or 3.")
ORIGIN_TIMEOUTS: Final = _origin(
    "origin-timeouts",
    "timeouts are whole seconds: readTimeout and keepAliveTimeout 1 to 120, connectionTimeout 1 to "
    "10, responseCompletionTimeout no smaller than readTimeout.",
)
ORIGIN_CUSTOM: Final = _origin(
    "origin-custom",
    "customOriginConfig has port, protocol (http or https) and sslProtocols, all three.",
)
ORIGIN_ACCESS: Final = _origin(
    "origin-access",
    "originAccessControlConfig has enabled, signingBehavior, signingProtocol and originType.",
)
ORIGIN_NAMES: Final = _origin(
    "origin-names", "sni and allowedCertificateNames (20 at most, 64 characters each) are names."
)
ORIGIN_ID: Final = _origin("origin-id", "The origin is one of the distribution, by its id.")
ORIGIN_GROUP: Final = _origin(
    "origin-group",
    "An origin group has two origins and failoverCriteria.statusCodes that CloudFront knows.",
)

# Functions that fail

EXECUTION_ERROR: Final = EdgeRule(
    "edge-function.execution-error",
    "The function throws nothing, and stays within its compute utilization and memory.",
    EXECUTION_TEXT,
    STATUS_503_PAGE,
    _BOTH,
    about="fault",
)
NOT_COMPILED: Final = EdgeRule(
    "edge-function.not-compiled",
    "The code is JavaScript that the runtime knows.",
    THROTTLED_TEXT,
    FEATURES_PAGE,
    _BOTH,
    about="fault",
)
THROTTLED: Final = EdgeRule(
    "edge-function.throttled",
    "The function does not exceed its compute utilization time after time.",
    THROTTLED_TEXT,
    STATUS_503_PAGE,
    _BOTH,
    about="fault",
)

EDGE_FUNCTION_RULES: Final[tuple[EdgeRule, ...]] = tuple(
    rule for rule in list(globals().values()) if isinstance(rule, EdgeRule)
)
"""The whole table, in the order of this file."""
