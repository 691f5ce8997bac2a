"""A Lambda target in Python: says hello, and what the load balancer told it."""

import json
import platform


def handler(event, context):
    query, headers = event.get("queryStringParameters", {}), event.get("headers", {})
    name = query.get("name", "world")
    print("hello to", name)
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(
            {
                "message": f"Hello {name} from Python {platform.python_version()}",
                "path": event.get("path"),
                "trace": headers.get("x-amzn-trace-id"),
                "function": context.function_name,
            }
        ),
    }
