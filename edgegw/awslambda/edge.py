"""A function's replica at the edge, and the quotas that Lambda@Edge has of its own.

Source: CloudFront Developer Guide, "Quotas" (Lambda@Edge) and "Restrictions on Lambda@Edge".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from edgegw.awslambda.model import Function

MAX_TIMEOUT: Final = 30.0
"""Seconds that a function at an origin trigger may take.

Source: CloudFront Developer Guide, "Quotas", quotas on Lambda@Edge.
"""
MAX_STORAGE_MB: Final = 512
"""Megabytes of /tmp at the edge.

Source: CloudFront Developer Guide, "Restrictions on Lambda@Edge", ephemeral storage.
"""
MAX_PACKAGE: Final = 50 * 1024 * 1024
"""Bytes of the zip package of a function at the edge.

Source: CloudFront Developer Guide, "Quotas", quotas on Lambda@Edge.
"""


def replica(function: Function) -> Function:
    """The version `function` as it runs at the edge.

    Its own environment variables are not there, and it gets no more than the edge's quotas. AWS
    refuses such a function at deployment; here it runs as if they had never been set.
    """
    return replace(
        function,
        environment=(),
        timeout=min(function.timeout, MAX_TIMEOUT),
        ephemeral_storage_mb=min(function.ephemeral_storage_mb, MAX_STORAGE_MB),
    )
