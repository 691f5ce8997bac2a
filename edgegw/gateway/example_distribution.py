"""The distribution that stands for one where no configuration is named: it forwards everything."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from edgegw.cloudfront.model import Distribution
from edgegw.config.model import Config
from edgegw.gateway.ports import with_ports

_EXAMPLE: Final[dict[str, Any]] = {
    "distributions": {
        "example": {
            "listen": 0,
            "origins": {"app": {"url": "https://origin.example"}},
            "default_behavior": {
                "origin": "app",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewerExceptHostHeader",
            },
        }
    }
}


@cache
def example_config() -> Config:
    """The configuration of that distribution alone."""
    from edgegw.config.resolve import load_dict

    return with_ports(load_dict(_EXAMPLE), {})


def example_distribution() -> Distribution:
    """The distribution itself."""
    return example_config().distributions[0].distribution
