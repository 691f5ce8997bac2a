"""The demo: its origin as a process of its own, and its configuration with the origin's address."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from edgegw.config.model import Config
from edgegw.config.resolve import load_file
from edgegw.errors import EnvironmentProblem

_FOLDER: Final = Path(__file__).parent / "demo"

_HINTS: Final = """
open   http://127.0.0.1:{site}/            the site: user name and password are both demo
try    curl -i http://127.0.0.1:{alb}/python?name=you
       curl -i http://127.0.0.1:{alb}/node?name=you
       curl -i http://127.0.0.1:{alb}/echo -H 'X-Twice: 1' -H 'X-Twice: 2' -d 'the body'
stop   Ctrl-C
"""


def demo_file() -> Path:
    """The demo's configuration: inside an installed package, or at the top of a checkout."""
    packaged = _FOLDER / "config" / "demo.yaml"
    if packaged.exists():
        return packaged
    return Path(__file__).parents[2] / "config" / "demo.yaml"


@contextmanager
def demo_config(site: int | None, alb: int | None) -> Generator[tuple[Config, str]]:
    """The demo's configuration and what to try, while its origin runs; ports may be chosen.

    Its state folder is the one here, where commands without a configuration look for a gateway.
    """
    origin = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_FOLDER / "origin.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        port = origin.stdout.readline().strip() if origin.stdout is not None else ""
        if not port:
            raise EnvironmentProblem("the demo's origin did not start")
        environment = {
            **os.environ,
            "EDGEGW_DEMO_ORIGIN": f"http://127.0.0.1:{port}",
            "EDGEGW_DEMO_TARGET": f"127.0.0.1:{port}",
        }
        config = load_file(demo_file(), environment)
        config = _at_ports(config, site, alb)
        hints = _HINTS.format(
            site=config.distributions[0].listen.port, alb=config.listeners[0].listen.port
        )
        yield replace(config, state=str(Path(".edgegw").absolute())), hints
    finally:
        origin.kill()
        origin.communicate()


def _at_ports(config: Config, site: int | None, alb: int | None) -> Config:
    """`config` with its two front doors at the ports that were chosen."""
    distributions, listeners = config.distributions, config.listeners
    if site is not None:
        distributions = tuple(
            replace(door, listen=replace(door.listen, port=site)) for door in distributions
        )
    if alb is not None:
        listeners = tuple(
            replace(door, listen=replace(door.listen, port=alb)) for door in listeners
        )
    return replace(config, distributions=distributions, listeners=listeners)
