"""A Lambda target in Python: says hello, and what the load balancer told it."""

import json
import platform


def handler(event, context):
    name = event["queryStringParameters"].get("name", "world")
    print("hello to", name)
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(
            {
                "message": f"Hello {name} from Python {platform.python_version()}",
                "path": event["path"],
                "trace": event["headers"]["x-amzn-trace-id"],
                "function": context.function_name,
            }
        ),
    }
