"""`edgegw compare`: the same requests to the gateway and to a deployed front door."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from edgegw.cli.function_commands import default_config
from edgegw.cli.terminal_text import on_one_line, speak_plainly


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--against", required=True, metavar="URL", help="Where the deployed one is.")
@click.option(
    "--requests",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE|HAR",
    help="What is sent: lines of `PATH` or `METHOD PATH`, headers indented below, or a HAR file.",
)
@click.option("--front-door", default="", metavar="NAME", help="Default: the first distribution.")
@click.option("--ignore", multiple=True, metavar="HEADER", help="A header that may differ.")
@click.option(
    "--ignore-in-body", default="", metavar="PATTERN", help="What may differ in bodies: a regex."
)
@click.option("--unsafe", is_flag=True, help="Send methods other than GET, HEAD and OPTIONS too.")
@click.option("--insecure", is_flag=True, help="Take any certificate of the deployed one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")
def compare(
    config: Path | None,
    against: str,
    requests: Path,
    front_door: str,
    ignore: tuple[str, ...],
    ignore_in_body: str,
    *,
    unsafe: bool,
    insecure: bool,
    as_json: bool,
) -> None:
    """Send the same requests to CONFIG, in process, and to a deployed front door.

    Shows where status, headers, redirects, attributes of cookies and bodies differ. What differs
    always (dates, ids, edge locations, what caches had) is named at the end, with the reason.

    Exits with 0 when the answers are alike, 1 when something differs, 2 on wrong use.

    Example: edgegw compare --against https://d111111abcdef8.cloudfront.net --requests site.har
    """
    import asyncio

    from edgegw.config.remembered import load_quickly
    from edgegw.testing.differential.asking import compare as compared

    speak_plainly()
    report = asyncio.run(
        compared(
            load_quickly(config or default_config()),
            against=against,
            requests=requests,
            front_door=front_door,
            ignore=ignore,
            ignore_in_body=ignore_in_body,
            unsafe=unsafe,
            verify=not insecure,
        )
    )
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
    else:
        for line in report.lines():
            indent = line[: len(line) - len(line.lstrip())]
            click.echo(indent + on_one_line(line))
    sys.exit(1 if report.different else 0)
