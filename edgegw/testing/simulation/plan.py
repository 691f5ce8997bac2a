"""What a simulation is asked for: a population, its traffic, and what is looked at."""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.countries import COUNTRIES
from edgegw.errors import UsageError
from edgegw.testing.simulation.paths import WeightedPath
from edgegw.testing.simulation.variants import VariantSource, sticky_cookie_of
from edgegw.values import value

START: Final = 1_767_225_600.0
"""When every simulation begins, so that it comes out the same: 2026-01-01 00:00 UTC.

It is in the past: cookies and signatures that a function dates by the real clock are not over.
"""
DAY: Final = 86_400.0
DEVICES: Final = ("desktop", "mobile", "tablet")


@value(kw_only=True)
class SimulationPlan:
    """What is to be simulated.

    `returning` is how likely a request comes from a viewer who was here before. The requests are
    spread over `duration` seconds. Each of the `edges` is an edge location with a cache of its own,
    where every viewer has one. `monthly` are the requests of a month that costs are reckoned for;
    None goes on at the same rate. `weights` are the split that is intended; without any none is.
    `sticky_cookie` keeps a viewer at its variant. `identity` names a cookie or a header in which
    every viewer sends a mark of its own, that must not come back to anybody else.
    """

    requests: int = 10_000
    paths: tuple[WeightedPath, ...] = (WeightedPath("/"),)
    returning: float = 0.6
    seed: int = 1
    front_door: str = ""
    duration: float = DAY
    edges: int = 4
    countries: tuple[tuple[str, float], ...] = (("US", 60.0), ("DE", 25.0), ("JP", 15.0))
    devices: tuple[tuple[str, float], ...] = (("desktop", 50.0), ("mobile", 45.0), ("tablet", 5.0))
    variants: tuple[VariantSource, ...] = ()
    weights: tuple[tuple[str, float], ...] = ()
    sticky_cookie: str = ""
    identity: VariantSource | None = None
    monthly: int | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be simulated."""
        for problem in (
            self.requests < 1 and "there must be at least one request",
            not 0 <= self.returning < 1 and "--returning is a share from 0 to below 1, as 0.6",
            self.edges < 1 and "there must be at least one edge location",
            not 0 < self.duration < float("inf") and "the duration must be above 0 seconds",
            not self.paths and "there must be a path to ask for",
            bool(self.weights and not self.variants) and "weights need --variant-by",
            _unknown("country", self.countries, COUNTRIES),
            _unknown("device", self.devices, DEVICES),
            self.identity is not None
            and self.identity.kind not in ("cookie", "header")
            and "an identity is sent in cookie:NAME or header:NAME",
        ):
            if problem:
                raise UsageError(problem)

    @property
    def sticky(self) -> str:
        """The cookie that keeps a viewer at its variant; empty where none is known."""
        return self.sticky_cookie or sticky_cookie_of(self.variants)

    def requests_at(self, edge: int) -> int:
        """How many of the requests come at an edge location, counted from 0."""
        return self.requests // self.edges + (edge < self.requests % self.edges)


def _unknown(what: str, shares: tuple[tuple[str, float], ...], known: object) -> str:
    """What is wrong with the names of `shares`; empty where nothing is."""
    assert isinstance(known, (tuple, dict, frozenset))
    unknown = [name for name, _ in shares if name not in known]
    if not unknown:
        return "" if shares else f"there must be a {what}"
    hint = f" (there are: {', '.join(DEVICES)})" if what == "device" else " (ISO 3166-1, as DE)"
    return f"there is no {what} {unknown[0]!r}{hint}"
