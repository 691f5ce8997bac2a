"""Viewer-request: lets in who has the cookie, sends others to the log-in page."""


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    cookies = [line["value"] for line in request["headers"].get("cookie", [])]
    if any("user=" in line for line in cookies):
        return request
    location = [{"key": "Location", "value": f"/login?next={request['uri']}"}]
    return {"status": "302", "headers": {"location": location}}
