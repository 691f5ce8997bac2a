"""When functions run at the edge."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Trigger: TypeAlias = Literal[
    "viewer-request", "origin-request", "origin-response", "viewer-response"
]
TRIGGERS: Final[tuple[Trigger, ...]] = (
    "viewer-request",
    "origin-request",
    "origin-response",
    "viewer-response",
)
"""The triggers of a behavior, in the order in which a request meets them.

Source: CloudFront Developer Guide, "Events that can trigger a Lambda@Edge function".
"""

REQUEST_TRIGGERS: Final[tuple[Trigger, ...]] = ("viewer-request", "origin-request")

ViewerTrigger: TypeAlias = Literal["viewer-request", "viewer-response"]
"""Where CloudFront Functions run."""
