"""`edgegw sign`: signed URLs and signed cookies of CloudFront."""

from __future__ import annotations

import ipaddress
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from edgegw.errors import UsageError

if TYPE_CHECKING:
    from edgegw.cloudfront.signatures import HashAlgorithm

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN: Final = re.compile(r"(\d{1,9})([smhd])")


@click.command()
@click.argument("url")
@click.option("--key-pair-id", required=True, help="The id of the public key.")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The private key.")
@click.option(
    "--expires",
    default="1h",
    show_default=True,
    help="30m, 2h, 7d from now, seconds since 1970, or 2030-01-31T12:00:00Z.",
)
@click.option("--not-before", help="A first date, written alike. Makes a custom policy.")
@click.option("--ip", help="The viewer's IPv4 address or network. Makes a custom policy.")
@click.option("--resource", help="URLs with wildcards instead of URL. Makes a custom policy.")
@click.option("--hash", "algorithm", type=click.Choice(["SHA1", "SHA256"]), default="SHA1")
@click.option("--cookie", is_flag=True, help="Print a Cookie header instead of a URL.")
@click.option("--json", "as_json", is_flag=True, help="Print the parameters as JSON.")
def sign(
    url: str,
    key_pair_id: str,
    key: Path,
    expires: str,
    not_before: str | None,
    ip: str | None,
    resource: str | None,
    algorithm: str,
    *,
    cookie: bool,
    as_json: bool,
) -> None:
    """Sign URL for a behavior with `trusted_key_groups`.

    Example: edgegw sign http://localhost:8081/film.mp4 --key-pair-id K1 --key private.pem
    """
    from edgegw.cloudfront.signing import signed_parameters, url_with

    if not re.match(r"https?://[^/?#]+/", url):
        raise UsageError(f"{url!r} is no URL with a path: write http://localhost:8081/film.mp4")
    now = time.time()
    until = _moment("--expires", expires, now)
    after = None if not_before is None else _moment("--not-before", not_before, now)
    if after is not None and after >= until:
        text = f"--not-before {not_before} is no earlier than --expires {expires}"
        raise UsageError(f"{text}: the URL would never be valid; write a later --expires")
    if until <= now:
        click.echo(f"--expires {expires} is over: CloudFront answers 403 AccessDenied", err=True)
    parameters = signed_parameters(
        url,
        key_pair_id,
        _key(key),
        until=until,
        after=after,
        network=None if ip is None else _network(ip),
        resource=resource,
        algorithm=cast("HashAlgorithm", algorithm),
    )
    if as_json:
        click.echo(json.dumps(parameters, indent=2))
    elif cookie:
        crumbs = (f"CloudFront-{name}={text}" for name, text in parameters.items())
        click.echo("; ".join(crumbs))
    else:
        click.echo(url_with(url, parameters))


def _key(file: Path) -> bytes:
    """The private key, looked at. Raises UsageError."""
    from edgegw.cloudfront.signatures import KeyFileError, private_key

    try:
        pem = file.read_bytes()
        private_key(pem)
    except OSError as error:
        text = f"--key: {file} cannot be read: {(error.strerror or str(error)).lower()}"
        raise UsageError(text) from None
    except KeyFileError as error:
        raise UsageError(f"--key: {file} {error}") from None
    return pem


def _moment(option: str, text: str, now: float) -> int:
    """Seconds since 1970 of what an option says. Raises UsageError."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return int(now) + int(span[1]) * _SECONDS[span[2]]
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        example = "write 2h, seconds since 1970 or 2030-01-31T12:00:00Z"
        raise UsageError(f"{option} {text!r} is no date: {example}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _network(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network(text, strict=False))
    except ValueError:
        raise UsageError(f"--ip {text!r} is no IPv4 address or network as 203.0.113.0/24") from None
