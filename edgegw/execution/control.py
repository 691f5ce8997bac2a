"""What the Lambda API does: one method per operation, on a service."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from edgegw.awslambda import api
from edgegw.awslambda.api import CodeFacts
from edgegw.awslambda.model import LATEST, Function, FunctionRef
from edgegw.awslambda.payload import Json
from edgegw.awslambda.service_errors import ServiceError, invalid, not_found
from edgegw.awslambda.versions import (
    Alias,
    Deployed,
    check_provisionable,
    create_alias,
    delete_alias,
    publish,
    put_provisioned,
    put_reserved,
    update_alias,
)
from edgegw.errors import EnvironmentProblem
from edgegw.execution.packages import code_digest
from edgegw.execution.service import LambdaService

PAGE: Final = 50

ControlAnswer = dict[str, Json]
_T = TypeVar("_T")


class ControlPlane:
    """The control plane of one service. Methods raise ServiceError."""

    def __init__(self, service: LambdaService) -> None:
        self._service = service
        self._account = service.account
        self._since = time.time()
        self._facts: dict[tuple[str, str], CodeFacts] = {}

    def deployed(self, ref: FunctionRef) -> Deployed:
        """The function that `ref` names. Raises ServiceError when there is none."""
        found = self._service.functions.get(ref.name)
        if found is None:
            raise not_found(self._account.arn(ref.name, ref.qualifier))
        return found

    def function(self, ref: FunctionRef) -> Function:
        """The version that `ref` means; for an alias its own one."""
        deployed = self.deployed(ref)
        qualifier = ref.qualifier or LATEST
        alias = deployed.aliases.get(qualifier)
        found = deployed.version(alias.version if alias is not None else qualifier)
        if found is None:
            raise not_found(self._account.arn(ref.name, ref.qualifier))
        return found

    async def facts(self, function: Function) -> CodeFacts:
        """Fingerprint and size of a version's code; published ones are looked at once."""
        key = (function.name, function.version)
        if function.version != LATEST and key in self._facts:
            return self._facts[key]
        digest, size = await asyncio.to_thread(code_digest, function.code)
        revision = hashlib.sha256(f"{digest}{function}".encode()).digest()[:16]
        known = self._facts.get(key)
        stamp = _stamp(self._since if known is None else time.time())
        if known is not None and known.sha256 == digest:
            stamp = known.last_modified
        facts = CodeFacts(digest, size, stamp, str(uuid.UUID(bytes=revision, version=4)))
        self._facts[key] = facts
        return facts

    async def _configuration(self, function: Function, qualifier: str) -> ControlAnswer:
        facts = await self.facts(function)
        return api.function_configuration(function, facts, self._account, qualifier)

    async def get_function_configuration(self, ref: FunctionRef) -> ControlAnswer:
        return await self._configuration(self.function(ref), ref.qualifier)

    async def get_function(self, ref: FunctionRef) -> ControlAnswer:
        function = self.function(ref)
        location = Path(function.code).as_uri()
        found: ControlAnswer = {
            "Configuration": await self._configuration(function, ref.qualifier),
            "Code": {"RepositoryType": "S3", "Location": location},
        }
        reserved = self.deployed(ref).reserved
        if reserved is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
        return found

    async def list_functions(self, query: Mapping[str, str]) -> ControlAnswer:
        wanted: list[tuple[Function, str]] = []
        for name in sorted(self._service.functions):
            deployed = self._service.functions[name]
            wanted.append((deployed.latest, ""))
            if query.get("FunctionVersion") == "ALL":
                wanted[-1] = (deployed.latest, LATEST)
                wanted += [(each, each.version) for each in deployed.versions.values()]
        page, marker = _page(wanted, query)
        listed = [await self._configuration(*each) for each in page]
        return {"Functions": listed, **marker}

    async def list_versions(self, ref: FunctionRef, query: Mapping[str, str]) -> ControlAnswer:
        deployed = self.deployed(ref)
        wanted = [deployed.latest, *deployed.versions.values()]
        page, marker = _page(wanted, query)
        listed = [await self._configuration(each, each.version) for each in page]
        return {"Versions": listed, **marker}

    async def publish_version(self, ref: FunctionRef, body: Mapping[str, Json]) -> ControlAnswer:
        deployed = self.deployed(ref)
        facts = await self.facts(deployed.latest)
        expected = api.text_member(body, "RevisionId", "")
        if expected and expected != facts.revision:
            raise _stale()
        deployed = await self._with_digests(deployed)
        description = api.text_member(body, "Description", "")
        sha256 = api.text_member(body, "CodeSha256", "")
        changed, version = publish(deployed, facts.sha256, description=description, expected=sha256)
        if changed is not deployed:
            kept = await self._copied(deployed.latest)
            changed, version = publish(
                deployed, facts.sha256, code=kept, description=description, expected=sha256
            )
            self._service.change(changed)
        return await self._configuration(version, version.version)

    async def _copied(self, function: Function) -> str:
        """The folder with a copy of the code. Raises ServiceError where there can be none."""
        try:
            return await asyncio.to_thread(self._service.packages.snapshot, function)
        except EnvironmentProblem as problem:
            raise ServiceError("InvalidParameterValueException", str(problem)) from problem

    async def _with_digests(self, deployed: Deployed) -> Deployed:
        """With the newest version's fingerprint, so that it shows whether anything changed."""
        newest = deployed.versions.get(str(deployed.highest))
        if newest is None or newest.version in deployed.digests:
            return deployed
        digest = (await self.facts(newest)).sha256
        return replace(deployed, digests={**deployed.digests, newest.version: digest})

    # Aliases

    def list_aliases(self, ref: FunctionRef, query: Mapping[str, str]) -> ControlAnswer:
        deployed = self.deployed(ref)
        version = query.get("FunctionVersion")
        wanted = [
            each for _, each in sorted(deployed.aliases.items()) if version in (None, each.version)
        ]
        page, marker = _page(wanted, query)
        listed = [api.alias_configuration(deployed, each, self._account) for each in page]
        return {"Aliases": listed, **marker}

    def get_alias(self, ref: FunctionRef, name: str) -> ControlAnswer:
        deployed = self.deployed(ref)
        alias = deployed.aliases.get(name)
        if alias is None:
            arn = self._account.arn(ref.name, name)
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {arn}")
        return api.alias_configuration(deployed, alias, self._account)

    def create_alias(self, ref: FunctionRef, body: Mapping[str, Json]) -> ControlAnswer:
        alias = Alias(
            api.text_member(body, "Name"),
            api.text_member(body, "FunctionVersion"),
            api.routing_member(body),
            api.text_member(body, "Description", ""),
            str(uuid.uuid4()),
        )
        deployed = create_alias(self.deployed(ref), alias, self._account)
        self._service.change(deployed)
        return api.alias_configuration(deployed, alias, self._account)

    def update_alias(self, ref: FunctionRef, name: str, body: Mapping[str, Json]) -> ControlAnswer:
        deployed = self.deployed(ref)
        old = deployed.aliases.get(name, Alias(name, LATEST))
        alias = Alias(
            name,
            api.text_member(body, "FunctionVersion", old.version),
            api.routing_member(body) if "RoutingConfig" in body else old.routing,
            api.text_member(body, "Description", old.description),
            str(uuid.uuid4()),
        )
        expected = api.text_member(body, "RevisionId", "")
        deployed = update_alias(deployed, alias, self._account, expected=expected)
        self._service.change(deployed)
        return api.alias_configuration(deployed, alias, self._account)

    def delete_alias(self, ref: FunctionRef, name: str) -> None:
        self._service.change(delete_alias(self.deployed(ref), name))

    # Concurrency

    def put_concurrency(self, ref: FunctionRef, body: Mapping[str, Json]) -> ControlAnswer:
        deployed = self._unqualified(ref)
        reserved = api.count_member(body, "ReservedConcurrentExecutions", 0)
        others = sum(
            each.reserved or 0 for each in self._service.functions.values() if each is not deployed
        )
        self._service.change(put_reserved(deployed, reserved, others, self._account))
        return {"ReservedConcurrentExecutions": reserved}

    def get_concurrency(self, ref: FunctionRef) -> ControlAnswer:
        reserved = self._unqualified(ref).reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def delete_concurrency(self, ref: FunctionRef) -> None:
        self._service.change(put_reserved(self._unqualified(ref), None, 0, self._account))

    def _unqualified(self, ref: FunctionRef) -> Deployed:
        if ref.qualifier:
            raise invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do "
                "not support this operation. Please specify either a function name or an "
                "unqualified function ARN."
            )
        return self.deployed(ref)

    def put_provisioned(self, ref: FunctionRef, body: Mapping[str, Json]) -> ControlAnswer:
        count = api.count_member(body, "ProvisionedConcurrentExecutions", 1)
        self._provision(ref, count)
        return api.provisioned_configuration(count, 0, "", _stamp(time.time()))

    def delete_provisioned(self, ref: FunctionRef) -> None:
        self._configured(ref)
        self._provision(ref, 0)

    def _provision(self, ref: FunctionRef, count: int) -> None:
        deployed = self.deployed(ref)
        others = sum(
            sum(each.provisioned.values()) if each.reserved is None else each.reserved
            for each in self._service.functions.values()
            if each is not deployed
        )
        changed = put_provisioned(deployed, ref.qualifier, count, others, self._account)
        self._service.change(changed)
        self._service.provision(ref.name, ref.qualifier)

    def get_provisioned(self, ref: FunctionRef) -> ControlAnswer:
        requested = self._configured(ref)
        deployed = self.deployed(ref)
        pool = self._service.pools(ref.name).get(deployed.provisioned_version(ref.qualifier))
        ready, failure = 0, ""
        if pool is not None:
            ready = pool.provisioned_ready
            failure = "FUNCTION_ERROR_INIT_FAILURE" if pool.provisioning_failure else ""
        return api.provisioned_configuration(requested, ready, failure, _stamp(self._since))

    def _configured(self, ref: FunctionRef) -> int:
        deployed = self.deployed(ref)
        if not ref.qualifier or ref.qualifier == LATEST:
            raise invalid("The function resource provided must be an alias or a published version.")
        check_provisionable(deployed, ref.qualifier, self._account)
        found = deployed.provisioned.get(ref.qualifier)
        if found is None:
            raise ServiceError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
            )
        return found

    async def account_settings(self) -> ControlAnswer:
        functions = self._service.functions.values()
        sizes = [(await self.facts(each.latest)).size for each in functions]
        unreserved = self._service.unreserved_concurrency
        return api.account_settings(self._account, unreserved, len(sizes), sum(sizes))

    # For people

    def table(self) -> list[ControlAnswer]:
        """What `edgegw functions` shows: a row per function."""
        return [self._row(name, each) for name, each in sorted(self._service.functions.items())]

    def _row(self, name: str, deployed: Deployed) -> ControlAnswer:
        pools = [*self._service.pools(name).values(), *self._service.edge_pools(name).values()]
        return {
            "name": name,
            "runtime": deployed.latest.runtime.identifier,
            "found": self._service.runtime_found(deployed.latest),
            "versions": [LATEST, *deployed.versions],
            "aliases": [_alias_text(each) for each in deployed.aliases.values()],
            "environments": sum(len(each.environments) for each in pools),
            "busy": sum(each.busy for each in pools),
            "provisioned": sum(each.provisioned_ready for each in pools),
            "reserved": deployed.reserved,
        }


def _alias_text(alias: Alias) -> str:
    if alias.routing is None:
        return f"{alias.name}={alias.version}"
    other, share = alias.routing
    return f"{alias.name}={alias.version}+{other}({share:.0%})"


def _page(rows: Iterable[_T], query: Mapping[str, str]) -> tuple[list[_T], ControlAnswer]:
    """One page of `rows`, and `NextMarker` where there is more."""
    return api.listed_page(rows, query, size=PAGE, most=api.MOST_ASKED)


def _stale() -> ServiceError:
    return ServiceError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
    )


def _stamp(at: float) -> str:
    """`2026-01-02T03:04:05.678+0000`."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1000):03d}+0000"
