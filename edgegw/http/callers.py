"""What tells a program of this machine from a page in its user's browser.

A page of any site can send requests to every port of loopback. Two things give it away:

- `Origin` and `Sec-Fetch-Site`: programs send neither, browsers one of them, whatever a page does.
- `Host`: a name of the attacker's that resolves to 127.0.0.1 (DNS rebinding) makes page and port
  one origin for the browser, which then sends no `Origin`; but the request comes as that name.

Ports that only programs have business with ask both questions before anything else.
"""

from __future__ import annotations

from collections.abc import Collection

from edgegw.http.message import Headers, Request


def is_addressed_to(request: Request, hosts: Collection[bytes]) -> bool:
    """Whether `request` names one of `hosts` (lower case, with port), once, and nothing else."""
    names = [host.lower() for host in request.headers.get_all(b"host")]
    if len(names) != 1:
        return False
    if request.target.authority is not None:
        names.append(request.target.authority.lower())
    return all(name in hosts for name in names)


def comes_from_page(headers: Headers) -> bool:
    """Whether a browser sent these headers on behalf of a page."""
    return b"origin" in headers or b"sec-fetch-site" in headers
