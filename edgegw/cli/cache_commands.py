"""`edgegw cache`, `edgegw invalidate`, and how `edgegw explain` shows a distribution."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

import click

from edgegw.cli.running_gateway import call
from edgegw.cli.terminal_text import on_one_line

if TYPE_CHECKING:
    from edgegw.cli.render import Style

_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration that is served; default: edgegw.yaml in the current folder.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")


@click.command()
@click.argument("distribution")
@_config_option
@_json_option
def cache(distribution: str, config: Path | None, *, as_json: bool) -> None:
    """Show what a running `edgegw serve` keeps of a DISTRIBUTION.

    A line for each answer: its status, size, age, time left and until when (or since when it is
    stale), how often it was used, the rule that gave it its time, and its URL; below it the parts
    of its key beyond that.

    Example: edgegw cache site
    """
    answer = call(config, "GET", f"/cache/{quote(distribution, safe='')}")
    rows = cast("list[dict[str, Any]]", answer["entries"])
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        part = "" if row["part"] is None else f"  bytes {row['part'][0]}-{row['part'][1]}"
        head = "  HEAD" if row["is_head"] else ""
        click.echo(
            f"{row['status']}  {row['size']} B  age {row['age']}s  "
            f"{_expiry(row)}  {row['hits']} hits  ({row['rule']})  "
            f"{on_one_line(row['url'])}{part}{head}"
        )
        for line in _varying_lines(row["parts"] or _NO_PARTS):
            click.echo(f"     {line}")
    if not rows:
        click.echo("nothing is stored")


@click.command()
@click.argument("distribution")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@_config_option
@_json_option
def invalidate(
    distribution: str, paths: tuple[str, ...], config: Path | None, *, as_json: bool
) -> None:
    """Remove what PATHs name from the cache of a DISTRIBUTION of a running `edgegw serve`.

    As on CloudFront `*` is a wildcard at the end of a path alone, and a query is part of the path.
    `#tag` names whatever has that cache tag (`cache_tag_config`).

    Example: edgegw invalidate site '/images/*' /index.html
    """
    asked = {"distribution": distribution, "paths": list(paths)}
    answer = call(config, "POST", "/invalidations", asked)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for path, why in cast("dict[str, str]", answer["match_nothing"]).items():
        click.echo(f"{path} can match nothing: {why}", err=True)
    for path, hint in cast("dict[str, str]", answer["hints"]).items():
        click.echo(f"{path}: {hint}", err=True)
    click.echo(f"{answer['removed']} removed")


def cache_lines(
    cache: Mapping[str, Any], style: Style, edited: Iterable[str] = ()
) -> Iterable[str]:
    """The cache's part of an explanation: the key, what it lacks, what is stored.

    `edited` are the functions that may change the request before the key is made.
    """
    least, usual, most = map(_seconds, cache["ttls"])
    state = cache["state"] + (f" ({cache['bypass']})" if cache["bypass"] else "")
    if cache["bypass"]:
        yield f"→ cache: {style.paint(state, 'bold')}"
        return
    yield (
        f"→ cache: {style.paint(state, 'bold')}  TTL: minimum {least}, default {usual}, "
        f"maximum {most}"
    )
    yield from _key_lines(cache["key"])
    yield from (f"    {name} may change the request before the key is made" for name in edited)
    seen = [f"{gap['kind']} {gap['name']}" for gap in cache["not_in_key"] if gap["reaches_origin"]]
    if seen:
        line = f"    the origin sees, and the key lacks: {', '.join(map(on_one_line, seen))}"
        yield style.paint(line, "yellow")
    stored = cache["stored"]
    if cache["problem"] is not None:
        yield f"    what is stored is not known: {on_one_line(cache['problem'])}"
    elif stored is None:
        yield "    nothing is stored for this key"
    else:
        yield (
            f"    stored  {stored['status']}{_size(stored)}, age {stored['age']}s, "
            f"{_expiry(stored)} ({stored['rule']})"
        )


def _key_lines(key: Mapping[str, Any]) -> Iterable[str]:
    query = "" if key["query"] is None else f"?{key['query']}"
    yield "    " + on_one_line(f"key  {key['method']} {key['path']}{query}")
    for line in _varying_lines(key):
        yield f"         {line}"


_NO_PARTS: Final[Mapping[str, Any]] = {"headers": {}, "cookies": [], "accept_encoding": ""}


def _varying_lines(key: Mapping[str, Any]) -> Iterable[str]:
    """The parts of a key beside method and URL."""
    for name, text in key["headers"].items():
        yield on_one_line(f"header {name}: {'(absent)' if text is None else text}")
    for name, text in key["cookies"]:
        yield on_one_line(f"cookie {name}={text}")
    if key["accept_encoding"]:
        yield f"accept-encoding {key['accept_encoding']}"


def _size(stored: Mapping[str, Any]) -> str:
    return "" if stored["size"] is None else f", {stored['size']} B"


def _seconds(count: float) -> str:
    return f"{count:g}s" if count < 1_000_000 else f"{count / 86400:g} days"


def _expiry(row: Mapping[str, Any]) -> str:
    """What is left of its time, and until when that is, by the clock of this machine.

    What is stale may yet be asked about, or stand in for an origin that fails.
    """
    until = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["expires_at"]))
    left = row["expires_in"]
    if left <= 0:
        return f"stale for {_span(-left)}, since {until}"
    return f"expires in {_span(left)}, {until}"


def _span(seconds: float) -> str:
    """A time in one unit or two, as people count it: `9s`, `3m 5s`, `23h 59m`, `364d 23h`."""
    count = int(seconds)
    if count < 60:
        return f"{count}s"
    if count < 3600:
        return f"{count // 60}m {count % 60}s"
    if count < 86_400:
        return f"{count // 3600}h {count % 3600 // 60}m"
    return f"{count // 86_400}d {count % 86_400 // 3600}h"
