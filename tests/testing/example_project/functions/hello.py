"""A target of the load balancer."""


def handler(event, context):
    name = event["queryStringParameters"].get("name", "world")
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": f"hello {name}"}
