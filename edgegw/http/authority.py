"""Hosts as they stand in a URL, a Host header or a line of text."""

from __future__ import annotations

import ipaddress


def bracketed(host: str) -> str:
    """`host`, an address of IPv6 in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def authority_of(host: str, port: int) -> str:
    """`host:port`, an address of IPv6 in brackets."""
    return f"{bracketed(host)}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, whatever resolvers say."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
