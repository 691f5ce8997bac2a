"""A Flask application behind a load balancer that signs users in.

It believes nobody but its load balancer: `x-amzn-oidc-data` must be signed by one of AWS's keys,
and the signer must be the load balancer whose ARN is in `SIGNER`.

    SIGNER=arn:aws:elasticloadbalancing:… PUBLIC_KEYS=http://127.0.0.1:4901 flask --app app run
"""

import base64
import json
import os
import re
import urllib.request
from functools import lru_cache

import jwt
from flask import Flask, abort, request

REGION = os.environ.get("AWS_REGION", "us-east-1")
PUBLIC_KEYS = os.environ.get("PUBLIC_KEYS", f"https://public-keys.auth.elb.{REGION}.amazonaws.com")
SIGNER = os.environ["SIGNER"]
KEY_ID = re.compile(r"[0-9a-f-]{36}")

app = Flask(__name__)


@lru_cache(maxsize=16)
def public_key(key_id: str) -> bytes:
    url = f"{PUBLIC_KEYS}/{key_id}"  # of our own setting, and the id is a UUID
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return answer.read()


def user() -> dict:
    """The claims of who is signed in; 403 for a request that did not come that way."""
    data = request.headers.get("x-amzn-oidc-data", "")
    try:
        header = json.loads(base64.urlsafe_b64decode(data.split(".")[0]))
        if header.get("signer") != SIGNER or not KEY_ID.fullmatch(header.get("kid", "")):
            abort(403)
        return jwt.decode(data, public_key(header["kid"]), algorithms=["ES256"])
    except (ValueError, AttributeError, OSError, jwt.InvalidTokenError):
        abort(403)


@app.get("/")
def hello() -> dict:
    claims = user()
    return {"hello": claims.get("email", claims["sub"])}


@app.get("/log-out")
def log_out():
    """Ends the session at the load balancer; the provider's own session ends at the provider."""
    answer = app.make_response(("You are signed out.\n", 200))
    for number in range(4):
        answer.delete_cookie(f"AWSELBAuthSessionCookie-{number}", secure=True, httponly=True)
    return answer
