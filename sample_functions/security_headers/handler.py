"""viewer-response: security headers on every page."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def handler(event, context):
    response = event["Records"][0]["cf"]["response"]
    for name, value in HEADERS.items():
        response["headers"][name.lower()] = [{"key": name, "value": value}]
    return response
