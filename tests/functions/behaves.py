"""Handlers that run under every Python channel: the bundled runtime and AWS's own client."""

import decimal
import logging
import os
import sys
import time

STATE = {"calls": 0}


class OwnError(Exception):
    pass


def counts(event, context):
    STATE["calls"] += 1
    return {"calls": STATE["calls"], "pid": os.getpid()}


def context(event, context):
    return {
        "names": sorted(name for name in dir(context) if not name.startswith("_")),
        "function_name": context.function_name,
        "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "log_group_name": context.log_group_name,
        "log_stream": context.log_stream_name == os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        "identity": [
            context.identity.cognito_identity_id,
            context.identity.cognito_identity_pool_id,
        ],
        "client_context": context.client_context,
        "tenant_id": context.tenant_id,
        "remaining": 0 < context.get_remaining_time_in_millis() <= 10000,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def client_context(event, context):
    found = context.client_context
    client = found.client
    return {
        "custom": found.custom,
        "env": found.env,
        "client": [
            client.installation_id,
            client.app_title,
            client.app_version_name,
            client.app_version_code,
            client.app_package_name,
        ],
    }


def returns(event, context):
    return {
        "none": None,
        "text": "ü",
        "decimal": decimal.Decimal("1.10"),
        "nan": float("nan"),
        "big": 2**70,
        "keys": {1: "one"},
    }


def returns_bytes(event, context):
    return b"\x00raw bytes"


def returns_set(event, context):
    return {1, 2}


def returns_none(event, context):
    return None


def raises(event, context):
    inner()


def inner():
    raise OwnError("with 'quotes' and ü\nand a second line")


def exits(event, context):
    sys.exit(7)


def exits_cleanly(event, context):
    os._exit(0)


def interrupted(event, context):
    raise KeyboardInterrupt


async def coroutine(event, context):
    return 1


def logs(event, context):
    logging.getLogger().setLevel(logging.INFO)
    print("printed")
    logging.info("informed")
    logging.getLogger("mine").warning("two\nlines")
    context.log("raw\n")


def logs_plainly(event, context):
    logging.info("below the default level")
    logging.error("an error")


def logs_exception(event, context):
    try:
        raise OwnError("caught")
    except OwnError:
        logging.exception("it happened", extra={"order": 7})


def hangs(event, context):
    while True:
        time.sleep(1)


def echo(event, context):
    return event
