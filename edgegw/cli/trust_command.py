"""`edgegw trust`: how each system and browser comes to trust the local certificate authority."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import click

from edgegw.cli.standing_state import standing_state

_BY_SYSTEM: Final = {
    "macos": (
        "macOS (Safari, Chrome, curl)",
        "sudo security add-trusted-cert -d -r trustRoot "
        "-k /Library/Keychains/System.keychain {file}",
    ),
    "debian": (
        "Debian, Ubuntu",
        "sudo cp {file} /usr/local/share/ca-certificates/edgegw.crt && sudo update-ca-certificates",
    ),
    "fedora": ("Fedora, RHEL, Arch", "sudo trust anchor --store {file}"),
    "windows": ("Windows (Edge, Chrome)", 'certutil -user -addstore -f ROOT "{file}"'),
    "chrome": (
        "Chrome and Chromium on Linux (certutil is in libnss3-tools or nss-tools)",
        'certutil -d sql:$HOME/.pki/nssdb -A -t "C,," -n edgegw -i {file}',
    ),
    "firefox": (
        "Firefox",
        "Settings > Privacy & Security > View Certificates > Authorities > Import: {file}\n"
        "          (or set security.enterprise_roots.enabled in about:config on macOS and Windows)",
    ),
    "node": ("Node.js", "export NODE_EXTRA_CA_CERTS={file}"),
    "python": ("Python (httpx, requests)", "export SSL_CERT_FILE={file} REQUESTS_CA_BUNDLE={file}"),
    "curl": ("curl", "curl --cacert {file} https://localhost:…"),
}


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print file and commands as JSON.")
def trust(config: Path | None, *, as_json: bool) -> None:
    """Print how to trust the certificates that edgegw makes for front doors with TLS.

    Each user has one authority; it is made now if it is not there yet. Nothing else is changed on
    this system. mkcert's authority is used where it is installed, and is trusted already. One that
    an older edgegw kept in the state folder of CONFIG (without one, of the current folder) is not
    used any more, and named.

    Example: edgegw trust
    """
    from edgegw.wire.authority import load_authority, unused_authority, unused_text

    unused = unused_authority(standing_state(config).folder)
    if unused is not None:
        click.echo(unused_text(unused), err=True)
    authority = load_authority()
    file = str(authority.file.absolute())
    commands = {key: text.format(file=file) for key, (_, text) in _BY_SYSTEM.items()}
    if as_json:
        known = {
            "file": file,
            "mkcert": authority.is_mkcert,
            "made_by": authority.maker,
            "made_on": authority.day,
            "commands": commands,
        }
        click.echo(json.dumps(known, indent=2))
        return
    click.echo(f"certificate authority  {file}")
    click.echo(f"made by {authority.maker or 'somebody'} on {authority.day}")
    if authority.is_mkcert:
        click.echo("It is mkcert's: what `mkcert -install` told already trusts it.")
    for key, (name, _) in _BY_SYSTEM.items():
        mark = "*" if key in _here() else " "
        click.echo(f"\n{mark} {name}\n          {commands[key]}")
    if _here():
        click.echo("\n* for this system")
    click.echo(f"\nIts private key lies beside it: keep {Path(file).parent} to yourself.", err=True)


def _here() -> frozenset[str]:
    if sys.platform == "darwin":
        return frozenset({"macos"})
    if sys.platform == "win32":
        return frozenset({"windows"})
    if Path("/etc/debian_version").exists():
        return frozenset({"debian", "chrome"})
    return frozenset({"fedora", "chrome"})
