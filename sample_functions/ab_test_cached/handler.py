"""An A/B split that may be cached: the bucket is in the cookie, and the cookie in the cache key.

viewer-request gives new viewers a bucket, so that every request has one when the key is made.
origin-request picks the page for a key that is stored. viewer-response runs for hits too, so each
viewer gets the cookie of its own bucket.
"""

import random
from http.cookies import SimpleCookie


def bucket_of(request):
    cookies = SimpleCookie()
    for line in request["headers"].get("cookie", []):
        cookies.load(line["value"])
    known = cookies["bucket"].value if "bucket" in cookies else None
    return known if known in ("a", "b") else None


def assign(event, context):
    request = event["Records"][0]["cf"]["request"]
    if bucket_of(request) is None:
        line = {"key": "Cookie", "value": f"bucket={random.choice('ab')}"}
        request["headers"].setdefault("cookie", []).append(line)
    return request


def pick(event, context):
    request = event["Records"][0]["cf"]["request"]
    if request["uri"] in ("/", "/index.html"):
        request["uri"] = f"/index-{bucket_of(request)}.html"
    return request


def name(event, context):
    exchange = event["Records"][0]["cf"]
    response = exchange["response"]
    bucket = bucket_of(exchange["request"])
    response["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
    return response


def remember(event, context):
    response = event["Records"][0]["cf"]["response"]
    named = response["headers"].get("x-bucket")
    if named:
        cookie = f"bucket={named[0]['value']}; Path=/; Max-Age=86400; SameSite=Lax"
        response["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
    return response
