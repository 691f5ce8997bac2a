"""Which Host headers a distribution answers to.

On AWS the Host picks the distribution; here the port does, and what AWS would not have sent to this
distribution gets AWS's 403. That is more than fidelity: a distribution puts its origin's name in
the place of the viewer's, so a dev server behind it cannot tell any more that a page of another
site asks (DNS rebinding). The edge has to.

Names of this machine are answered to as well: nobody else can own them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from edgegw.http.hosts import host_name, is_local_name
from edgegw.http.message import Headers
from edgegw.values import value

_LONGEST: Final = 255
"""Characters that are told of a refused name; a name has no more."""


@value
class AcceptedHosts:
    """The names of a distribution in lower case: `exact` ones, and `.example.com` in `below`."""

    exact: frozenset[str]
    below: tuple[str, ...] = ()

    def refused(self, headers: Headers) -> str | None:
        """The Host among `headers` that is refused, empty where there is none; else None."""
        return self.refused_name(headers.get(b"host") or b"")

    def refused_name(self, host: bytes) -> str | None:
        """`host` without its port when it is refused, else None."""
        name = host_name(host.decode("latin-1"))
        if name in self.exact or is_local_name(name) or name.endswith(self.below):
            return None
        return name[:_LONGEST]


def accepted_hosts(names: Iterable[str]) -> AcceptedHosts:
    """What a distribution with these names answers to.

    `*.example.com` is every name below it at any depth, not `example.com` itself; case does not
    count.
    Source: CloudFront Developer Guide, "Use custom URLs by adding alternate domain names (CNAMEs)".
    """
    lower = [name.lower() for name in names]
    below = tuple(name[1:] for name in lower if name.startswith("*."))
    return AcceptedHosts(frozenset(name for name in lower if name[:2] != "*."), below)
