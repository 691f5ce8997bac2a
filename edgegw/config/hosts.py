"""`gateway.hosts`: where names lead to here that functions choose as origins.

    hosts: {eu.example.com: http://127.0.0.1:3001, "*.s3.amazonaws.com": https://localhost:9000}

A name is one of DNS, or begins with `*.` and stands for every name below. The longest one counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from edgegw.config.addresses import origin_address
from edgegw.values import value

_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")

Destination: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""


@value
class Hosts:
    """Names and the places that they lead to."""

    exact: tuple[tuple[str, Destination], ...] = ()
    below: tuple[tuple[str, Destination], ...] = ()

    def lookup(self, name: str) -> Destination | None:
        """Where `name` leads; None where it stands for itself."""
        lower = name.lower().removesuffix(".")
        for known, place in self.exact:
            if known == lower:
                return place
        for suffix, place in self.below:
            if lower.endswith(suffix):
                return place
        return None

    def __bool__(self) -> bool:
        return bool(self.exact or self.below)


def parsed_hosts(given: Mapping[str, str]) -> Hosts:
    """The checked part of a configuration as `Hosts`; of wildcards the longest one first."""
    places = {name.lower().removesuffix("."): _place(url) for name, url in given.items()}
    below = [(name[1:], place) for name, place in places.items() if name.startswith("*.")]
    below.sort(key=lambda entry: -len(entry[0]))
    exact = [(name, place) for name, place in places.items() if not name.startswith("*.")]
    return Hosts(tuple(exact), tuple(below))


def is_name(text: str) -> bool:
    """Whether `text`, in lower case, is a name of DNS."""
    return len(text) <= 253 and _NAME.fullmatch(text) is not None


def host_problem(name: str, url: str) -> str | None:
    """What is wrong with an entry, for a finding; None when nothing is."""
    if not is_name(name.lower().removesuffix(".").removeprefix("*.")):
        return f"{name!r} is no name of DNS, nor one that begins with '*.'"
    try:
        origin_address(url)
    except ValueError as error:
        return (
            f"{name!r} leads to http://HOST[:PORT] or https://HOST[:PORT]; found {url!r}: {error}"
        )
    return None


def _place(url: str) -> Destination:
    address = origin_address(url)
    return address.protocol, address.host, address.port
