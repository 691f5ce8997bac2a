"""Records of DynamoDB Streams as botocore reads them, as the JSON that they were on the wire."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from edgegw.awslambda.payload import Json


def plain_json(content: object) -> Json:
    """`content` with bytes as base64 and times as seconds since 1970."""
    if isinstance(content, Mapping):
        members = cast("Mapping[str, Any]", content)
        return {name: plain_json(member) for name, member in members.items()}
    if isinstance(content, (list, tuple, set, frozenset)):
        return [plain_json(item) for item in cast("list[Any]", content)]
    if isinstance(content, datetime):
        return content.timestamp()
    if isinstance(content, bytes):
        return base64.b64encode(content).decode("ascii")
    return cast("Json", content)
