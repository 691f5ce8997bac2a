"""Hooks on a WebSocket handshake."""


def admit(event, context):
    request = event["Records"][0]["cf"]["request"]
    if request["uri"] == "/private":
        return {"status": "401"}
    request["uri"] = "/rewritten" + request["uri"]
    return request


def mark(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["x-hook"] = [{"value": "1"}]
    return request


def never(event, context):
    raise AssertionError("no response trigger runs for a WebSocket")
