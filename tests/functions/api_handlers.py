import os


def echo(event, context):
    print("echoing")
    given = context.client_context
    return {
        "event": event,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "request_id": context.aws_request_id,
        "initialization_type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "client_context": given and [given.custom, given.env, given.client.app_title],
    }
