"""An A/B split: origin-request picks the page, origin-response remembers the bucket in a cookie."""

import random
from http.cookies import SimpleCookie


def assign(event, context):
    request = event["Records"][0]["cf"]["request"]
    cookies = SimpleCookie()
    for line in request["headers"].get("cookie", []):
        cookies.load(line["value"])
    known = cookies["bucket"].value if "bucket" in cookies else None
    bucket = known if known in ("a", "b") else random.choice("ab")
    request["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
    if request["uri"] in ("/", "/index.html"):
        request["uri"] = f"/index-{bucket}.html"
        print(f"bucket {bucket}: {request['uri']}")
    return request


def remember(event, context):
    exchange = event["Records"][0]["cf"]
    response = exchange["response"]
    bucket = exchange["request"]["headers"]["x-bucket"][0]["value"]
    response["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
    cookie = f"bucket={bucket}; Path=/; Max-Age=86400; SameSite=Lax"
    response["headers"].setdefault("set-cookie", []).append({"key": "Set-Cookie", "value": cookie})
    return response
