"""A Lambda target whose path says what it does."""

import json
import os
import time

_METRICS = {
    "Namespace": "Shop",
    "Dimensions": [["Kind"]],
    "Metrics": [{"Name": "Orders", "Unit": "Count"}],
}


def handler(event, context):
    path = event.get("path", "/")
    if path == "/boom":
        raise ValueError("no such order")
    if path == "/order":
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [_METRICS]}
        print(json.dumps({"_aws": about, "Kind": "book", "Orders": [1, 2]}))
    body = json.dumps(
        {"trace": os.environ["_X_AMZN_TRACE_ID"], "daemon": os.environ["AWS_XRAY_DAEMON_ADDRESS"]}
    )
    return {
        "statusCode": 404 if path == "/missing" else 200,
        "body": body,
        "headers": {"content-type": "application/json"},
    }
