"""Runs at viewer-request: redirects old pages, and tells the origin which bucket a viewer is in."""


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    if request["uri"].startswith("/old/"):
        location = request["uri"].replace("/old/", "/new/", 1)
        return {
            "status": "301",
            "statusDescription": "Moved Permanently",
            "headers": {"location": [{"key": "Location", "value": location}]},
        }
    bucket = "a" if int(request["clientIp"].replace(":", ".").split(".")[-1] or 0, 16) % 2 else "b"
    request["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
    return request
