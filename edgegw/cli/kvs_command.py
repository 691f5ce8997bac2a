"""`edgegw kvs`: what a key value store holds, and changes of that.

A running gateway is asked by its local API. Without one the state folder is opened, as the gateway
would: what is changed then is there when it starts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

import click

from edgegw.values import value

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")
_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration; default: edgegw.yaml in the current folder.",
)
_ANY_TEXT = {"ignore_unknown_options": True}
"""A value may be -1."""
P = ParamSpec("P")


@value
class _StoreQuestion:
    """The store that the command is about, and the configuration."""

    store: str
    config: Path | None

    def listing(self) -> dict[str, Any]:
        """What the store holds. Raises EdgegwError."""
        return self._ask("GET", None)

    def change(self, **change: Any) -> dict[str, Any]:
        """What the store is after `change`. Raises EdgegwError."""
        return self._ask("PATCH", change)

    def _ask(self, method: str, change: Any) -> dict[str, Any]:
        from edgegw.cli.running_gateway import NoGatewayProblem, call

        try:
            return call(self.config, method, f"/key-values/{quote(self.store, safe='')}", change)
        except NoGatewayProblem:
            return _without_gateway(self, change)


def _without_gateway(asked: _StoreQuestion, change: Any) -> dict[str, Any]:
    from edgegw.cli.function_commands import default_config
    from edgegw.config.remembered import load_quickly
    from edgegw.gateway.key_value_commands import change_store, listing_of
    from edgegw.gateway.key_value_stores import KeyValueStores
    from edgegw.gateway.world import REAL

    config = load_quickly(asked.config or default_config())
    stores = KeyValueStores(REAL, lambda: Path(config.state))
    try:
        stores.configure(config)
        if change is None:
            return listing_of(stores, asked.store)
        return change_store(stores, asked.store, change)
    finally:
        stores.close()


def _asked(command: Callable[Concatenate[_StoreQuestion, P], None]) -> Callable[..., None]:
    """A command about the store that the group names; `--config` may stand behind it as well."""

    @_CONFIG
    @click.pass_obj
    @wraps(command)
    def run(
        asked: _StoreQuestion, config: Path | None, *arguments: P.args, **options: P.kwargs
    ) -> None:
        command(_StoreQuestion(asked.store, config or asked.config), *arguments, **options)

    return run


@click.group()
@click.argument("name")
@_CONFIG
@click.pass_context
def kvs(ctx: click.Context, name: str, config: Path | None) -> None:
    """Read and change the key value store NAME.

    The next request sees a change. It stays in the state folder until the content of the store's
    import file changes. Without a running gateway the state folder is changed.

    Example: edgegw kvs flags put share 0.5
    """
    ctx.obj = _StoreQuestion(name, config)


@kvs.command(context_settings=_ANY_TEXT)
@click.argument("key")
@_JSON
@_asked
def get(asked: _StoreQuestion, key: str, *, as_json: bool) -> None:
    """Print the value of KEY.

    Example: edgegw kvs flags get share
    """
    from edgegw.config.spelling import nearest
    from edgegw.errors import UsageError

    pairs = asked.listing()["pairs"]
    if key not in pairs:
        raise UsageError(f"the store {asked.store} has no key {key!r}{nearest(key, list(pairs))}")
    click.echo(json.dumps({"key": key, "value": pairs[key]}) if as_json else pairs[key])


@kvs.command(context_settings=_ANY_TEXT)
@click.argument("key")
@click.argument("text", metavar="VALUE")
@_JSON
@_asked
def put(asked: _StoreQuestion, key: str, text: str, *, as_json: bool) -> None:
    """Give KEY a VALUE, whether it is there or not.

    Example: edgegw kvs flags put share 0.5
    """
    _report(asked.change(puts={key: text}), as_json=as_json)


@kvs.command(context_settings=_ANY_TEXT)
@click.argument("keys", nargs=-1, required=True, metavar="KEY…")
@_JSON
@_asked
def delete(asked: _StoreQuestion, keys: tuple[str, ...], *, as_json: bool) -> None:
    """Delete KEYs, all of them or none.

    Example: edgegw kvs flags delete share
    """
    _report(asked.change(deletes=list(keys)), as_json=as_json)


@kvs.command("list")
@_JSON
@_asked
def list_(asked: _StoreQuestion, *, as_json: bool) -> None:
    """List keys and values, in the order of keys.

    Example: edgegw kvs flags list
    """
    listing = asked.listing()
    if as_json:
        click.echo(json.dumps(listing, indent=2))
        return
    for key, text in listing["pairs"].items():
        click.echo(f"{_shown(key)}  {_shown(text)}")


@kvs.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@_JSON
@_asked
def import_(asked: _StoreQuestion, file: Path, *, as_json: bool) -> None:
    """Make the store what FILE says, in AWS's import format; - reads standard input.

    Keys that FILE does not have are deleted.

    Example: edgegw kvs flags import flags.json
    """
    from edgegw.cloudfront.edge_functions.key_values import pairs_of
    from edgegw.errors import UsageError

    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        pairs = pairs_of(raw.decode())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{file} cannot be imported: {error}") from None
    _report(asked.change(puts=pairs, whole=True), as_json=as_json)


@kvs.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@_asked
def export(asked: _StoreQuestion, file: Path) -> None:
    """Write the store to FILE in AWS's import format; without FILE it is printed.

    Example: edgegw kvs flags export flags.json
    """
    from edgegw.cloudfront.edge_functions.key_values import import_file_of
    from edgegw.errors import UsageError

    text = import_file_of(asked.listing()["pairs"])
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from None


def _shown(text: str) -> str:
    """`text` as it is, or as JSON writes it where one could not see what it is."""
    return text if text and text.isprintable() and text == text.strip() else json.dumps(text)


def _report(facts: dict[str, Any], *, as_json: bool) -> None:
    """Says what the store is after a change."""
    if as_json:
        click.echo(json.dumps(facts))
        return
    keys = "1 key" if facts["keys"] == 1 else f"{facts['keys']} keys"
    click.echo(f"{facts['name']}: {keys}, {facts['size']} B, ETag {facts['etag']}")
