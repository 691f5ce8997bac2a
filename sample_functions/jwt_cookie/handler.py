"""viewer-request: lets in who has a token of the identity provider in the cookie `token`.

Needs no packages: the signature (RS256) is checked as RFC 8017 section 8.2.2 says it.
"""

import hashlib
import hmac
import json
import time
import urllib.request
from base64 import urlsafe_b64decode
from http.cookies import CookieError, SimpleCookie

ISSUER = "http://127.0.0.1:8095"  # of a user pool: https://cognito-idp.REGION.amazonaws.com/POOL
JWKS = ISSUER + "/oauth2/jwks"  # of a user pool: ISSUER + "/.well-known/jwks.json"
CLIENT = "app"
SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # what stands before the digest
MINUTE = 60

keys = {}  # by id, as long as the environment lives
fetched = 0.0


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    try:
        claims = verified(cookie(request, "token"))
    except (ValueError, KeyError, TypeError, CookieError) as error:
        print(f"refused: {error}")  # what is wrong, never the token
        return {
            "status": "401",
            "statusDescription": "Unauthorized",
            "headers": {"cache-control": [{"key": "Cache-Control", "value": "no-store"}]},
            "body": "Sign in first.",
        }
    # Over what a viewer may have sent under this name.
    request["headers"]["x-user"] = [{"key": "X-User", "value": claims["sub"]}]
    return request


def cookie(request, name):
    for header in request["headers"].get("cookie", []):
        crumbs = SimpleCookie(header["value"])
        if name in crumbs:
            return crumbs[name].value
    raise ValueError("there is no cookie")


def verified(token):
    """The claims of a token that is good for us. Raises ValueError, KeyError, TypeError."""
    head, body, signature = token.split(".")
    header = json.loads(decoded(head))
    if header["alg"] != "RS256":  # nothing else, whatever the token says
        raise ValueError("it is not signed by RS256")
    modulus, exponent = key(header["kid"])
    if not fits(f"{head}.{body}".encode(), decoded(signature), modulus, exponent):
        raise ValueError("the signature does not fit")
    claims = json.loads(decoded(body))
    if claims["iss"] != ISSUER:
        raise ValueError("it is another issuer's")
    if CLIENT not in (claims.get("client_id"), claims.get("aud")):
        raise ValueError("it is for another client")
    if not time.time() < claims["exp"]:
        raise ValueError("it has expired")
    return claims


def decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key(name):
    """Modulus and exponent. An unknown id asks the provider, but once a minute at most."""
    global fetched
    if name not in keys and time.time() - fetched > MINUTE:
        fetched = time.time()
        with urllib.request.urlopen(JWKS, timeout=3) as answer:  # noqa: S310 - our own address
            for given in json.load(answer)["keys"]:
                numbers = (int.from_bytes(decoded(given[part]), "big") for part in ("n", "e"))
                keys[given["kid"]] = tuple(numbers)
    return keys[name]


def fits(message, signature, modulus, exponent):
    size = (modulus.bit_length() + 7) // 8
    digest = SHA256 + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - 3 - len(digest)) + b"\x00" + digest
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus:
        return False
    return hmac.compare_digest(pow(number, exponent, modulus).to_bytes(size, "big"), expected)
