"""Signature Version 4: what botocore signs holds, anything else does not."""

from __future__ import annotations

from calendar import timegm
from time import strptime
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from edgegw.awslambda.http_events.flow import start_url
from edgegw.awslambda.http_events.signature import (
    Credentials,
    SignatureError,
    check_signature,
    is_signed,
)
from edgegw.awslambda.http_events.steps import HttpAnswer, InvokeHttp, ReadHttpBody
from edgegw.http.message import Body, Headers, Request
from edgegw.http.target import RequestTarget, query_pairs
from tests.awslambda.http_events.fronts import URL_DOMAIN, facts, http_api, request, started, url

KEY = Credentials("ASIAKEY", "secret", "token")


def signed(
    path: str = "/",
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    key: Credentials = KEY,
    region: str = "us-east-1",
    service: str = "lambda",
    presigned: int = 0,
) -> Request:
    """A request as botocore signs it."""
    credentials = BotoCredentials(key.access_key, key.secret_key, key.session_token or None)
    asked = AWSRequest(method, f"https://{URL_DOMAIN}{path}", headers or {}, body)
    if presigned:
        SigV4QueryAuth(credentials, service, region, presigned).add_auth(asked)
    else:
        SigV4Auth(credentials, service, region).add_auth(asked)
    prepared = asked.prepare()
    lines = [(name.encode(), str(text).encode()) for name, text in prepared.headers.items()]
    target = prepared.url.removeprefix(f"https://{URL_DOMAIN}")
    return Request(
        method,
        RequestTarget.parse(target.encode()),
        Headers([(b"Host", URL_DOMAIN.encode()), *lines]),
        Body.of(body),
        scheme="https",
    )


def signed_at(asked: Request) -> float:
    """When it was signed, in seconds since 1970."""
    text = (asked.headers.get(b"x-amz-date") or b"").decode()
    for name, value in query_pairs(asked.target.query or b""):
        text = value.decode() if name == b"X-Amz-Date" else text
    return timegm(strptime(text, "%Y%m%dT%H%M%SZ"))


def checked(asked: Request, *, after: float = 0, **given: Any) -> str:
    """The access key of who signed, or why it does not hold `after` so many seconds."""
    try:
        now = signed_at(asked) + after
    except ValueError:
        now = 0.0
    known = {"body": asked.body.content or b"", "keys": [KEY], "region": "us-east-1", "now": now}
    try:
        return check_signature(asked, **{**known, **given}).access_key
    except SignatureError as error:
        return str(error)


GOOD = [
    {},
    {"path": "/a/b/c"},
    {"path": "/a%20b/ü".replace("ü", "%C3%BC")},
    {"path": "/a%2Fb/"},
    {"path": "/a//b/./c/../d"},
    {"path": "/?b=2&a=1&a=0&c"},
    {"path": "/x?q=%20%2B&z=~-_."},
    {"method": "POST", "body": b'{"a": 1}', "headers": {"Content-Type": "application/json"}},
    {"headers": {"X-Spaced": "  a   b  ", "X-Two": "1,2"}},
    {"key": Credentials("AKIAOTHER", "other")},
    {"presigned": 60},
    {"presigned": 60, "path": "/a?b=c"},
]


@pytest.mark.parametrize("given", GOOD, ids=str)
def test_what_botocore_signs_holds(given: dict[str, Any]) -> None:
    asked = signed(**given)
    assert is_signed(asked)
    key = given.get("key", KEY)
    assert checked(asked, keys=[KEY, key]) == key.access_key


BAD = [
    # how it is signed, what is asked then, why it does not hold
    ({"key": Credentials("ASIAKEY", "wrong", "token")}, {}, "the signature does not match"),
    ({"key": Credentials("ASIANOBODY", "secret", "token")}, {}, "none that functions here get"),
    ({"key": Credentials("ASIAKEY", "secret")}, {}, "session token"),
    ({"region": "eu-west-1"}, {}, "scope"),
    ({"service": "s3"}, {}, "scope"),
    ({}, {"after": 301}, "has expired"),
    ({}, {"after": -301}, "yet to come"),
    ({"presigned": 60}, {"after": 61}, "has expired"),
    ({"method": "POST", "body": b"a"}, {"body": b"b"}, "does not match"),
    (
        {"method": "POST", "body": b"a", "headers": {"x-amz-content-sha256": "0" * 64}},
        {},
        "not the digest of the body",
    ),
]


@pytest.mark.parametrize(("given", "asked", "why"), BAD, ids=[row[2] for row in BAD])
def test_what_does_not_hold_is_explained(
    given: dict[str, Any], asked: dict[str, Any], why: str
) -> None:
    assert why in checked(signed(**given), **asked)


