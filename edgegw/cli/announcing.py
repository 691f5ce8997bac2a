"""What `serve` and `demo` print once front doors are open: one by one, and then of all."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from edgegw.background import Background
from edgegw.cli.collecting import Collecting
from edgegw.cli.loading import tell_what_does_not_load
from edgegw.cli.logs import GatheringHandler
from edgegw.cli.render import summary
from edgegw.cli.serve_options import ServeOptions
from edgegw.cli.terminal_text import shown_text
from edgegw.gateway.failure_place import code_folders
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.server import Ready

_SETTLED: Final = 0.25
"""Seconds after the last ready line until the summary."""
_LOOKS: Final = 8
"""How often that long is waited for interpreters that still start."""


@dataclass
class Announcer:
    """Tells of front doors as they open. `waiting` is how many have not.

    `debug_ports` are by function, `hints` is what `demo` says below. With `opens` the first front
    door is opened in the browser.
    """

    gateway: Gateway
    gathering: GatheringHandler
    options: ServeOptions
    waiting: int
    debug_ports: Mapping[str, int]
    hints: str = ""
    opens: bool = False
    _urls: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _loading: Background = field(default_factory=Background)

    def on_ready(self, ready: Ready) -> None:
        """A front door accepts connections."""
        self.gathering.code_folders = partial(code_folders, self.gateway.service)
        text = json.dumps(ready.to_dict()) if self.options.as_json else str(ready)
        print(text, flush=True)  # noqa: T201 - the command's output
        self._urls.setdefault(f"{ready.kind} {ready.name}".strip(), []).append(ready.url)
        self.waiting -= 1
        if self.waiting == 0:
            self._all_are_open()

    def _all_are_open(self) -> None:
        as_json = self.options.as_json
        for name, problem in self.gateway.left_out():
            text = shown_text(f"left out  function {name}: {problem}")
            print(text, flush=True, file=sys.stderr if as_json else None)
        if self.hints and not as_json:
            print(self.hints, flush=True)  # noqa: T201
        if self.options.level <= logging.INFO and not as_json:
            # In a moment it is known which interpreters were found.
            asyncio.get_running_loop().call_later(_SETTLED, self._summarize)
        for name, port in self.debug_ports.items():
            text = f"debug  {name}  attach a debugger to 127.0.0.1:{port}"
            print(text, flush=True, file=sys.stderr)  # noqa: T201
        if self.opens:
            import webbrowser  # with shlex, and what looks for browsers

            webbrowser.open(next(iter(self._urls.values()))[0])
        self._loading.start(tell_what_does_not_load(self.gateway))
        _collect_rarely(self.gateway)
        let_the_loop_in_soon()

    def _summarize(self, looks: int = 1) -> None:
        functions, service = self.gateway.config.functions.values(), self.gateway.service
        if looks < _LOOKS and not all(
            service.runtime_found(deployed.latest) for deployed in functions
        ):
            asyncio.get_running_loop().call_later(_SETTLED, self._summarize, looks + 1)
            return
        runtimes = _runtimes(self.gateway)
        text = summary(self.gateway.config, self._urls, runtimes, self.gathering.style)
        sys.stderr.write(f"\n{text}\n")
        sys.stderr.flush()


def _collect_rarely(gateway: Gateway) -> None:
    gc.enable()
    gc.freeze()  # what start-up made stays: no need to look at it again
    # A request makes hundreds of objects, none in cycles unless it fails.
    gc.set_threshold(20_000, 20, 50)
    store = gateway.caching.store
    Collecting(lambda: store.memory).start()


def let_the_loop_in_soon() -> None:
    """A thread that computes gives Python's lock away after a millisecond, not after five.

    The code of a CloudFront Function is read in a thread, for up to a tenth of a second.
    """
    sys.setswitchinterval(0.001)


def _runtimes(gateway: Gateway) -> dict[str, list[str]]:
    """Functions by what runs them here."""
    names: dict[str, list[str]] = {}
    for name, deployed in gateway.config.functions.items():
        runtime = (
            gateway.service.runtime_found(deployed.latest) or deployed.latest.runtime.identifier
        )
        names.setdefault(runtime, []).append(name)
    return names
