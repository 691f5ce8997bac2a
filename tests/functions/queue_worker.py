"""A function behind a queue: it writes each batch down, and fails on what asks for it.

`error` in a body fails the whole batch, `fail` its own message, both at the first time only;
`poison` always.
"""

import json
import os
import time


def _fails(record, word):
    first = record["attributes"]["ApproximateReceiveCount"] == "1"
    return "poison" in record["body"] or (first and word in record["body"])


def handler(event, context):
    with open(os.environ["NOTES"], "a", encoding="utf-8") as notes:
        notes.write(json.dumps(event) + "\n")
    records = event["Records"]
    time.sleep(max(float(record["body"].partition("sleep ")[2] or 0) for record in records))
    if any(_fails(record, "error") for record in records):
        raise ValueError("a message says error")
    failed = [record["messageId"] for record in records if _fails(record, "fail")]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
