"""Notes behind a function URL or an HTTP API (payload 2.0): kept while the environment lives."""

import json

NOTES: dict[str, str] = {}


def handler(event, context):
    http = event["requestContext"]["http"]
    name = event["rawPath"].rpartition("/")[2]
    if http["method"] == "PUT":
        NOTES[name] = event.get("body", "")
        print("noted", name)
        return {"statusCode": 201, "cookies": [f"last={name}"], "body": NOTES[name]}
    if not name:
        return {"notes": sorted(NOTES)}  # no statusCode: a 200 with this as JSON
    if name not in NOTES:
        return {"statusCode": 404, "body": json.dumps({"message": f"no note {name}"})}
    return NOTES[name]
