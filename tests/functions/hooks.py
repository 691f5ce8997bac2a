"""Hooks and targets of the tests, in Python."""

import json
import os
import sys
import time

STARTED = time.time()
CALLS = 0


def _request(event):
    return event["Records"][0]["cf"]["request"]


def _response(event):
    return event["Records"][0]["cf"]["response"]


def pass_request(event, context):
    return _request(event)


def pass_response(event, context):
    return _response(event)


def replace_body(event, context):
    request = _request(event)
    request["body"]["action"] = "replace"
    request["body"]["encoding"] = "text"
    request["body"]["data"] = "replaced: " + request["body"]["data"]
    return request


def teapot(event, context):
    return {"status": "418", "statusDescription": "Short And Stout", "body": "tea"}


def to_500(event, context):
    response = _response(event)
    response["status"] = 200
    response["statusDescription"] = "Mended"
    response["body"] = "mended"
    return response


def returns_list(event, context):
    return ["not", "an", "object"]


def raises(event, context):
    raise LookupError("this one raises")


def sleeps(event, context):
    time.sleep(event.get("seconds", 0.3) if isinstance(event, dict) else 0.3)
    return {"pid": os.getpid()}


def meets(event, context):
    """Answers once as many others as the event says are here too, in environments of their own."""
    open(os.path.join(event["place"], context.aws_request_id), "x").close()
    last = time.monotonic() + 60
    while len(os.listdir(event["place"])) < event["count"] and time.monotonic() < last:
        time.sleep(0.05)
    return {"pid": os.getpid()}


def hangs(event, context):
    print("about to hang", flush=True)
    time.sleep(60)


def exits(event, context):
    print("about to exit")
    os._exit(3)


def counts(event, context):
    global CALLS
    CALLS += 1
    print("call", CALLS, file=sys.stderr)
    return {"calls": CALLS, "pid": os.getpid()}


def describes(event, context):
    return {
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "remaining": context.get_remaining_time_in_millis(),
        "group": context.log_group_name,
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "path": sys.path[0],
    }


def unserializable(event, context):
    return {1, 2}


def target(event, context):
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(event),
    }


def echo(event, context):
    return {
        "statusCode": 200,
        "multiValueHeaders": {"Content-Type": ["application/octet-stream"], "X-Twice": ["1", "2"]},
        "body": event["body"],
        "isBase64Encoded": event["isBase64Encoded"],
    }


def answers(event, context):
    """Returns what the request asks for: the JSON in the query parameter `answer`."""
    from urllib.parse import unquote

    return json.loads(unquote(event["queryStringParameters"]["answer"]))


def sleeping_target(event, context):
    import time

    time.sleep(1.5)
    return {"statusCode": 200, "body": "slept"}
