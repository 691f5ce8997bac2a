"""A Lambda target with multi-value headers: gives back the body as it came, and every X- header."""


def handler(event, context):
    headers = {
        name: values
        for name, values in event["multiValueHeaders"].items()
        if name.startswith("x-") and not name.startswith(("x-amz", "x-forwarded-"))
    }
    content_type = event["multiValueHeaders"].get("content-type", ["application/octet-stream"])
    return {
        "statusCode": 200,
        "multiValueHeaders": {**headers, "Content-Type": content_type[-1:]},
        "body": event["body"],
        "isBase64Encoded": event["isBase64Encoded"],
    }
