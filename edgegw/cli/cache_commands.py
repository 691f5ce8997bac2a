"""`edgegw cache`, `edgegw invalidate`, and how `edgegw explain` shows a distribution."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import click

from edgegw.cli.running_gateway import call

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

    A line for each answer: its status, size, age, time left (below 0 it is stale), how often it
    was used, the rule that gave it its time, and its URL.

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
            f"expires in {row['expires_in']:g}s  {row['hits']} hits  ({row['rule']})  "
            f"{row['url']}{part}{head}"
        )
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

    Example: edgegw invalidate site '/images/*' /index.html
    """
    asked = {"distribution": distribution, "paths": list(paths)}
    answer = call(config, "POST", "/invalidations", asked)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for path, why in cast("dict[str, str]", answer["match_nothing"]).items():
        click.echo(f"{path} can match nothing: {why}", err=True)
    click.echo(f"{answer['removed']} removed")


def distribution_tree(explained: Mapping[str, Any], style: Style) -> Iterable[str]:
    """The explanation of a distribution as a tree."""
    yield style.paint(explained["request"], "bold")
    yield f"distribution  {explained['distribution']}"
    for pattern in explained["tried"]:
        if pattern == explained["behavior"]:
            break
        yield f"{style.paint('✗', 'red')} behavior {pattern}"
    yield f"{style.paint('✓', 'green')} behavior {explained['behavior']}"
    if "refused" in explained:
        yield f"→ {explained['refused']}"
        return
    for each in explained["functions"]:
        runs = "runs" if each["runs"] else "does not run: answered from the cache"
        yield f"    {each['trigger']}  {each['function']}  {style.paint(runs, 'dim')}"
        if each["trigger"] == "viewer-request":
            yield "        what follows is of the request as it came: no function is run here"
    yield from _cache_lines(explained["cache"], style)
    origin = explained["origin"]
    yield f"origin  {origin['origin']}  gets {origin['target']}"
    for name, text in origin["headers"]:
        yield f"    {name}: {text}"


def _cache_lines(cache: Mapping[str, Any], style: Style) -> Iterable[str]:
    least, usual, most = cache["ttls"]
    state = cache["state"] + (f" ({cache['bypass']})" if cache["bypass"] else "")
    policy = f"policy {cache['policy']}, TTL {least}/{usual}/{most}"
    yield f"cache  {style.paint(state, 'bold')}  {policy}"
    key = cache["key"]
    query = "" if key["query"] is None else f"?{key['query']}"
    yield f"    key  {key['method']} {key['path']}{query}"
    for name, text in key["headers"].items():
        yield f"         header {name}: {'(absent)' if text is None else text}"
    for name, text in key["cookies"]:
        yield f"         cookie {name}={text}"
    if key["accept_encoding"]:
        yield f"         accept-encoding {key['accept_encoding']}"
    for gap in cache["not_in_key"]:
        reaches = "the origin sees it all the same" if gap["reaches_origin"] else "nor sent on"
        yield f"    not in the key  {gap['kind']} {gap['name']}  {style.paint(reaches, 'dim')}"
    stored = cache["stored"]
    if stored is None:
        yield "    nothing is stored for this key"
    else:
        yield (
            f"    stored  {stored['status']}, age {stored['age']}s, "
            f"expires in {stored['expires_in']:g}s ({stored['rule']})"
        )
