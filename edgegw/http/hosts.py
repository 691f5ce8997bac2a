"""The names in Host headers."""

from __future__ import annotations

import ipaddress


def host_name(host: str) -> str:
    """The name or address of a Host header: lower case, without port, brackets and final dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].removesuffix(".").lower()


def is_local_name(name: str) -> bool:
    """Whether `name` (as `host_name` answers it) is localhost, a name below it, or an IP address.

    None of these can be made to mean another machine: a name that only resolves to this one does
    not count, that is DNS rebinding.
    """
    return name == "localhost" or name.endswith(".localhost") or is_address(name)


def is_address(name: str) -> bool:
    """Whether `name` is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
