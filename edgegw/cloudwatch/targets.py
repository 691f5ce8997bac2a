"""By what a call is known to be CloudWatch's."""

from __future__ import annotations

from typing import Final

METRICS_TARGET: Final = "GraniteServiceVersion20100801"
"""The service in `X-Amz-Target`, and in the path of RPC v2."""
METRICS_PATH: Final = f"/service/{METRICS_TARGET}/operation/"
"""How the path of RPC v2 begins."""
