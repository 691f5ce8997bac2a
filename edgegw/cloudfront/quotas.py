"""How much of everything a distribution may have.

Requests never meet these: they are what AWS refuses when something is made.
"""

from __future__ import annotations

import re
from typing import Final

PATH_PATTERN: Final = re.compile(r"[A-Za-z0-9_\-.*$/~\"'@:+&?]+")
"""The form of a behavior's path pattern.

Source: CloudFront Developer Guide, "Cache behavior settings", path pattern.
"""
MAX_PATH_PATTERN: Final = 255
"""Characters of a behavior's path pattern.

Source: CloudFront Developer Guide, "Cache behavior settings", path pattern.
"""
MAX_BEHAVIORS: Final = 75
"""Cache behaviors of a distribution.

Source: CloudFront Developer Guide, "Quotas", quotas on distributions.
"""
MAX_ORIGINS: Final = 100
"""Origins of a distribution.

Source: CloudFront Developer Guide, "Quotas", quotas on distributions.
"""
TIMEOUT_RANGE: Final = (1, 120)
"""Seconds of an origin's response time-out, and of its keep-alive.

Source: CloudFront Developer Guide, "Origin settings", response timeout, keep-alive timeout.
"""
ATTEMPTS_RANGE: Final = (1, 3)
"""How often CloudFront tries to connect to an origin.

Source: CloudFront Developer Guide, "Origin settings", connection attempts.
"""
CONNECT_RANGE: Final = (1, 10)
"""Seconds that it may take to connect to an origin.

Source: CloudFront Developer Guide, "Origin settings", connection timeout.
"""
MAX_CUSTOM_HEADERS: Final = 30
"""Origin custom headers of an origin.

Source: CloudFront Developer Guide, "Quotas", quotas on headers.
"""
MAX_CUSTOM_HEADER_NAME: Final = 256
"""Characters of the name of an origin custom header.

Source: CloudFront Developer Guide, "Quotas", quotas on headers.
"""
MAX_CUSTOM_HEADER_VALUE: Final = 1783
"""Characters of the value of an origin custom header.

Source: CloudFront Developer Guide, "Quotas", quotas on headers.
"""
MAX_CUSTOM_HEADER_CHARACTERS: Final = 10240
"""Characters of the names and values of all custom headers of an origin.

Source: CloudFront Developer Guide, "Quotas", quotas on headers.
"""
MAX_POLICY_HEADERS: Final = 10
"""Headers that a cache policy or origin request policy names.

Source: CloudFront Developer Guide, "Quotas", quotas on policies.
"""
MAX_ALIASES: Final = 100
"""Alternate domain names of a distribution.

Source: CloudFront Developer Guide, "Quotas", quotas on distributions.
"""
_ALIAS: Final = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")


def alias_fault(name: str) -> str | None:
    """What is wrong with an alternate domain name in lower case; None where nothing is.

    Source: CloudFront Developer Guide, "Requirements for using alternate domain names".
    """
    if name.endswith(".cloudfront.net"):
        return "is a name of CloudFront's own"
    if name.rpartition(".")[2].isdigit():
        return "is an address, an alias is a name"
    if len(name) > 253 or not _ALIAS.fullmatch(name):
        return "is no name of DNS: labels of 1 to 63 characters, 253 in all, with a dot"
    return None


def is_origin_port(port: int) -> bool:
    """Whether a custom origin can be reached at `port`.

    Source: CloudFront API Reference, CustomOriginConfig, HTTPPort and HTTPSPort.
    """
    return port in (80, 443) or 1024 <= port <= 65535
