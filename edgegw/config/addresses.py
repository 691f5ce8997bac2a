"""Hosts, ports and the URLs of origins, as a configuration writes them.

What passes here can be connected to without a surprise: a host is a name that DNS can hold or an IP
address, a port is one that somebody can listen on. Checks ask for what is wrong, and what becomes
of a checked text is parsed by the same functions.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final, Literal
from urllib.parse import urlsplit

from edgegw.values import value

LONGEST_HOST: Final = 253
"""Characters of a name in DNS (RFC 1035 section 2.3.4, less the root's)."""

_PORT: Final = re.compile(r"[0-9]{1,5}")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_VISIBLE: Final = re.compile(r"[!-~]+")


def port_of(text: str) -> int | None:
    """The port that `text` means, from 1 to 65535; None where it means none."""
    port = int(text) if _PORT.fullmatch(text) else 0
    return port if 1 <= port <= 65535 else None


def host_fault(host: str) -> str | None:
    """What is wrong with a host name or an IP address (without brackets), or None."""
    if not host:
        return "there is no host"
    if not host.isascii():
        return f"{host!r} must be written in ASCII{_in_ascii(host)}"
    if ":" in host:
        return None if _is_address(host) else f"{host!r} is no IPv6 address"
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdigit():
        return None if _is_address(host) else f"{host!r} is no IPv4 address"
    if len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        return (
            f"{_brief(host)} is no host name: at most {LONGEST_HOST} characters in labels of 1 to "
            "63 letters, digits, - and _, with dots between them"
        )
    return None


def _in_ascii(host: str) -> str:
    try:
        return f", such as {host.encode('idna').decode()}"
    except UnicodeError:
        return ""


def _brief(host: str) -> str:
    return repr(host if len(host) <= 80 else f"{host[:79]}…")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_and_port(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPv6]:PORT`. Raises ValueError with what is wrong."""
    host, _, digits = text.rpartition(":")
    port = port_of(digits)
    if not host or port is None:
        raise ValueError("the form is ADDRESS:PORT, with a port from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    fault = host_fault(host)
    if fault is not None:
        raise ValueError(fault)
    return host, port


@value
class OriginAddress:
    """Where an origin is."""

    protocol: Literal["http", "https"]
    host: str
    port: int


_FORM: Final = "must be http://HOST[:PORT] or https://HOST[:PORT]"


def origin_address(url: str) -> OriginAddress:
    """Where the origin of this URL is. Raises ValueError with what is wrong."""
    if not url.isascii():
        raise ValueError(f"{_FORM}: {host_fault(_netloc(url)) or 'it holds more than ASCII'}")
    if not _VISIBLE.fullmatch(url):
        raise ValueError(f"{_FORM}, without blanks")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{_FORM}: {str(error)[:1].lower()}{str(error)[1:]}") from None
    host, port = _split(parts.netloc)
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(_FORM)
    if "@" in parts.netloc:
        raise ValueError("the url of an origin has no user and no password")
    fault = host_fault(host)
    if fault is not None:
        raise ValueError(f"{_FORM}: {fault}")
    number = port_of(port) if port else {"http": 80, "https": 443}[parts.scheme]
    if number is None:
        raise ValueError(f"{port!r} is no port: a port is a number from 1 to 65535")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("the url of an origin has no path; put it into 'path'")
    return OriginAddress("https" if parts.scheme == "https" else "http", host.lower(), number)


def _netloc(url: str) -> str:
    """The host that somebody may have meant, for what is said of it."""
    return re.split("[/:?#]", url.partition("://")[2])[0]


def _split(netloc: str) -> tuple[str, str]:
    """Host (without brackets) and port as they are written; the port may be empty."""
    where = netloc.rpartition("@")[2]
    if where.startswith("["):
        host, _, rest = where[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = where.partition(":")
    return host, port
