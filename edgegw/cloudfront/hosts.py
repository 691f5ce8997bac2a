"""Which Host headers a distribution answers to.

On AWS the Host picks the distribution; here the port does, and the Host among those that share it.
What AWS would not have sent to this distribution gets AWS's 403. That is more than fidelity: a
distribution puts its origin's name in the place of the viewer's, so a dev server behind it cannot
tell any more that a page of another site asks (DNS rebinding). The edge has to.

Names of this machine are answered to as well: nobody else can own them. Where distributions share a
port, `NAME.localhost` is the one of that name; localhost, addresses and all else are the first's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from edgegw.http.hosts import host_name, is_local_name
from edgegw.http.message import Headers, Request
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


@value
class HostTable:
    """Whose a Host is among distributions that share a port, by their places in a list.

    `exact` are names in lower case, `below` wildcards as `.example.com`, the longest first.
    """

    exact: Mapping[str, int]
    below: tuple[tuple[str, int], ...] = ()

    def place(self, request: Request) -> int | None:
        """Whose `request` is; None for the first one's. An absolute target says it before Host."""
        if request.target.authority is not None:
            return self.place_of(request.target.authority)
        return request.headers.derived(self, self._place_by_headers)

    def _place_by_headers(self, headers: Headers) -> int | None:
        return self.place_of(headers.get(b"host") or b"")

    def place_of(self, host: bytes) -> int | None:
        """Whose this Host is: that of the exact name, else of the most specific wildcard."""
        name = host_name(host.decode("latin-1"))
        place = self.exact.get(name)
        if place is not None:
            return place
        return next((place for suffix, place in self.below if name.endswith(suffix)), None)


def host_table(distributions: Sequence[tuple[str, Sequence[str]]]) -> HostTable:
    """The table of distributions that share a port: the name of each, and what it answers to.

    Source: CloudFront Developer Guide, "Use custom URLs by adding alternate domain names (CNAMEs)".
    """
    exact: dict[str, int] = {}
    below: dict[str, int] = {}
    for place, (_, names) in enumerate(distributions):
        for name in map(str.lower, names):
            table, key = (below, name[1:]) if name.startswith("*.") else (exact, name)
            table.setdefault(key, place)
    for place, (name, _) in enumerate(distributions):
        exact.setdefault(local_name(name), place)
    return HostTable(exact, tuple(sorted(below.items(), key=lambda entry: -len(entry[0]))))


def local_name(distribution: str) -> str:
    """The name by which a distribution is reached on a port that it shares."""
    return f"{distribution.lower()}.localhost"
