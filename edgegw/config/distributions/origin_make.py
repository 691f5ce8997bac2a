"""Origins of a checked configuration → values, and the folders that stand for buckets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

from edgegw.awslambda.names import Account
from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront.s3.bucket import Bucket, Website, rest_domains, website_domain
from edgegw.config import schema
from edgegw.config.addresses import origin_address
from edgegw.config.balancers.make import BalancerResolver
from edgegw.config.buckets import BucketFolder
from edgegw.config.distributions import keys
from edgegw.config.distributions.bucket_rules import default_bucket
from edgegw.config.http_fronts.make import function_url_door
from edgegw.config.listening import resolve_listener_listen

Scheme = Literal["http", "https"]


class OriginResolver:
    """Resolves the origins of all distributions of `config`."""

    def __init__(self, config: schema.Config, base: Path, balancers: BalancerResolver) -> None:
        self._config = config
        self._base = base
        self._balancers = balancers

    def origin(self, distribution: str, name: str, viewer: Scheme) -> cloudfront.Origin:
        """The origin `name` of a distribution, for viewers that come over `viewer`."""
        given = self._config.distributions[distribution].origins[name]
        known_as = f"{distribution}/{name}"
        if given.s3 is not None:
            return replace(self._bucket(distribution, name, given), name=known_as)
        return replace(self._custom(distribution, name, given, viewer), name=known_as)

    def buckets(self) -> dict[str, BucketFolder]:
        """The folders that stand for buckets, by every name that a bucket has in DNS."""
        folders: dict[str, BucketFolder] = {}
        for distribution, each in self._config.distributions.items():
            for name, origin in each.origins.items():
                bucket, region = self._names(distribution, name, origin)
                if origin.s3 is not None:
                    access = origin.access_control or "public"
                    made = Bucket(bucket, access, origin.list_bucket)
                    for domain in rest_domains(bucket, region):
                        folders[domain] = self._folder(made, origin.s3)
                elif origin.s3_website is not None:
                    site = Website(
                        origin.index_document or "index.html", origin.error_document or ""
                    )
                    made = Bucket(bucket, website=site)
                    domain = website_domain(bucket, region)
                    folders[domain] = self._folder(made, origin.s3_website)
        return folders

    def _folder(self, bucket: Bucket, folder: str) -> BucketFolder:
        path = str(self._base / folder)
        return BucketFolder(bucket, path, path)

    def _names(self, distribution: str, name: str, origin: keys.Origin) -> tuple[str, str]:
        """The names of bucket and Region."""
        bucket = origin.bucket or default_bucket(distribution, name)
        return bucket, origin.region or self._config.gateway.region

    def _bucket(self, distribution: str, name: str, origin: keys.Origin) -> cloudfront.S3Origin:
        bucket, region = self._names(distribution, name, origin)
        is_identity = origin.access_control == "oai"
        return cloudfront.S3Origin(
            rest_domains(bucket, region)[0],
            origin.path,
            _custom_headers(origin),
            "origin-access-identity" if is_identity else "none",
            region if is_identity else "",
            is_signed=origin.access_control == "oac",
        )

    def _custom(
        self, distribution: str, name: str, origin: keys.Origin, viewer: Scheme
    ) -> cloudfront.CustomOrigin:
        protocol, domain, port = self._address(distribution, name, origin, viewer)
        return cloudfront.CustomOrigin(
            domain,
            port,
            protocol,
            origin.path,
            _custom_headers(origin),
            origin.read_timeout,
            origin.keepalive_timeout,
            None,
            connection_attempts=origin.connection_attempts,
            connection_timeout=origin.connection_timeout,
            verify=origin.verify,
        )

    def _address(
        self, distribution: str, name: str, origin: keys.Origin, viewer: Scheme
    ) -> tuple[Scheme, str, int]:
        if origin.function_url is not None:
            return "https", self._url_domain(origin.function_url), 443
        if origin.load_balancer is not None:
            return self._balancer_address(origin.load_balancer)
        if origin.s3_website is not None:
            return "http", website_domain(*self._names(distribution, name, origin)), 80
        return _address_of_url(origin, viewer)

    def _url_domain(self, name: str) -> str:
        gateway = self._config.gateway
        account = Account(gateway.region, gateway.account_id, gateway.concurrency)
        return function_url_door(name, self._config, account, self._base).url.domain

    def _balancer_address(self, name: str) -> tuple[Scheme, str, int]:
        balancer = self._config.load_balancers[name]
        shared = self._balancers.load_balancer(name, balancer)
        first = balancer.listeners[0]
        tls = resolve_listener_listen(first, self._base).tls
        listener = self._balancers.listener(shared, first, tls=tls)
        return cast("Scheme", listener.protocol.lower()), shared.dns_name, listener.port


def _custom_headers(origin: keys.Origin) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in origin.custom_headers.items())


def _address_of_url(origin: keys.Origin, viewer: Scheme) -> tuple[Scheme, str, int]:
    """Where the url leads; a policy says which protocol, the port of the url is for its own one."""
    address = origin_address(origin.url or "")
    policies: dict[str | None, Scheme] = {"http-only": "http", "https-only": "https"}
    chosen = viewer if origin.protocol_policy == "match-viewer" else None
    protocol = chosen or policies.get(origin.protocol_policy, address.protocol)
    given = origin.http_port if protocol == "http" else origin.https_port
    usual = address.port if protocol == address.protocol else {"http": 80, "https": 443}[protocol]
    return protocol, address.host, given or usual
