"""`edgegw simulate`: an experiment on a population of viewers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgegw.cli.function_commands import default_config
from edgegw.cli.terminal_text import on_one_line
from edgegw.errors import EnvironmentProblem, UsageError

if TYPE_CHECKING:
    from edgegw.config.model import Config
    from edgegw.testing.simulation.driving import Experiment
    from edgegw.testing.simulation.plan import SimulationPlan
    from edgegw.testing.simulation.report import SimulationReport


def _population_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option(
                "--requests", type=click.IntRange(1), default=10_000, show_default=True, metavar="N"
            ),
            click.option(
                "--paths",
                type=click.Path(path_type=Path),
                metavar="FILE|HAR",
                help="What is asked for: lines of `PATH WEIGHT`, or a HAR file; default: /.",
            ),
            click.option(
                "--returning",
                type=float,
                default=0.6,
                show_default=True,
                help="The share of requests by viewers who were here before.",
            ),
            click.option("--seed", type=int, default=1, show_default=True),
            click.option(
                "--duration",
                default="24h",
                show_default=True,
                help="The time over which the requests come: 90s, 30m, 24h, 7d.",
            ),
            click.option(
                "--edges",
                type=click.IntRange(1),
                default=4,
                show_default=True,
                help="Edge locations, each with a cache of its own.",
            ),
            click.option(
                "--countries", default="US=60,DE=25,JP=15", show_default=True, metavar="WEIGHTS"
            ),
            click.option(
                "--devices",
                default="desktop=50,mobile=45,tablet=5",
                show_default=True,
                metavar="WEIGHTS",
            ),
        )
    ):
        command = option(command)
    return command


def _experiment_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option(
                "--variant-by",
                multiple=True,
                metavar="SOURCE",
                help="What tells the variant of an answer: cookie:NAME, header:NAME, body:PATTERN, "
                "location:PATTERN, uri:PATTERN, origin or target-group. Repeatable: tried in turn.",
            ),
            click.option("--weights", metavar="WEIGHTS", help="The intended split: a=50,b=50."),
            click.option(
                "--sticky-cookie", default="", metavar="NAME", help="It keeps viewers' variants."
            ),
            click.option(
                "--identity",
                metavar="SOURCE",
                help="A cookie:NAME or header:NAME in which each viewer sends a mark of its own, "
                "that no one else may get back.",
            ),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--front-door", default="", metavar="NAME", help="Default: the first distribution.")
@_population_options
@_experiment_options
@click.option("--origin-stub", is_flag=True, help="A stub answers for all origins.")
@click.option(
    "--origin-cache-control",
    default="max-age=60",
    show_default=True,
    metavar="TEXT",
    help="What the stub says of how long its answers may be kept.",
)
@click.option("--real-origins", is_flag=True, help="Ask origins that are not on this machine.")
@click.option(
    "--in-process",
    is_flag=True,
    help="Load Python functions into this process: quicker, and the same for the same seed.",
)
@click.option("--monthly", type=click.IntRange(1), metavar="N", help="Requests a month, for costs.")
@click.option("--processes", type=click.IntRange(1), help="Default: one for each processor.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with plots."
)
def simulate(
    config: Path | None,
    *,
    front_door: str,
    origin_stub: bool,
    origin_cache_control: str,
    real_origins: bool,
    in_process: bool,
    processes: int | None,
    as_json: bool,
    html: Path | None,
    **options: Any,
) -> None:
    """Send a population of viewers through a front door of CONFIG, and look at what they get.

    Viewers have cookies, countries and devices, follow redirects and come again, on a clock that
    runs fast. The report says how variants are split and whether that is as intended, who changed
    its variant, what the cache did, and whether anything leaked from one viewer to another.

    Exits with 0 when nothing is wrong, else with 1.

    Example: edgegw simulate --requests 20000 --variant-by header:x-bucket --weights a=50,b=50
    """
    from edgegw.config.remembered import load_quickly
    from edgegw.testing.simulation.driving import Experiment
    from edgegw.testing.simulation.simulating import transport_for

    if origin_stub and real_origins:
        raise UsageError("--origin-stub and --real-origins exclude each other")
    loaded = load_quickly(config or default_config())
    plan = _plan(front_door, **options)
    with _without_prints():
        experiment = Experiment(
            config=loaded,
            plan=plan,
            functions=_functions_here(loaded) if in_process else {},
            transport=transport_for(
                stub=origin_cache_control if origin_stub else None, real=real_origins
            ),
        )
        report = _run(experiment, processes)
    if html is not None:
        _write_page(report, html)
    _show(report, as_json=as_json)
    sys.exit(1 if report.faults else 0)


def _plan(
    front_door: str,
    *,
    paths: Path | None,
    variant_by: tuple[str, ...],
    weights: str | None,
    identity: str | None,
    duration: str,
    countries: str,
    devices: str,
    **more: Any,
) -> SimulationPlan:
    from edgegw.testing.simulation.paths import WeightedPath, weighted_paths
    from edgegw.testing.simulation.plan import SimulationPlan
    from edgegw.testing.simulation.variants import shares, variant_source

    return SimulationPlan(
        front_door=front_door,
        paths=(WeightedPath("/"),) if paths is None else weighted_paths(paths),
        variants=tuple(map(variant_source, variant_by)),
        weights=shares(weights, "weights") if weights else (),
        identity=variant_source(identity) if identity else None,
        duration=_seconds(duration),
        countries=shares(countries, "countries"),
        devices=shares(devices, "devices"),
        **more,
    )


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(text: str) -> float:
    """`30m` → 1800. Raises UsageError."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    try:
        seconds = float(number) * _UNITS[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"a duration is written as 90s, 30m, 24h or 7d; not {text!r}")
    return seconds


def _functions_here(config: Config) -> dict[str, Callable[..., Any]]:
    from edgegw.testing.simulation.loaded_handlers import loaded_handlers

    return loaded_handlers(config)


@contextmanager
def _without_prints() -> Generator[None]:
    """What functions print in this process is no part of the report, and thousands of lines."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _run(experiment: Experiment, processes: int | None) -> SimulationReport:
    from edgegw.testing.simulation.simulating import run_experiment

    is_shown = sys.stderr.isatty()

    def progress(done: int, of: int) -> None:
        click.echo(f"\redge location {done} of {of} ", nl=done == of, err=True)

    return run_experiment(experiment, processes, progress if is_shown else None)


def _write_page(report: SimulationReport, file: Path) -> None:
    from edgegw.testing.simulation.page import report_page

    try:
        file.write_text(report_page(report), encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"cannot write the page: {error}") from error


def _show(report: SimulationReport, *, as_json: bool) -> None:
    from edgegw.testing.simulation.table import report_lines

    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
        return
    for line in report_lines(report):
        indent = line[: len(line) - len(line.lstrip())]
        click.echo(indent + _single(line))


def _single(line: str) -> str:
    """A line of the report; names out of answers may hold anything, blanks of columns stay."""
    return line.strip() if line.isprintable() else on_one_line(line)
