"""Versions of HTTP as they are written."""

from __future__ import annotations


def dotted(version: str) -> str:
    """`2.0` for `2`: with the minor number that RFC 9110 section 2.5 leaves out from HTTP/2 on."""
    return version if "." in version else f"{version}.0"
