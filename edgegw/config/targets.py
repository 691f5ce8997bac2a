"""Targets as they are written: `ADDRESS:PORT`, an address of IPv6 in brackets."""

from __future__ import annotations

from edgegw.alb.model import Target


def why_no_target(text: str) -> str | None:
    """What is wrong with the target `text`, or None."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_host = bool(bare) and (":" in bare) == (host != bare)
    if is_host and port.isdigit() and 0 < int(port) <= 65535:
        return None
    return f"{text!r} must be ADDRESS:PORT, such as localhost:3000 or [::1]:3000"


def parse_target(text: str) -> Target:
    """The target that a checked `text` names."""
    host, _, port = text.rpartition(":")
    return Target(host.strip("[]"), int(port))
