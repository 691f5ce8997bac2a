"""The outcome of a simulation, as values: for a table, for JSON, for a page, for asserts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from edgegw.config.model import Config
from edgegw.gateway.figures.costs import cost_record, measured_month
from edgegw.gateway.figures.figures import EdgeUsage
from edgegw.testing.simulation.counts import SimulationCounts, VariantCounts
from edgegw.testing.simulation.driving import EdgeResult
from edgegw.testing.simulation.faults import ExperimentFault, experiment_faults, split_test
from edgegw.testing.simulation.plan import SimulationPlan
from edgegw.testing.simulation.statistics import ChiSquaredTest, ShareInterval, wilson
from edgegw.testing.simulation.usage import summed_functions, summed_usage
from edgegw.values import value


@value(kw_only=True)
class VariantRow:
    """One variant: the viewers who got it first, their share with its interval, its traffic.

    `intended` is the share that the weights say, None without weights; `hit_ratio` is None where no
    cache was asked.
    """

    name: str
    viewers: int
    share: float
    interval: ShareInterval
    intended: float | None
    requests: int
    hit_ratio: float | None


class SimulationReport:
    """What a population got. `faults` is empty where nothing is wrong.

    `counts` has everything that was counted; `cost` rests on how long functions took, so it is the
    only part that is not the same again for the same seed.
    """

    def __init__(self, plan: SimulationPlan, config: Config, results: Sequence[EdgeResult]) -> None:
        self.plan = plan
        self.counts = SimulationCounts()
        for result in results:
            self.counts.merge(result.counts)
        self._config = config
        self._usage: EdgeUsage = summed_usage([result.edge for result in results])
        self._functions = summed_functions([result.functions for result in results])

    def __repr__(self) -> str:
        codes = ", ".join(fault.code for fault in self.faults) or "no faults"
        return f"<SimulationReport of {self.counts.requests:,} requests: {codes}>"

    @cached_property
    def split(self) -> ChiSquaredTest | None:
        """The test of the split; None where there is nothing to test."""
        return split_test(self.counts, self.plan.weights)

    @cached_property
    def faults(self) -> tuple[ExperimentFault, ...]:
        """What is wrong with the experiment."""
        has_variants = bool(self.plan.variants)
        return tuple(experiment_faults(self.counts, self.split, has_variants=has_variants))

    @property
    def codes(self) -> list[str]:
        """The codes of the faults."""
        return [fault.code for fault in self.faults]

    @cached_property
    def variants(self) -> tuple[VariantRow, ...]:
        """The variants, those with intended weights first, in their order."""
        counts, weights = self.counts.variants, dict(self.plan.weights)
        names = [*weights, *sorted(name for name in counts if name not in weights)]
        whole, total = sum(weights.values()), sum(each.viewers for each in counts.values())
        return tuple(
            _row(
                name,
                counts.get(name, VariantCounts()),
                weights.get(name, 0.0) / whole if whole else None,
                total,
            )
            for name in names
        )

    @property
    def hit_ratio(self) -> float | None:
        """Hits of the requests for which the cache was asked; None where it never was."""
        counts = self.counts
        return counts.hits / counts.looked_up if counts.looked_up else None

    @property
    def changed(self) -> int:
        """Viewers who got another variant than before."""
        return self.counts.changed_viewers

    @property
    def keys(self) -> int:
        """How many different cache keys there were."""
        return len(set[bytes]().union(*self.counts.keys.values()))

    @property
    def origin_requests(self) -> int:
        """Requests that reached an origin, or a target group."""
        return self.counts.origins.total()

    @cached_property
    def cost(self) -> Mapping[str, Any]:
        """A month at the plan's traffic, as `edgegw cost` shows it."""
        month = measured_month(self._usage, self._functions, self.plan.duration, self.plan.monthly)
        return cost_record(self._config, month)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, fit for JSON; shares and ratios from 0 to 1."""
        counts = self.counts
        return {
            "requests": counts.requests,
            "followed_redirects": counts.followed,
            "viewers": counts.viewers,
            "returned": counts.returned,
            "seconds": self.plan.duration,
            "edges": self.plan.edges,
            "seed": self.plan.seed,
            "faults": [fault.to_dict() for fault in self.faults],
            "split": _split_dict(self.split),
            "variants": [_row_dict(row) for row in self.variants],
            "changed_viewers": counts.changed_viewers,
            "changes": dict(counts.changes),
            "late_answers": sum(t.missed for t in counts.turns.values() if t.given),
            "lost_on_redirect": counts.lost_on_redirect,
            "leaks": {
                "variants": counts.variant_leaks,
                "cookies": dict(counts.stored_cookies),
                "marks": counts.mark_leaks,
            },
            "cache": {
                "looked_up": counts.looked_up,
                "hits": counts.hits,
                "refreshed": counts.refreshed,
                "hit_ratio": self.hit_ratio,
                "keys": self.keys,
                "keys_by_path": self.keys_by_path(),
            },
            "origins": {
                "requests": self.origin_requests,
                "failures": counts.origin_failures,
                "by_name": dict(counts.origins),
            },
            "statuses": {str(status): n for status, n in sorted(counts.statuses.items())},
            "verdicts": dict(counts.verdicts),
            "findings": dict(counts.findings),
            "cost": self.cost,
        }

    def keys_by_path(self, most: int = 10) -> dict[str, int]:
        """The paths with the most keys."""
        sizes = {path: len(keys) for path, keys in self.counts.keys.items()}
        order = sorted(sizes, key=lambda path: (-sizes[path], path))
        return {path: sizes[path] for path in order[:most]}


def _row(name: str, counts: VariantCounts, intended: float | None, total: int) -> VariantRow:
    return VariantRow(
        name=name,
        viewers=counts.viewers,
        share=counts.viewers / total if total else 0.0,
        interval=wilson(counts.viewers, total),
        intended=intended,
        requests=counts.requests,
        hit_ratio=counts.hits / counts.looked_up if counts.looked_up else None,
    )


def _row_dict(row: VariantRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "viewers": row.viewers,
        "share": row.share,
        "interval": [row.interval.low, row.interval.high],
        "intended": row.intended,
        "requests": row.requests,
        "hit_ratio": row.hit_ratio,
    }


def _split_dict(test: ChiSquaredTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    is_finite = test.statistic != float("inf")
    return {
        "chi_squared": test.statistic if is_finite else None,
        "degrees": test.degrees,
        "p": test.p,
    }
