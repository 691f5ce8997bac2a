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


def hook(event, context):
    print("hook got", sorted(event))


def reporting_hook(event, context):
    """Reports `Failed` to CodeDeploy, as boto3's codedeploy client would."""
    import json
    import urllib.request

    body = {
        "deploymentId": event["DeploymentId"],
        "lifecycleEventHookExecutionId": event["LifecycleEventHookExecutionId"],
        "status": "Failed",
    }
    request = urllib.request.Request(
        os.environ["CODEDEPLOY"],
        json.dumps(body).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus",
        },
    )
    assert urllib.request.urlopen(request).status == 200
