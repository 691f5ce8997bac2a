"""viewer-request: asks for a user name and a password (demo / demo) before anything is served."""

import base64

EXPECTED = "Basic " + base64.b64encode(b"demo:demo").decode()


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    given = request["headers"].get("authorization", [])
    if given and given[0]["value"] == EXPECTED:
        return request
    return {
        "status": "401",
        "statusDescription": "Unauthorized",
        "headers": {
            "www-authenticate": [{"key": "WWW-Authenticate", "value": 'Basic realm="edgegw demo"'}],
            "content-type": [{"key": "Content-Type", "value": "text/html; charset=utf-8"}],
            "cache-control": [{"key": "Cache-Control", "value": "no-store"}],
        },
        "body": "<h1>401</h1><p>User name and password are both <b>demo</b>.</p>",
    }
