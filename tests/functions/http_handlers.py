"""Handlers of the tests behind function URLs and HTTP APIs."""

import json
import os
import time


def echo(event, context):
    """The event, and the id of the invocation."""
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(
            {
                "event": event,
                "request_id": context.aws_request_id,
                "arn": context.invoked_function_arn,
            }
        ),
    }


def answers(event, context):
    """The result that the query asks for as JSON."""
    return json.loads(event["queryStringParameters"]["result"])


def raises(event, context):
    raise LookupError("this one raises")


def slow(event, context):
    time.sleep(float(os.environ.get("SECONDS_TO_WAIT", "1")))
    return "late"


def large(event, context):
    return "x" * (7 * 1024 * 1024)
