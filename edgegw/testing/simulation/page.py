"""The outcome of a simulation as one HTML file, which needs nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from edgegw.testing.simulation.plots import bar_plot, split_plot, traffic_plot
from edgegw.testing.simulation.report import SimulationReport
from edgegw.testing.simulation.table import (
    VARIANT_HEADS,
    headline,
    split_text,
    summary_cells,
    variant_cells,
)

_STYLE: Final = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1d2330;--faint:#667085;--line:#d9dee7;
--panel:#f6f8fb;--good:#12804c;--bad:#c0362c;--v0:#2f6fde;--v1:#d9822b;--v2:#3a9d6e;--v3:#9b59b6;
--v4:#b5495b;--v5:#5d7285;--area:#bcd2f7;--origin:#d9822b}
@media(prefers-color-scheme:dark){:root{--paper:#12161f;--ink:#e6e9ef;--faint:#9aa4b5;
--line:#2c3444;--panel:#1a202c;--good:#4cc38a;--bad:#ff7b72;--v0:#6ea3ff;--v1:#f0a35c;--v2:#62c796;
--v3:#c79be0;--v4:#e08a99;--v5:#94a7b8;--area:#2c4876;--origin:#f0a35c}}
body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--paper);
color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .4rem}
p{margin:.4rem 0}.faint{color:var(--faint)}
section.faults{margin-top:1.4rem}
article{border-left:4px solid var(--bad);background:var(--panel);padding:.6rem 1rem;margin:.6rem 0;
border-radius:0 6px 6px 0}article.good{border-color:var(--good)}
article b{color:var(--bad)}article.good b{color:var(--good)}
article li,article p{overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);
vertical-align:top}th{font-weight:600;color:var(--faint);white-space:nowrap}
td:not(:last-child){white-space:nowrap}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font-size:13px}
.v0{fill:var(--v0)}.v1{fill:var(--v1)}.v2{fill:var(--v2)}.v3{fill:var(--v3)}.v4{fill:var(--v4)}
.v5{fill:var(--v5)}.bar{fill:var(--v0)}.area{fill:var(--area)}.origin{fill:var(--origin)}
.grid{stroke:var(--line);fill:none}.whisker{stroke:var(--ink);stroke-width:1.5;fill:none}
.intended{stroke:var(--bad);stroke-width:2;stroke-dasharray:4 3;fill:none}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .35em 0 0}
.key.area{background:var(--area)}.key.origin{background:var(--origin)}
.key.intended{background:var(--bad);height:.2em;vertical-align:middle}
"""


def report_page(report: SimulationReport) -> str:
    """The page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_title(report))}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(_body(report))
        + "\n</body>\n</html>\n"
    )


def _title(report: SimulationReport) -> str:
    count = len(report.faults)
    words = "no faults" if not count else "1 fault" if count == 1 else f"{count} faults"
    return f"Simulation: {words}"


def _body(report: SimulationReport) -> Iterator[str]:
    counts = report.counts
    yield f"<h1>{escape(_title(report))}</h1>"
    yield f'<p class="faint">{escape(headline(report))}</p>'
    yield from _faults(report)
    if report.variants:
        yield "<h2>Who got which variant</h2>"
        is_meant = bool(report.plan.weights)
        mark = '<span class="key intended"></span>intended; ' if is_meant else ""
        yield f'<p class="faint">{mark}whiskers are 95 % '
        split = "" if report.split is None else f"; {escape(split_text(report.split))}"
        yield f"intervals{split}</p>{split_plot(report.variants)}"
        yield _table(VARIANT_HEADS, variant_cells(report))
    yield "<h2>Traffic</h2>"
    yield '<p class="faint"><span class="key area"></span>requests '
    yield '<span class="key origin"></span>origin requests</p>'
    yield traffic_plot(counts.bins, report.plan.duration)
    ratios = {row.name: row.hit_ratio for row in report.variants if row.hit_ratio is not None}
    if report.hit_ratio is not None:
        yield "<h2>Hit ratio</h2>"
        yield bar_plot({"all": report.hit_ratio, **ratios}, "Hit ratio", shares=True)
        yield "<h2>Cache keys by path</h2>"
        keys = {path: float(count) for path, count in report.keys_by_path().items()}
        yield bar_plot(keys, "Cache keys by path")
    yield "<h2>In figures</h2>"
    yield _table((), summary_cells(report))


def _faults(report: SimulationReport) -> Iterator[str]:
    yield '<section class="faults">'
    if not report.faults:
        yield '<article class="good"><b>no faults</b></article>'
    for fault in report.faults:
        examples = "".join(f"<li>{escape(example)}</li>" for example in fault.examples)
        listed = f"<ul>{examples}</ul>" if examples else ""
        yield f"<article><b>{escape(fault.code)}</b><p>{escape(fault.text)}</p>{listed}</article>"
    yield "</section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="scroll"><table>{f"<tr>{head}</tr>" if head else ""}{body}</table></div>'
