"""`edgegw token`: a token of a configuration's identity provider, for curl and for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from edgegw.errors import UsageError

if TYPE_CHECKING:
    from edgegw.config.model import Config
    from edgegw.identity.tokens import TokenUse


@click.command()
@click.argument("user")
@click.option("--provider", help="The identity provider; default: the only one.")
@click.option("--client", help="The client that the token is for; default: the first.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="K=V",
    help="A claim, over all others. V is JSON where it can be, else text; nothing takes it away.",
)
@click.option("--expires", type=float, metavar="SECONDS", help="From now; -60 has expired.")
@click.option("--id", "is_id", is_flag=True, help="An ID token in the place of an access token.")
@click.option("--rotate", is_flag=True, help="Let a new key sign from now on, this token first.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration that is meant; default: edgegw.yaml in the current folder.",
)
def token(
    user: str,
    provider: str | None,
    client: str | None,
    claims: tuple[str, ...],
    expires: float | None,
    *,
    is_id: bool,
    rotate: bool,
    config: Path | None,
) -> None:
    """Print a token of USER, signed by the keys of the configuration's identity provider.

    The provider need not run: its keys stand in the state folder. Whoever verifies the token asks
    it for them.

    Example: edgegw token ada --client app --claim groups='["admins"]' --expires 600
    """
    from edgegw.cli.function_commands import default_config
    from edgegw.config.remembered import load_quickly
    from edgegw.gateway.gateway import Gateway

    given = dict(map(_claim, claims))
    loaded = load_quickly(config or default_config())
    gateway = Gateway(loaded, lasting=True)
    _settle(gateway, loaded, config)
    identity = gateway.identity(provider)
    if rotate:
        identity.rotate_keys()
    use: TokenUse = "id" if is_id else "access"
    click.echo(identity.token(user, client, claims=given, expires=expires, use=use))


def _claim(text: str) -> tuple[str, Any]:
    name, mark, given = text.partition("=")
    if not mark or not name:
        raise UsageError(f"--claim {text!r} must be NAME=VALUE, such as --claim tier=gold")
    if not given:
        return name, None
    try:
        return name, json.loads(given, parse_constant=_no_json)
    except ValueError:
        return name, given


def _no_json(constant: str) -> Any:
    """`NaN` and its like, which Python takes and JSON does not know."""
    raise ValueError(constant)


def _settle(gateway: Any, loaded: Config, config: Path | None) -> None:
    """Ports that the system chose are those of the running gateway, which the issuer names."""
    open_ended = [door for door in loaded.identity_providers if not door.listen.port]
    if not any(door.provider.issuer is None and not door.provider.user_pool for door in open_ended):
        return
    from urllib.parse import urlsplit

    from edgegw.cli.running_gateway import call

    urls = cast("dict[str, str]", call(config, "GET", "/status")["front_doors"])
    ports = {
        door.key: urlsplit(urls[name]).port or 0
        for door in open_ended
        if (name := f"identity-provider {door.name}") in urls
    }
    gateway.settle(ports)
