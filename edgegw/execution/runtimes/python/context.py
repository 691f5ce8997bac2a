"""The context object of a handler, with what the caller sent as its client context."""

import json
import sys
import time
import types


class Context:
    """The context object of a handler. `constant` are the attributes that never change."""

    def __init__(self, meta, constant):
        request_id, arn, left, _, client = meta
        self.__dict__ = attributes = constant.copy()
        attributes["aws_request_id"] = request_id
        attributes["invoked_function_arn"] = arn
        attributes["identity"] = types.SimpleNamespace(
            cognito_identity_id=None, cognito_identity_pool_id=None
        )
        attributes["client_context"] = client_context(json.loads(client)) if client else None
        attributes["_deadline"] = time.monotonic() + int(left) / 1000

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message):
        sys.stdout.write(str(message))

    def w3c(self):
        custom = (self.client_context.custom if self.client_context else None) or {}
        return {k: custom[k] for k in ("traceparent", "tracestate", "baggage") if k in custom}


def constant_attributes(settings):
    names = (
        "function_name",
        "function_version",
        "memory_limit_in_mb",
        "log_group_name",
        "log_stream_name",
    )
    return {**{name: settings[name] for name in names}, "tenant_id": None}


def client_context(sent):
    """`.custom`, `.env` and `.client` of what the caller sent."""
    client = sent.get("client")
    if client is not None:
        named = ("installation_id", "app_title", "app_version_name", "app_version_code")
        client = types.SimpleNamespace(
            **{name: client.get(name) for name in (*named, "app_package_name")}
        )
    return types.SimpleNamespace(custom=sent.get("custom"), env=sent.get("env"), client=client)
