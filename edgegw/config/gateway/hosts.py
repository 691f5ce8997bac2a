"""`gateway.hosts`: where names lead to here that functions choose as origins.

    hosts:
      eu.example.com: http://127.0.0.1:3001
      "*.s3.amazonaws.com": ./buckets              # a bucket is the folder of its first label
      assets.s3.eu-west-1.amazonaws.com: ./public  # a bucket of its own

A name is one of DNS, or begins with `*.` and stands for every name below. The longest one counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from edgegw.awslambda.model import NamePlace
from edgegw.cloudfront.s3.bucket import bucket_of, is_bucket_name
from edgegw.config.addresses import origin_address
from edgegw.config.buckets import BucketFolder
from edgegw.config.files import name_fault
from edgegw.values import value

_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")

NAME_FORM: Final = "at most 253 characters, in labels of 1 to 63 letters, digits, - and _"
"""What a name of DNS is made of."""

Destination: TypeAlias = tuple[str, str, int]
"""Scheme, host and port."""


@value
class HostFolder:
    """A folder that a name leads to; with `holds_buckets` each bucket is a folder in it."""

    path: str
    holds_buckets: bool


@value
class Hosts:
    """Names and the places that they lead to."""

    exact: tuple[tuple[str, Destination | HostFolder], ...] = ()
    below: tuple[tuple[str, Destination | HostFolder], ...] = ()

    def lookup(self, name: str) -> Destination | None:
        """The address where `name` leads; None where it stands for itself, or for a folder."""
        place = self._place(name)
        return None if isinstance(place, HostFolder) else place

    def bucket(self, name: str) -> BucketFolder | None:
        """The bucket that `name` leads to; None where it leads to no folder."""
        place = self._place(name)
        if not isinstance(place, HostFolder):
            return None
        bucket = bucket_of(name.lower().removesuffix("."))
        if not place.holds_buckets:
            return BucketFolder(bucket, place.path, place.path)
        if not is_bucket_name(bucket.name):
            return None
        return BucketFolder(bucket, str(Path(place.path) / bucket.name), place.path)

    def _place(self, name: str) -> Destination | HostFolder | None:
        lower = name.lower().removesuffix(".")
        for known, place in self.exact:
            if known == lower:
                return place
        for suffix, place in self.below:
            if lower.endswith(suffix):
                return place
        return None

    @property
    def has_folders(self) -> bool:
        """Whether a name leads to a folder."""
        return any(isinstance(place, HostFolder) for _, place in (*self.exact, *self.below))

    def __bool__(self) -> bool:
        return bool(self.exact or self.below)


def parsed_hosts(given: Mapping[str, str], base: Path = Path()) -> Hosts:
    """The checked part of a configuration as `Hosts`; of wildcards the longest one first.

    Relative folders are relative to `base`.
    """
    places = {
        name.lower().removesuffix("."): _parsed(name, where, base) for name, where in given.items()
    }
    below = [(name[1:], place) for name, place in places.items() if name.startswith("*.")]
    below.sort(key=lambda entry: -len(entry[0]))
    exact = [(name, place) for name, place in places.items() if not name.startswith("*.")]
    return Hosts(tuple(exact), tuple(below))


def name_places(hosts: Hosts) -> tuple[NamePlace, ...]:
    """Where names lead the connections that functions open themselves, the longest ones first.

    A port means one protocol there: 443 leads to `https://` places, 80 to `http://` ones.
    """
    return tuple(
        NamePlace(name, {"http": 80, "https": 443}[place[0]], place[1], place[2])
        for name, place in (*hosts.exact, *hosts.below)
        if not isinstance(place, HostFolder)
    )


def is_name(text: str) -> bool:
    """Whether `text`, in lower case, is a name of DNS."""
    return len(text) <= 253 and _NAME.fullmatch(text) is not None


def is_folder(where: str) -> bool:
    """Whether an entry leads to a folder: it begins with a dot or a slash, or names a drive."""
    return where.startswith((".", "/", "\\")) or re.match(r"[A-Za-z]:[\\/](?!/)", where) is not None


def host_problem(name: str, where: str, base: Path = Path()) -> str | None:
    """What is wrong with an entry, for a finding; None when nothing is."""
    if not is_name(name.lower().removesuffix(".").removeprefix("*.")):
        return f"{name!r} is no name of DNS, nor one that begins with '*.': {NAME_FORM}"
    if is_folder(where):
        return name_fault(base / where)
    try:
        origin_address(where)
    except ValueError as error:
        return (
            f"{name!r} leads to http://HOST[:PORT] or https://HOST[:PORT], or to a folder as "
            f"./buckets; found {where!r}: {error}"
        )
    return None


def _parsed(name: str, where: str, base: Path) -> Destination | HostFolder:
    if is_folder(where):
        return HostFolder(str(base / where), holds_buckets=name.startswith("*."))
    address = origin_address(where)
    return address.protocol, address.host, address.port