def changed(asked: Request, name: bytes, text: bytes) -> Request:
    return asked.sent(asked.target, asked.headers.replaced(name, text))


def test_a_changed_request_has_no_signature_any_more() -> None:
    asked = signed("/a?b=1", headers={"X-A": "1"})
    assert "does not match" in checked(changed(asked, b"X-A", b"2"))
    assert "does not match" in checked(asked.sent(RequestTarget.parse(b"/a?b=2"), asked.headers))
    assert "does not match" in checked(asked.sent(RequestTarget.parse(b"/b?b=1"), asked.headers))
    assert "no signature" in checked(changed(asked, b"Authorization", b"Bearer x"))
    assert "a time such as" in checked(
        changed(asked, b"X-Amz-Date", asked.headers.get(b"x-amz-date")[:8] or b"")
    )
    assert "not signed" in checked(request("/"))
    assert "seconds" in checked(
        request("/?X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=604801")
    )


IAM = url(auth_type="AWS_IAM")


def asked_of(asked: Request) -> InvokeHttp | HttpAnswer:
    step = start_url(IAM, asked, facts(now=signed_at(asked)), [KEY])
    assert isinstance(step, ReadHttpBody)
    return step.next(asked.body.content or b"", truncated=False)


def test_a_signed_request_shows_who_signed() -> None:
    import json

    step = asked_of(signed("/a", "POST", b"x", {"Content-Type": "text/plain"}))
    assert isinstance(step, InvokeHttp)
    event = json.loads(step.invocation.payload)
    assert event["requestContext"]["accountId"] == "123456789012"
    assert event["requestContext"]["authorizer"] == {
        "iam": {
            "accessKey": "ASIAKEY",
            "accountId": "123456789012",
            "callerId": "AROAEDGEGW0NOTREAL00:edgegw",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:sts::123456789012:assumed-role/edgegw/edgegw",
            "userId": "AROAEDGEGW0NOTREAL00:edgegw",
        }
    }
    assert "authorization" not in event["headers"]
    assert "x-amz-date" in event["headers"]
    assert step.invocation.principal == ""


def test_all_others_get_awss_403_and_the_developer_the_reason() -> None:
    unsigned = started(IAM, request("/"))
    wrong = asked_of(signed(key=Credentials("ASIAKEY", "wrong", "token")))
    for step, why in ((unsigned, "not signed"), (wrong, "does not match")):
        assert isinstance(step, HttpAnswer)
        assert step.response.status == 403
        assert (step.response.body.content or b"").startswith(b'{"Message":"Forbidden. For trouble')
        assert (b"x-amzn-ErrorType", b"AccessDeniedException") in step.response.headers.raw
        assert step.refusal is not None
        assert why in step.refusal.detail


HOSTS = [
    # Host, what is answered to beside, whether a distribution asks, whether it is let in
    (URL_DOMAIN, (), False, True),
    (f"{URL_DOMAIN}:443", (), False, True),
    ("localhost:8090", (), False, True),
    ("127.0.0.1", (), False, True),
    ("box.example", ("box.example",), False, True),
    ("other.lambda-url.us-east-1.on.aws", (), False, False),
    ("evil.example", (), False, False),
    ("evil.example", None, False, True),
    (URL_DOMAIN, (), True, True),
    ("localhost:8081", None, True, False),
]


@pytest.mark.parametrize(("host", "hosts", "is_exact", "is_let_in"), HOSTS)
@pytest.mark.parametrize("kind", ["url", "api"])
def test_a_front_door_answers_to_its_own_host(
    kind: str, host: str, hosts: tuple[str, ...] | None, *, is_exact: bool, is_let_in: bool
) -> None:
    front: Any = url() if kind == "url" else http_api(domain=URL_DOMAIN)
    asked = request("/", headers={"Host": host})
    step = started(front, asked, is_exact=is_exact, hosts=hosts)
    assert isinstance(step, ReadHttpBody) is is_let_in
    if isinstance(step, HttpAnswer):
        page = b'{"Message":null}' if kind == "url" else b'{"message":"Forbidden"}'
        assert (step.response.status, step.response.body.content) == (403, page)
        assert step.refusal is not None
        remedy = "AllViewerExceptHostHeader" if is_exact else "accept_any_host"
        assert remedy in step.refusal.detail


def test_a_body_that_no_event_can_hold_is_a_413() -> None:
    step = started(url(), request("/", "POST"))
    assert isinstance(step, ReadHttpBody)
    assert step.limit == 6 * 1024 * 1024
    refused = step.next(b"", truncated=True)
    assert isinstance(refused, HttpAnswer)
    assert refused.response.status == 413
