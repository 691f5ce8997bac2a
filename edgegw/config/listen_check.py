"""Places to listen: each is one front door's, or of distributions that the Host picks from."""

from __future__ import annotations

import ipaddress

from edgegw.config.addresses import host_fault
from edgegw.config.document import Document, KeyPath
from edgegw.config.fields import Listen
from edgegw.config.schema import Config
from edgegw.http.authority import authority_of
from edgegw.values import value


@value
class _ListenPlace:
    """A place to listen and what stands there: a distribution, or empty for anything else."""

    path: KeyPath
    listen: Listen
    distribution: str = ""

    def goes_with(self, other: _ListenPlace) -> bool:
        """Whether both can be at one port."""
        if not self.distribution or not other.distribution:
            return False
        return self.distribution != other.distribution and self.is_secure == other.is_secure

    @property
    def is_secure(self) -> bool:
        return bool(self.listen.tls)


def check_listening(document: Document, config: Config) -> None:
    """What cannot be listened on, or by two at once; what other machines reach."""
    taken: dict[tuple[str, int], list[_ListenPlace]] = {}
    for place in _places(document, config):
        listen = place.listen
        fault = host_fault(listen.address) if listen.address else None
        if fault is not None:
            document.error(place.path, "config.address", fault)
            continue
        if listen.port == 0:
            continue
        before = taken.setdefault((listen.address, listen.port), [])
        _check_alone(document, place, before)
        before.append(place)
        if not _is_loopback(listen.address):
            text = f"{listen.address} is reachable from other machines; 127.0.0.1 is not"
            document.warning(place.path, "config.not-loopback", text)


def _places(document: Document, config: Config) -> list[_ListenPlace]:
    places = [
        _ListenPlace(_listen_path(document, name, at), listen, name)
        for name, distribution in config.distributions.items()
        for at, listen in enumerate(distribution.listen)
    ]
    for name, balancer in config.load_balancers.items():
        for at, listener in enumerate(balancer.listeners):
            path: KeyPath = ("load_balancers", name, "listeners", at, "listen")
            places.append(_ListenPlace(path, listener.listen))
    for name, function in config.functions.items():
        if function.url is not None:
            places.append(_ListenPlace(("functions", name, "url", "listen"), function.url.listen))
    for name, api in config.http_apis.items():
        places.append(_ListenPlace(("http_apis", name, "listen"), api.listen))
    for name, provider in config.identity_providers.items():
        path = ("identity_providers", name, "listen")
        places.append(_ListenPlace(path, provider.listen))
    for key in ("lambda_api", "public_keys"):
        listen: Listen | None = getattr(config.gateway, key)
        if listen is not None:
            places.append(_ListenPlace(("gateway", key), listen))
    return places


def _check_alone(document: Document, place: _ListenPlace, before: list[_ListenPlace]) -> None:
    """Only distributions share a port, all with TLS or all without."""
    other = next((known for known in before if not place.goes_with(known)), None)
    if other is None:
        return
    line, _ = document.place(other.path)
    where = authority_of(place.listen.address, place.listen.port)
    text = f"{where} is taken by {'.'.join(map(str, other.path))} (line {line})"
    if place.distribution and other.distribution and place.is_secure != other.is_secure:
        text += ": distributions share a port with tls at all of them, or at none"
    document.error(place.path, "config.duplicate-listener", text)


def _listen_path(document: Document, name: str, at: int) -> KeyPath:
    """Where the place to listen stands: alone, or in a list."""
    path: KeyPath = ("distributions", name, "listen")
    return (*path, at) if (*path, at) in document.values else path


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
