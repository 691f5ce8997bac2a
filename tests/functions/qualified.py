import json


def seen(context):
    return json.dumps({"version": context.function_version, "arn": context.invoked_function_arn})


def target(event, context):
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": seen(context),
    }


def viewer(event, context):
    return {"status": "200", "body": seen(context)}
