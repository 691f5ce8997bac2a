"""The outcome of a simulation as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgegw.testing.simulation.faults import SIGNIFICANCE
from edgegw.testing.simulation.report import SimulationReport
from edgegw.testing.simulation.statistics import ChiSquaredTest


def report_lines(report: SimulationReport) -> Iterator[str]:
    """What there is to say, the faults last."""
    yield headline(report)
    yield ""
    if report.variants:
        yield from _columns(VARIANT_HEADS, variant_cells(report))
        yield ""
    yield from _columns((), summary_cells(report))
    yield ""
    yield from _fault_lines(report)


def headline(report: SimulationReport) -> str:
    """How much was simulated."""
    counts, plan = report.counts, report.plan
    hours = plan.duration / 3600
    time = "1 hour" if hours == 1 else f"{hours:g} hours"
    followed = f" and {counts.followed:,} redirects" if counts.followed else ""
    places = "1 edge location" if plan.edges == 1 else f"{plan.edges} edge locations"
    return (
        f"{counts.requests:,} requests{followed} of {counts.viewers:,} viewers in {time} "
        f"at {places}, seed {plan.seed}; {percent(counts.returned / counts.requests)} by viewers "
        "who came again"
    )


VARIANT_HEADS = (
    *("variant", "viewers", "share", "95 % interval", "intended", "requests", "hit ratio"),
)
"""The columns of `variant_cells`."""


def variant_cells(report: SimulationReport) -> list[tuple[str, ...]]:
    """A row for each variant."""
    return [
        (
            row.name,
            f"{row.viewers:,}",
            percent(row.share),
            f"{percent(row.interval.low)} to {percent(row.interval.high)}",
            percent(row.intended),
            f"{row.requests:,}",
            percent(row.hit_ratio),
        )
        for row in report.variants
    ]


def summary_cells(report: SimulationReport) -> list[tuple[str, ...]]:
    """What there is beside the variants: a name and a sentence each."""
    counts = report.counts
    rows: list[tuple[str, ...]] = []
    if report.split is not None:
        rows.append(("split", split_text(report.split)))
    if report.variants:
        rows.append(("changed variant", f"{report.changed:,} viewers"))
    if report.hit_ratio is not None:
        rows.append(
            (
                "cache",
                f"{percent(report.hit_ratio)} hits of {counts.looked_up:,}, "
                f"{counts.refreshed:,} revalidated, {report.keys:,} keys",
            )
        )
    rows.append(
        (
            "leaks",
            f"{counts.variant_leaks:,} variants, {counts.stored_cookies.total():,} cookies"
            + (f", {counts.mark_leaks:,} marks" if report.plan.identity else ""),
        )
    )
    rows.append(("origin", _origin_text(report)))
    statuses = ", ".join(f"{status}: {n:,}" for status, n in sorted(counts.statuses.items()))
    rows.append(("statuses", statuses))
    rows.append(("cost", f"${report.cost['total']:,.2f} a month: {report.cost['basis']}"))
    rows += [("remark", f"{code}: {text}") for code, text in sorted(counts.findings.items())]
    return rows


def split_text(test: ChiSquaredTest) -> str:
    """The test in words."""
    degrees = "degree" if test.degrees == 1 else "degrees"
    verdict = "uneven" if test.p < SIGNIFICANCE else "as intended"
    return (
        f"{verdict}: χ² {test.statistic:.2f}, {test.degrees} {degrees} of freedom, p {test.p:.2g}"
    )


def percent(share: float | None) -> str:
    """A share for people; a dash where there is none."""
    return "-" if share is None else f"{share * 100:.1f} %"


def _origin_text(report: SimulationReport) -> str:
    counts = report.counts
    share = report.origin_requests / (counts.requests + counts.followed)
    names = ", ".join(f"{name} {n:,}" for name, n in counts.origins.most_common(5))
    failures = f", {counts.origin_failures:,} failed" if counts.origin_failures else ""
    named = f": {names}" if names else ""
    return f"{report.origin_requests:,} requests ({percent(share)}){failures}{named}"


def _fault_lines(report: SimulationReport) -> Iterator[str]:
    if not report.faults:
        yield "✓ no faults"
    for fault in report.faults:
        yield f"✗ {fault.code}: {fault.text}"
        for example in fault.examples:
            yield f"    {example}"


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Cells below each other; all but the last one of a row are filled up."""
    table = [heads, *rows] if heads else list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()
