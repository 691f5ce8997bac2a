"""Functions for asynchronous invocations: each call leaves a line in the file LOG."""

import os


def notes(event, context):
    """Fails where the event says so; notes before it does."""
    line = f"{event['n']} {context.aws_request_id}\n".encode()
    descriptor = os.open(os.environ["LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
    if event.get("fails"):
        raise ValueError(f"event {event['n']} always fails")
    return event["n"]
