"""The context object that a handler gets beside its event.

Source: Lambda Developer Guide, "Using the Lambda context object to retrieve Python function
information".
"""

from __future__ import annotations

from typing import Any, Protocol


class LambdaContext(Protocol):
    """What a handler may ask of its `context`."""

    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    aws_request_id: str
    log_group_name: str
    log_stream_name: str
    identity: Any
    client_context: Any

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's time-out."""
        ...
