"""Viewers, and when which of them asks for what.

All of it comes from one generator of an edge location, seeded by the number of the simulation and
of the location: how the work is split over processes changes nothing.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from edgegw.http.message import Header, Headers
from edgegw.testing.simulation.cookie_jar import CookieJar
from edgegw.testing.simulation.plan import START, SimulationPlan

_AGENTS: Final = {
    "desktop": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36",
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
}
_LANGUAGES: Final = {
    **dict.fromkeys(("DE", "AT"), "de-DE,de;q=0.9,en;q=0.5"),
    **dict.fromkeys(("FR", "BE"), "fr-FR,fr;q=0.9,en;q=0.5"),
    **dict.fromkeys(("ES", "MX", "AR", "CO", "CL"), "es-ES,es;q=0.9,en;q=0.5"),
    **dict.fromkeys(("BR", "PT"), "pt-BR,pt;q=0.9,en;q=0.5"),
    "IT": "it-IT,it;q=0.9,en;q=0.5",
    "JP": "ja-JP,ja;q=0.9,en;q=0.5",
    "KR": "ko-KR,ko;q=0.9,en;q=0.5",
    "CN": "zh-CN,zh;q=0.9,en;q=0.5",
}
_BENCHMARK_NET: Final = (198 << 24) | (18 << 16)
"""198.18.0.0/15, the addresses that RFC 2544 keeps for measuring."""


class PopulationGroup(NamedTuple):
    """What viewers have in common: where they are, and with what."""

    country: str
    device: str


@lru_cache(maxsize=1024)
def group_headers(
    group: PopulationGroup, host: str, encodings: bytes, cookies: bytes = b""
) -> Headers:
    """The header lines that viewers of a group with these `cookies` send.

    They are one object for all of them, as what is derived from headers hangs on them.
    """
    language = _LANGUAGES.get(group.country, "en-US,en;q=0.9")
    lines = [
        (b"Host", host.encode("idna")),
        (b"User-Agent", _AGENTS[group.device].encode()),
        (b"Accept", b"text/html,application/xhtml+xml,*/*;q=0.8"),
        (b"Accept-Language", language.encode()),
        (b"Accept-Encoding", encodings),
    ]
    if cookies:
        lines.append((b"Cookie", cookies))
    return Headers(lines)


class SimulatedViewer:
    """One viewer: its cookies, and what it got so far.

    `variant` is the latest that it got, `place` what it says of itself (`X-Edgegw-Viewer`).
    """

    __slots__ = ("answers", "group", "has_changed", "jar", "mark", "number", "place", "variant")

    def __init__(self, number: int, group: PopulationGroup, mark: bytes) -> None:
        self.number = number
        self.group = group
        self.mark = mark
        self.place: Header = (
            b"X-Edgegw-Viewer",
            f"country={group.country}; ip={address_of(number)}".encode(),
        )
        self.jar = CookieJar()
        self.variant: str | None = None
        self.answers = 0
        self.has_changed = False


def address_of(number: int) -> str:
    """An address for each viewer; they begin anew after 131,072 of them."""
    bits = _BENCHMARK_NET + number % (1 << 17)
    return ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))


class ViewerArrival(NamedTuple):
    """Somebody asks for something, at a time in seconds since 1970."""

    at: float
    viewer: SimulatedViewer
    target: str


class Population:
    """The viewers of one edge location, counted from 0."""

    def __init__(self, plan: SimulationPlan, edge: int) -> None:
        self.viewers: list[SimulatedViewer] = []
        self._plan = plan
        self._edge = edge
        self._random = random.Random(f"viewers {plan.seed} {edge}")
        self._paths = [path.target for path in plan.paths]
        self._path_weights = _summed([path.weight for path in plan.paths])
        self._groups = [
            PopulationGroup(country, device)
            for country, _ in plan.countries
            for device, _ in plan.devices
        ]
        self._group_weights = _summed([a * b for _, a in plan.countries for _, b in plan.devices])

    def arrivals(self) -> Iterator[ViewerArrival]:
        """Everything that is asked for, in order of time."""
        plan, chance = self._plan, self._random
        count = plan.requests_at(self._edge)
        times = sorted(chance.random() for _ in range(count))
        for moment in times:
            viewers = self.viewers
            if viewers and chance.random() < plan.returning:
                viewer = viewers[int(chance.random() * len(viewers))]
            else:
                viewer = self._newcomer()
            (target,) = chance.choices(self._paths, cum_weights=self._path_weights)
            yield ViewerArrival(START + moment * plan.duration, viewer, target)

    def _newcomer(self) -> SimulatedViewer:
        chance = self._random
        (group,) = chance.choices(self._groups, cum_weights=self._group_weights)
        number = len(self.viewers) * self._plan.edges + self._edge
        mark = b"edgegw-viewer-%d-%08x" % (number, chance.getrandbits(32))
        viewer = SimulatedViewer(number, group, mark)
        self.viewers.append(viewer)
        return viewer


def _summed(weights: Sequence[float]) -> list[float]:
    return list(itertools.accumulate(weights))
