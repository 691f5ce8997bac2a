"""The rules of Lambda@Edge as one table: what each demands, what breaking it leads to.

The functions that judge stand in `header_rules`, `trigger_rules`, `origin_rules` (results) and in
`deployment_rules`; each names its rule from here. `docs/lambda-edge-rules.md` has an example of
each. The page texts are the observed ones.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.edge_rule import RESTRICTIONS_PAGE, EdgeRule
from edgegw.cloudfront.triggers import REQUEST_TRIGGERS, Trigger

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
EVENT_PAGE: Final = _GUIDE + "lambda-event-structure.html"
ALL_EDGE_PAGE: Final = _GUIDE + "edge-function-restrictions-all.html"
GENERATING_PAGE: Final = _GUIDE + "lambda-generating-http-responses.html"
BODY_PAGE: Final = _GUIDE + "lambda-include-body-access.html"
QUOTAS_PAGE: Final = _GUIDE + "cloudfront-limits.html"
CUSTOM_HEADERS_PAGE: Final = _GUIDE + "add-origin-custom-headers.html"
STATUS_502_PAGE: Final = _GUIDE + "http-502-bad-gateway.html"
STATUS_503_PAGE: Final = _GUIDE + "http-503-service-unavailable.html"
CHOOSING_PAGE: Final = _GUIDE + "edge-functions-choosing.html"

_FAILED: Final = "The Lambda function result failed validation: "
_INVALID_JSON: Final = "The Lambda function returned invalid JSON: "
_ORIGIN: Final = "The Lambda function returned an invalid origin configuration: "

READ_ONLY_TEXT: Final = f"{_FAILED}The function tried to add, delete, or change a read-only header."
DISALLOWED_TEXT: Final = f"{_FAILED}The function tried to add a blacklisted header."
BODY_TEXT: Final = (
    f"{_FAILED}The body is not a string, is not an object, or exceeds the maximum size."
)
NOT_PARSABLE_TEXT: Final = f"{_INVALID_JSON}The JSON output is not parsable."
NOT_OBJECT_TEXT: Final = f"{_INVALID_JSON}The JSON output must be an object type."
HEADERS_TEXT: Final = (
    "The Lambda function returned an invalid entry in the headers object: "
    "Each header entry in the headers object must be an array."
)
ORIGIN_HEADER_TEXT: Final = f"{_ORIGIN}One or more HeaderName or HeaderValue values are invalid."
ORIGIN_DOMAIN_TEXT: Final = f"{_ORIGIN}The value of DomainName is invalid."
ORIGIN_TEXT: Final = f"{_ORIGIN}The value is invalid."
URI_TEXT: Final = "The Lambda function returned an invalid URI format."
"""Only its last three words are observed."""
GENERIC_TEXT: Final = "The Lambda function returned an invalid request or response to CloudFront."
EXECUTION_TEXT: Final = (
    "The Lambda function associated with the CloudFront distribution is invalid or doesn't have "
    "the required permissions."
)
THROTTLED_TEXT: Final = (
    "The Lambda function associated with the CloudFront distribution was throttled."
)

_VIEWER_REQUEST: Final[tuple[Trigger, ...]] = ("viewer-request",)
_ORIGIN_REQUEST: Final[tuple[Trigger, ...]] = ("origin-request",)
_ORIGIN_RESPONSE: Final[tuple[Trigger, ...]] = ("origin-response",)
_VIEWER_RESPONSE: Final[tuple[Trigger, ...]] = ("viewer-response",)

# The shape of a result

NOT_JSON: Final = EdgeRule(
    "lambda-edge.result-not-json",
    "The result is JSON.",
    NOT_PARSABLE_TEXT,
    STATUS_502_PAGE,
)
TOO_LARGE: Final = EdgeRule(
    "lambda-edge.result-too-large",
    "The result has at most 6 MB, as every synchronous Lambda response.",
    NOT_PARSABLE_TEXT,
    STATUS_502_PAGE,
)
NOT_OBJECT: Final = EdgeRule(
    "lambda-edge.result-not-object",
    "The result is an object: the request or the response.",
    NOT_OBJECT_TEXT,
    STATUS_502_PAGE,
)
WHOLE_EVENT: Final = EdgeRule(
    "lambda-edge.whole-event",
    "The result is the request or the response inside the event, not the event.",
    HEADERS_TEXT,
    GENERATING_PAGE,
)
UNKNOWN_FIELD: Final = EdgeRule(
    "lambda-edge.unknown-field",
    "The result has only the fields that CloudFront knows.",
    GENERIC_TEXT,
    EVENT_PAGE,
    lenient="ignored",
    point="unknown_field",
)

# Headers

HEADERS_OBJECT: Final = EdgeRule(
    "lambda-edge.headers-object",
    "headers is an object.",
    HEADERS_TEXT,
    EVENT_PAGE,
)
HEADER_ARRAY: Final = EdgeRule(
    "lambda-edge.header-array",
    "Each entry of headers is an array of objects with key and value.",
    HEADERS_TEXT,
    EVENT_PAGE,
)
HEADER_STRING: Final = EdgeRule(
    "lambda-edge.header-string",
    "key (where given) and value of a header are strings.",
    HEADERS_TEXT,
    EVENT_PAGE,
)
HEADER_VALUE_LIST: Final = EdgeRule(
    "lambda-edge.header-value-list",
    "The value of a header is one string, not an array of strings.",
    HEADERS_TEXT,
    EVENT_PAGE,
    lenient="passed on",
    point="header_value_list",
)
EMPTY_HEADER_LIST: Final = EdgeRule(
    "lambda-edge.empty-header-list",
    "A header is removed by deleting its name, not by an empty array.",
    HEADERS_TEXT,
    EVENT_PAGE,
    lenient="ignored",
    point="empty_header_list",
)
HEADER_KEY: Final = EdgeRule(
    "lambda-edge.header-key",
    "key spells the name that the entry stands under.",
    GENERIC_TEXT,
    EVENT_PAGE,
    lenient="ignored",
    point="header_key_mismatch",
)
HEADER_NAME: Final = EdgeRule(
    "lambda-edge.header-name",
    "A header name is made of letters, digits and !#$%&'*+-.^_`|~.",
    GENERIC_TEXT,
    ALL_EDGE_PAGE,
)
HEADER_VALUE: Final = EdgeRule(
    "lambda-edge.header-value",
    "A header value holds no control characters.",
    GENERIC_TEXT,
    ALL_EDGE_PAGE,
)
DISALLOWED_HEADER: Final = EdgeRule(
    "lambda-edge.disallowed-header",
    "Functions do not add the headers that CloudFront keeps for itself.",
    DISALLOWED_TEXT,
    ALL_EDGE_PAGE,
    lenient="passed on",
)
VIEWER_COUNTRY: Final = EdgeRule(
    "lambda-edge.viewer-country-header",
    "viewer-request does not add CloudFront-Viewer-Country.",
    DISALLOWED_TEXT,
    RESTRICTIONS_PAGE,
    _VIEWER_REQUEST,
    lenient="passed on",
)
READ_ONLY_HEADER: Final = EdgeRule(
    "lambda-edge.read-only-header",
    "Read-only headers of the trigger are not added, changed or deleted.",
    READ_ONLY_TEXT,
    ALL_EDGE_PAGE,
    lenient="ignored",
)
READ_ONLY_KEY: Final = EdgeRule(
    "lambda-edge.read-only-header-key",
    "Read-only headers keep their spelling.",
    READ_ONLY_TEXT,
    ALL_EDGE_PAGE,
    lenient="ignored",
    point="read_only_header_key",
)
LOCATION_ENCODING: Final = EdgeRule(
    "lambda-edge.location-encoding",
    "Location is percent-encoded: characters beyond ASCII reach the viewer as question marks.",
    source=GENERATING_PAGE,
)

# The request

URI: Final = EdgeRule(
    "lambda-edge.uri",
    "uri is a string that starts with / and holds no blanks or control characters.",
    URI_TEXT,
    EVENT_PAGE,
    REQUEST_TRIGGERS,
)
QUERYSTRING: Final = EdgeRule(
    "lambda-edge.querystring",
    "querystring is a string without blanks, control characters and #.",
    URI_TEXT,
    RESTRICTIONS_PAGE,
    REQUEST_TRIGGERS,
)
URL_LENGTH: Final = EdgeRule(
    "lambda-edge.url-length",
    "uri and querystring together have fewer than 8,192 characters.",
    URI_TEXT,
    RESTRICTIONS_PAGE,
    REQUEST_TRIGGERS,
    lenient="passed on",
)
METHOD: Final = EdgeRule(
    "lambda-edge.method",
    "method is read-only.",
    GENERIC_TEXT,
    EVENT_PAGE,
    REQUEST_TRIGGERS,
    lenient="ignored",
    point="changed_read_only_field",
)
CLIENT_IP: Final = EdgeRule(
    "lambda-edge.client-ip",
    "clientIp is read-only.",
    GENERIC_TEXT,
    EVENT_PAGE,
    REQUEST_TRIGGERS,
    lenient="ignored",
    point="changed_read_only_field",
)
VIEWER_REQUEST_ORIGIN: Final = EdgeRule(
    "lambda-edge.viewer-request-origin",
    "Only origin-request has an origin to change.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _VIEWER_REQUEST,
    lenient="ignored",
    point="viewer_request_origin",
)

# The request's body

REQUEST_BODY: Final = EdgeRule(
    "lambda-edge.request-body",
    "The body of a request is an object.",
    BODY_TEXT,
    BODY_PAGE,
    REQUEST_TRIGGERS,
)
BODY_ACTION: Final = EdgeRule(
    "lambda-edge.body-action",
    "body.action is read-only or replace.",
    BODY_TEXT,
    BODY_PAGE,
    REQUEST_TRIGGERS,
    lenient="ignored",
)
BODY_ENCODING: Final = EdgeRule(
    "lambda-edge.body-encoding",
    "body.encoding of a request, bodyEncoding of a response, is text or base64.",
    BODY_TEXT,
    BODY_PAGE,
    ("viewer-request", "origin-request", "origin-response"),
)
BODY_STRING: Final = EdgeRule(
    "lambda-edge.body-string",
    "The body of a response, and body.data of a request, is a string.",
    BODY_TEXT,
    GENERATING_PAGE,
    ("viewer-request", "origin-request", "origin-response"),
)
BODY_BASE64: Final = EdgeRule(
    "lambda-edge.body-base64",
    "A body whose encoding is base64 is valid base64.",
    BODY_TEXT,
    GENERATING_PAGE,
    ("viewer-request", "origin-request", "origin-response"),
)
BODY_SIZE: Final = EdgeRule(
    "lambda-edge.body-size",
    "A replaced request body has at most 40 KB at viewer-request, 1 MB at origin-request.",
    BODY_TEXT,
    RESTRICTIONS_PAGE,
    REQUEST_TRIGGERS,
    lenient="passed on",
)
BODY_EDIT_IGNORED: Final = EdgeRule(
    "lambda-edge.body-edit-ignored",
    "An edit of the body takes effect with action replace only.",
    source=BODY_PAGE,
    triggers=REQUEST_TRIGGERS,
)
TRUNCATED_BODY: Final = EdgeRule(
    "lambda-edge.truncated-body",
    "A body that the function saw truncated loses its rest when it is replaced.",
    source=BODY_PAGE,
    triggers=REQUEST_TRIGGERS,
)

# The response

STATUS: Final = EdgeRule(
    "lambda-edge.status",
    "status is a string or a number from 200 to 599.",
    GENERIC_TEXT,
    RESTRICTIONS_PAGE,
)
STATUS_DESCRIPTION: Final = EdgeRule(
    "lambda-edge.status-description",
    "statusDescription is a string on one line.",
    GENERIC_TEXT,
    EVENT_PAGE,
)
RESPONSE_SIZE: Final = EdgeRule(
    "lambda-edge.response-size",
    "A response from a function has at most 40 KB at viewer-request, else 1 MB, headers included.",
    BODY_TEXT,
    QUOTAS_PAGE,
    ("viewer-request", "origin-request", "origin-response"),
    lenient="passed on",
)
NO_CONTENT: Final = EdgeRule(
    "lambda-edge.no-content-body",
    "A generated response with status 204 has no body.",
    BODY_TEXT,
    GENERATING_PAGE,
    _VIEWER_REQUEST,
    lenient="ignored",
)
ORIGIN_NO_CONTENT: Final = EdgeRule(
    "lambda-edge.origin-no-content-body",
    "A response with status 204 has no body, at origin-request as well.",
    BODY_TEXT,
    GENERATING_PAGE,
    _ORIGIN_REQUEST,
    lenient="ignored",
    point="origin_request_204_body",
)
VIEWER_RESPONSE_STATUS: Final = EdgeRule(
    "lambda-edge.viewer-response-status",
    "viewer-response leaves the status as it is.",
    GENERIC_TEXT,
    RESTRICTIONS_PAGE,
    _VIEWER_RESPONSE,
    lenient="ignored",
    point="viewer_response_status",
)
VIEWER_RESPONSE_BODY: Final = EdgeRule(
    "lambda-edge.viewer-response-body",
    "viewer-response sets no body; origin-response can.",
    BODY_TEXT,
    GENERATING_PAGE,
    _VIEWER_RESPONSE,
    lenient="ignored",
    point="viewer_response_body",
)
KEPT_CONTENT_ENCODING: Final = EdgeRule(
    "lambda-edge.kept-content-encoding",
    "With a new body goes the origin's Content-Encoding.",
    source=GENERATING_PAGE,
    triggers=_ORIGIN_RESPONSE,
)

# The origin

ORIGIN_SHAPE: Final = EdgeRule(
    "lambda-edge.origin",
    "origin is an object with exactly one of custom and s3.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_DOMAIN: Final = EdgeRule(
    "lambda-edge.origin-domain",
    "domainName is a host name of at most 253 characters (s3: 128), no address, without port.",
    ORIGIN_DOMAIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_ADDRESS: Final = EdgeRule(
    "lambda-edge.origin-address",
    "domainName is no IP address (those of this machine pass here, for local origins).",
    ORIGIN_DOMAIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
    lenient="passed on",
)
ORIGIN_PATH: Final = EdgeRule(
    "lambda-edge.origin-path",
    "path is empty, or starts with / and does not end with it, encoded, 255 characters at most.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_PORT: Final = EdgeRule(
    "lambda-edge.origin-port",
    "port is 80, 443 or 1024 to 65535.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_PROTOCOL: Final = EdgeRule(
    "lambda-edge.origin-protocol",
    "protocol is http or https.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_READ_TIMEOUT: Final = EdgeRule(
    "lambda-edge.origin-read-timeout",
    "readTimeout is a whole number of seconds from 1 to 120.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_KEEPALIVE: Final = EdgeRule(
    "lambda-edge.origin-keepalive-timeout",
    "keepaliveTimeout of a custom origin is a whole number of seconds from 1 to 120.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_COMPLETION: Final = EdgeRule(
    "lambda-edge.origin-response-completion-timeout",
    "responseCompletionTimeout is 0, or a number of seconds no smaller than readTimeout.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_SSL: Final = EdgeRule(
    "lambda-edge.origin-ssl-protocols",
    "sslProtocols of a custom origin is a list out of TLSv1.2, TLSv1.1, TLSv1 and SSLv3.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_AUTH: Final = EdgeRule(
    "lambda-edge.origin-auth-method",
    "authMethod of an s3 origin is none or origin-access-identity.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_REGION: Final = EdgeRule(
    "lambda-edge.origin-region",
    "region of an s3 origin is a string, and named with origin-access-identity.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
    lenient="passed on",
    point="incomplete_origin",
)
ORIGIN_INCOMPLETE: Final = EdgeRule(
    "lambda-edge.origin-incomplete",
    "origin has all its fields; only customHeaders and responseCompletionTimeout may be left out.",
    ORIGIN_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
    lenient="passed on",
    point="incomplete_origin",
)
ORIGIN_HEADER: Final = EdgeRule(
    "lambda-edge.origin-header",
    "customHeaders are well-formed and hold no header that CloudFront refuses there.",
    ORIGIN_HEADER_TEXT,
    CUSTOM_HEADERS_PAGE,
    _ORIGIN_REQUEST,
)
ORIGIN_HEADER_TWICE: Final = EdgeRule(
    "lambda-edge.origin-header-twice",
    "A name in customHeaders does not stand in the request's headers as well.",
    ORIGIN_HEADER_TEXT,
    EVENT_PAGE,
    _ORIGIN_REQUEST,
    lenient="passed on",
)
ORIGIN_HOST: Final = EdgeRule(
    "lambda-edge.origin-host",
    "With a new domainName goes a new Host header: CloudFront does not adjust it.",
    source=EVENT_PAGE,
    triggers=_ORIGIN_REQUEST,
)

# Functions that fail

EXECUTION_ERROR: Final = EdgeRule(
    "lambda-edge.execution-error",
    "The function returns: it raises nothing, rejects nothing and does not crash.",
    EXECUTION_TEXT,
    STATUS_503_PAGE,
    about="fault",
)
TIMED_OUT: Final = EdgeRule(
    "lambda-edge.timed-out",
    "The function returns within its timeout.",
    EXECUTION_TEXT,
    STATUS_503_PAGE,
    about="fault",
)
NOT_INVOCABLE: Final = EdgeRule(
    "lambda-edge.not-invocable",
    "The function exists and CloudFront may invoke it.",
    EXECUTION_TEXT,
    STATUS_503_PAGE,
    about="fault",
)
THROTTLED: Final = EdgeRule(
    "lambda-edge.throttled",
    "The function's concurrency and rate are not used up.",
    THROTTLED_TEXT,
    STATUS_503_PAGE,
    about="fault",
)

# What AWS refuses, ignores or is silent about when a function is put at a trigger


def _deployment(name: str, demands: str, source: str = RESTRICTIONS_PAGE) -> EdgeRule:
    return EdgeRule(f"lambda-edge.{name}", demands, source=source, about="deployment")


VERSION: Final = _deployment(
    "version", "A trigger names a published version: no $LATEST, no alias, no bare name."
)
REGION: Final = _deployment("region", "Functions of triggers live in us-east-1.")
ENVIRONMENT: Final = _deployment(
    "environment", "A function at the edge has no environment variables of its own."
)
LAYERS: Final = _deployment("layers", "A function at the edge has no layers.")
VPC: Final = _deployment("vpc", "A function at the edge is in no VPC.")
ARCHITECTURE: Final = _deployment("architecture", "A function at the edge runs on x86_64.")
PACKAGE_TYPE: Final = _deployment(
    "package-type", "A function at the edge is a zip package, no container image."
)
RUNTIME: Final = _deployment(
    "runtime", "A function at the edge has a managed runtime of Node.js or Python."
)
ENDED_RUNTIME: Final = _deployment(
    "ended-runtime",
    "The runtime is one that AWS still takes new functions for.",
    "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html",
)
TIMEOUT_QUOTA: Final = _deployment(
    "timeout-quota", "The timeout is at most 30 seconds.", QUOTAS_PAGE
)
MEMORY_QUOTA: Final = _deployment(
    "memory-quota",
    "At viewer triggers 128 MB are safe: AWS's pages contradict each other on more.",
    CHOOSING_PAGE,
)
PACKAGE_SIZE: Final = _deployment("package-size", "The zip package has at most 50 MB.", QUOTAS_PAGE)
STORAGE_QUOTA: Final = _deployment("storage-quota", "Ephemeral storage is at most 512 MB.")
PROVISIONED: Final = _deployment(
    "provisioned-concurrency", "A function at the edge has no provisioned concurrency."
)
DEAD_LETTER: Final = _deployment("dead-letter", "A function at the edge has no dead-letter queue.")
TRACING: Final = _deployment("tracing", "A function at the edge is not traced with X-Ray.")
KMS_KEY: Final = _deployment(
    "kms-key", "The package of a function at the edge is not encrypted with a key of one's own."
)
RUNTIME_MANAGEMENT: Final = _deployment(
    "runtime-management", "Runtime updates of a function at the edge are automatic."
)
INCLUDE_BODY: Final = _deployment(
    "include-body", "Only viewer-request and origin-request include the body.", BODY_PAGE
)
TWO_FUNCTIONS: Final = _deployment(
    "two-functions", "A behavior has one function for each trigger.", QUOTAS_PAGE
)
MIXED_FUNCTIONS: Final = _deployment(
    "mixed-functions",
    "A behavior has not both Lambda@Edge and CloudFront Functions on viewer triggers.",
    ALL_EDGE_PAGE,
)
FUNCTION_COUNT: Final = _deployment(
    "functions-per-distribution",
    "A distribution has at most 100 functions at its triggers.",
    QUOTAS_PAGE,
)
STRICT_OFF: Final = _deployment(
    "strict-off", "The gateway judges as strictly as AWS does.", STATUS_502_PAGE
)
LITERAL_HEADER: Final = _deployment(
    "literal-header",
    "The code touches no disallowed or read-only header (a look at the source, best effort).",
    ALL_EDGE_PAGE,
)
READS_VARIABLE: Final = _deployment(
    "reads-variable",
    "The code reads no environment variable that is not there at the edge (best effort).",
)
ORIGIN_KIND: Final = _deployment(
    "origin-kind",
    "The code uses the kind of origin that its behaviors have (best effort).",
    EVENT_PAGE,
)

# The whole table, in the order of this file

RULES: Final[tuple[EdgeRule, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, EdgeRule)
)

RESULT_RULES: Final = tuple(rule for rule in RULES if rule.about == "result")
"""What a function's result is judged by."""

OUTCOME_RULES: Final = tuple(rule for rule in RULES if rule.about == "fault")
"""What keeps a function from having a result."""

DEPLOYMENT_RULES: Final = tuple(rule for rule in RULES if rule.about == "deployment")
"""What `edgegw check --deploy` looks at."""
