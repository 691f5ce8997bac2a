"""The commands of `edgegw`. Heavy modules are imported inside the commands that need them."""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from edgegw import __version__
from edgegw.cli.balancer_commands import targets, weights
from edgegw.cli.cache_commands import cache, invalidate
from edgegw.cli.compare_command import compare
from edgegw.cli.descriptors import allow_many_descriptors, keep_standard_streams
from edgegw.cli.dev_command import dev_config, origin_url, wait_for
from edgegw.cli.edge_commands import event, validate
from edgegw.cli.edge_function_commands import trial
from edgegw.cli.explain_command import explain
from edgegw.cli.fault_command import fault
from edgegw.cli.figure_commands import cost, metrics
from edgegw.cli.function_commands import default_config, functions, invoke, logs, shift
from edgegw.cli.held_ports import by_place, hold_port
from edgegw.cli.init_command import init
from edgegw.cli.kvs_command import kvs
from edgegw.cli.queue_command import queue
from edgegw.cli.send_command import send
from edgegw.cli.serve_options import ServeOptions, with_serve_options
from edgegw.cli.sign_command import sign
from edgegw.cli.simulate_command import simulate
from edgegw.cli.terminal_text import shown_lines
from edgegw.cli.token_command import token
from edgegw.cli.trust_command import trust
from edgegw.cloudfront.triggers import TRIGGERS
from edgegw.errors import ConfigError, EdgegwError, Finding

if TYPE_CHECKING:
    from edgegw.config.model import Config


