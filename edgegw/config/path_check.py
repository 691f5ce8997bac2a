"""The files that a configuration names beside code: certificates and buckets, logs and state.

All must have names that files can have. That a certificate is not there is a warning only: keys are
not in git, and a configuration is also checked where it does not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

from edgegw.config.document import Document, KeyPath
from edgegw.config.fields import Listen, Tls
from edgegw.config.files import is_file, is_folder_there, missing, name_fault
from edgegw.config.gateway.hosts import is_folder
from edgegw.config.schema import Config


def check_paths(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with the paths of files; relative ones are relative to `base`."""
    for path, name in (*_written(config), *_read(config)):
        fault = name_fault(base / name)
        if fault is not None:
            document.error(path, "config.file", fault)
    for path, name in _read(config):
        problem = missing(base / name)
        if problem is not None and name_fault(base / name) is None:
            document.warning(path, "config.file", f"{base / name} {problem}")
    for path, name in _buckets(config):
        if is_file(base / name):
            text = f"{base / name} is a file: a bucket is a folder, and has nothing else"
            document.warning(path, "config.file", text)
    for path, name in _logs(config):
        if is_folder_there(base / name):
            text = f"{base / name} is a folder: a log is a file, such as {name.rstrip('/')}/log"
            document.error(path, "config.file", text)


def _written(config: Config) -> Iterator[tuple[KeyPath, str]]:
    yield ("gateway", "state"), config.gateway.state
    yield from _logs(config)


def _logs(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for name, distribution in config.distributions.items():
        if distribution.access_log is not None:
            yield ("distributions", name, "access_log"), distribution.access_log.file
    for name, balancer in config.load_balancers.items():
        for key in ("access_log", "connection_log", "health_check_log"):
            file = getattr(balancer, key)
            if file is not None:
                yield ("load_balancers", name, key), file


def _read(config: Config) -> Iterator[tuple[KeyPath, str]]:
    yield from _buckets(config)
    for name, distribution in config.distributions.items():
        for at, listen in enumerate(distribution.listen):
            yield from _of_listen(("distributions", name, "listen", at), listen)
    for name, function in config.functions.items():
        if function.url is not None:
            yield from _of_listen(("functions", name, "url", "listen"), function.url.listen)
    for name, api in config.http_apis.items():
        yield from _of_listen(("http_apis", name, "listen"), api.listen)
    for key in ("lambda_api", "public_keys"):
        listen: Listen | None = getattr(config.gateway, key)
        if listen is not None:
            yield from _of_listen(("gateway", key), listen)
    for name, balancer in config.load_balancers.items():
        for at, listener in enumerate(balancer.listeners):
            path: KeyPath = ("load_balancers", name, "listeners", at)
            yield from _of_listen((*path, "listen"), listener.listen)
            if listener.certificate is not None and listener.key is not None:
                yield (*path, "certificate"), listener.certificate
                yield (*path, "key"), listener.key
            for number, pair in enumerate(listener.certificates):
                yield (*path, "certificates", number, "certificate"), pair.certificate
                yield (*path, "certificates", number, "key"), pair.key


def _buckets(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for name, where in config.gateway.hosts.items():
        if is_folder(where):
            yield ("gateway", "hosts", name), where
    for name, distribution in config.distributions.items():
        for origin, given in distribution.origins.items():
            for kind, folder in (("s3", given.s3), ("s3_website", given.s3_website)):
                if folder is not None:
                    yield ("distributions", name, "origins", origin, kind), folder


def _of_listen(path: KeyPath, listen: Listen) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(listen.tls, Tls):
        yield (*path, "tls", "certificate"), listen.tls.certificate
        yield (*path, "tls", "key"), listen.tls.key