class _Commands(click.Group):
    """Prints what edgegw raises on purpose as a plain sentence, never as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgegwError as error:
            if ctx.params.get("debug"):
                raise
            for line in shown_lines(str(error)):
                click.echo(line if isinstance(error, ConfigError) else f"edgegw: {line}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgegw")
@click.option("--debug", is_flag=True, help="Show tracebacks, and log every step.")
def main(*, debug: bool) -> None:
    """AWS's HTTP edge on a laptop.

    Example: edgegw serve edgegw.yaml
    """
    keep_standard_streams()
    _import_less()


for _command in (
    *(invoke, logs, functions, shift, event, validate, trust, fault, init),
    *(explain, targets, weights, cache, invalidate, sign, queue, send),
    *(cost, metrics, token, trial, kvs),
    *(simulate, compare),
):
    main.add_command(_command)


@main.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@with_serve_options
def serve(config: Path | None, *, options: ServeOptions) -> None:
    """Run every front door of CONFIG until Ctrl-C.

    CONFIG defaults to edgegw.yaml in the current folder.

    Example: edgegw serve config/demo.yaml
    """
    _start_quickly()
    from edgegw.config.remembered import load_quickly

    file = config or default_config()

    def load() -> Config:
        from edgegw.config.resolve import load_file

        return load_file(file)

    began = time.time()
    loaded = load_quickly(file, meanwhile=_import_what_serves)
    _run(loaded, options, load=load, loaded_at=began)


_PORT = click.IntRange(0, 65535)


def _hook_options(command: Any) -> Any:
    for trigger in reversed(TRIGGERS):
        command = click.option(
            f"--{trigger}",
            type=click.Path(path_type=Path),
            metavar="FILE[:EXPORT]",
            help=f"At {trigger}.",
        )(command)
    return command


@main.command()
@click.argument("origin", metavar="ORIGIN_URL")
@_hook_options
@click.option(
    "--alb",
    type=click.Path(path_type=Path),
    metavar="FILE[:EXPORT]",
    help="A Lambda function behind a load balancer of its own.",
)
@click.option("--port", type=_PORT, help="The site's port; default: 8081, or the next free one.")
@click.option("--alb-port", type=_PORT, help="The load balancer's; default: 8080, or the next one.")
@click.option("--open", "opens", is_flag=True, help="Open the site in the browser.")
@click.option("--include-body", is_flag=True, help="Hand the body to the request triggers.")
@click.option(
    "--edge-functions", is_flag=True, help="The hooks of the viewer are CloudFront Functions."
)
@click.option("--any-host", is_flag=True, help="Answer to any Host, such as a tunnel's.")
@with_serve_options
def dev(
    origin: str,
    *,
    alb: Path | None,
    port: int | None,
    alb_port: int | None,
    opens: bool,
    include_body: bool,
    edge_functions: bool,
    any_host: bool,
    options: ServeOptions,
    **hooks: Path | None,
) -> None:
    """Put hooks in front of a running dev server, without a configuration.

    Each FILE is a Python or JavaScript file, or a folder with one; EXPORT names the handler in it,
    if it is not called handler. A .js with function handler(event) that exports nothing is a
    CloudFront Function. Saving it takes effect at once. The path of ORIGIN_URL stands
    before every path, and the origin gets all headers of the viewer and CloudFront's own.

    Example: edgegw dev http://localhost:5173 --viewer-request auth.py --open
    """
    given = {name.replace("_", "-"): file for name, file in hooks.items() if file is not None}
    url = origin_url(origin)
    held = [hold_port(port, default=8081)]
    if alb is not None:
        held.append(hold_port(alb_port, default=8080))
    ports = [sock.getsockname()[1] for sock in held]
    described = dev_config(
        url,
        given,
        alb,
        (ports[0], ports[-1]),
        any_host=any_host,
        include_body=include_body,
        edge_functions=edge_functions,
    )
    _start_quickly()
    from edgegw.config.aside import load_aside

    def load() -> Config:
        from edgegw.config.resolve import load_dict

        return load_dict(described)

    began = time.time()
    config = load_aside(load, _import_what_serves)
    wait_for(url)
    _run(config, options, loaded_at=began, opens=opens, held=by_place(*held))


@main.command()
@click.option("--port", type=_PORT, help="The site's port; default: 8081.")
@click.option("--alb-port", type=_PORT, help="The load balancer's; default: 8080.")
@with_serve_options
def demo(*, port: int | None, alb_port: int | None, options: ServeOptions) -> None:
    """Run the demo: a site with an A/B hook and an auth hook, and two functions behind an ALB.

    Needs no files: it works in an empty folder. Without Node.js it leaves the Node.js function out.

    Example: edgegw demo
    """
    _start_quickly()
    from edgegw.cli.demo_run import demo_config

    with demo_config(port, alb_port) as (config, hints):
        _run(config, options, leave_out_missing=True, hints=hints)


@main.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--deploy",
    is_flag=True,
    help="Add what AWS would refuse or ignore when functions are put at triggers, and look into "
    "their code.",
)
@click.option("--load", is_flag=True, help="Load the code of every function as well.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(config: Path | None, *, deploy: bool, load: bool, as_json: bool) -> None:
    """Load and validate CONFIG without starting anything.

    With --load the code of each function is loaded once, by its runtime, and its handler looked
    for: what stands outside of handlers runs.

    Prints every finding as FILE:LINE:COL: error|warning: CODE text.
    Exits with 0 when there are no errors (warnings are allowed), else with 1.

    Example: edgegw check config/demo.yaml --deploy
    """
    from edgegw.config.distributions.caching_traps import caching_trap_findings
    from edgegw.config.distributions.mistaken_hooks import mistaken_hook_findings
    from edgegw.config.resolve import load_file

    findings: tuple[Finding, ...]
    try:
        loaded = load_file(config or default_config(), deploy=deploy)
        looked_at = (*mistaken_hook_findings(loaded), *caching_trap_findings(loaded))
        findings = (*loaded.warnings, *looked_at, *(_unloadable(loaded) if load else ()))
    except ConfigError as error:
        findings = error.findings
    if as_json:
        click.echo(json.dumps([_plain(each) for each in findings], indent=2))
    else:
        for each in findings:
            click.echo(str(each))
    errors = sum(each.severity == "error" for each in findings)
    if not as_json:
        warnings = len(findings) - errors
        click.echo(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}", err=True)
    sys.exit(1 if errors else 0)


def _unloadable(config: Config) -> list[Finding]:
    from edgegw.cli.loading import load_findings

    return load_findings(config)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@main.command()
def schema() -> None:
    """Print the JSON Schema of configurations, for editors.

    Example: edgegw schema > edgegw.schema.json
    """
    from edgegw.config.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _import_less() -> None:
    """Leaves out what no command needs.

    Importing makes no garbage that is worth a look at every 700 objects, nor does the end of the
    process have to look for cycles in all that was imported (a sixth of a short command's time);
    pydantic looks for plugins among all installed packages, and httpx brings a command line of its
    own with rich.
    """
    gc.set_threshold(max(20_000, gc.get_threshold()[0]), 20, 50)
    atexit.register(gc.freeze)
    sys.modules.setdefault("httpx._main", cast("Any", None))
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")


def _start_quickly() -> None:
    """Makes room for connections; the collector is on again when all is ready."""
    allow_many_descriptors()
    gc.disable()


def _import_what_serves() -> None:
    importlib.import_module("edgegw.cli.run")


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "severity": finding.severity,
        "code": finding.code,
        "text": finding.text,
    }


def _run(config: Config, options: ServeOptions, **more: Any) -> None:
    """Tells what the configuration should be warned of, and serves; `more` goes on."""
    from edgegw.cli.run import run_front_doors

    for warning in config.warnings:
        told = {"kind": "log", "level": "warning", "text": str(warning)}
        click.echo(json.dumps(told) if options.as_json else str(warning), err=True)
    run_front_doors(config, options, **more)
