"""A function with its versions, aliases, concurrency and policy, and what may change about them.

Values are immutable: a change answers the function as it is afterwards, or raises ServiceError.
Ids and dice are handed in.
Source: Lambda Developer Guide, "Manage Lambda function versions", "Create an alias for a Lambda
function", "Configuring reserved concurrency for a function".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import Final

from edgegw.awslambda.async_invocation import EventInvokeConfig
from edgegw.awslambda.lineage import RecursiveLoop
from edgegw.awslambda.model import LATEST, Function, FunctionRef
from edgegw.awslambda.names import Account, is_version
from edgegw.awslambda.permissions import Statement
from edgegw.awslambda.service_errors import ServiceError, constraint, invalid, not_found
from edgegw.values import value

MIN_UNRESERVED: Final = 100
"""Concurrency that reservations must leave to the other functions of the account.

Source: Lambda Developer Guide, "Configuring reserved concurrency for a function".
"""

ALIAS_PATTERN: Final = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
"""The form of an alias' name: no number.

Source: Lambda API Reference, "CreateAlias", parameter Name.
"""
_ALIAS: Final = re.compile(ALIAS_PATTERN)
_MAX_ALIAS: Final = 128
"""Characters of an alias' name.

Source: Lambda API Reference, "CreateAlias", parameter Name.
"""


@value
class Alias:
    """A name for a version. `routing` sends a share (0 to 1) of invocations to a second one."""

    name: str
    version: str
    routing: tuple[str, float] | None = None
    description: str = ""
    revision: str = ""


def _nothing() -> Mapping[str, Function]:
    return MappingProxyType({})


@value
class Deployed:
    """One function of the account: `$LATEST`, published versions and all that hangs on them.

    `digests` holds the code's fingerprint by version, `provisioned` the concurrency provisioned
    by qualifier, `event_invoke` what was configured for asynchronous invocations, by qualifier
    too (`$LATEST` for the function itself). `is_implied` says that version 1 is the same code as
    `$LATEST` because the configuration names no versions.
    """

    latest: Function
    versions: Mapping[str, Function] = field(default_factory=_nothing)
    aliases: Mapping[str, Alias] = field(default_factory=lambda: MappingProxyType({}))
    digests: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    reserved: int | None = None
    provisioned: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    policy: tuple[Statement, ...] | None = None
    is_implied: bool = False
    highest: int = 0
    event_invoke: Mapping[str, EventInvokeConfig] = field(
        default_factory=lambda: MappingProxyType({})
    )
    recursive_loop: RecursiveLoop = "Terminate"

    @property
    def name(self) -> str:
        return self.latest.name

    def version(self, number: str) -> Function | None:
        """The version `number` or `$LATEST`, if there is one."""
        return self.latest if number == LATEST else self.versions.get(number)

    def targets(self, ref: FunctionRef) -> tuple[tuple[str, float], ...]:
        """The versions that `ref` may run with their shares; empty when the qualifier is unknown.

        Source: Lambda Developer Guide, "Implement Lambda canary deployments using a weighted
        alias".
        """
        qualifier = ref.qualifier
        if not qualifier:
            qualifier = "1" if ref.at_edge and self.is_implied else LATEST
        if is_version(qualifier):
            return ((qualifier, 1.0),) if self.version(qualifier) is not None else ()
        alias = self.aliases.get(qualifier)
        if alias is None:
            return ()
        if alias.routing is None:
            return ((alias.version, 1.0),)
        other, share = alias.routing
        return ((other, share), (alias.version, 1.0 - share))

    def meant(self, ref: FunctionRef) -> Function:
        """The version that most invocations of `ref` run; `$LATEST` where there is none."""
        targets = sorted(self.targets(ref), key=lambda target: target[1])
        return (self.version(targets[-1][0]) if targets else None) or self.latest

    def provisioned_version(self, qualifier: str) -> str:
        """The version whose environments a provisioned concurrency on `qualifier` means."""
        alias = self.aliases.get(qualifier)
        return alias.version if alias is not None else qualifier


def single(function: Function) -> Deployed:
    """A function of which only the code is known: version 1 is that code too."""
    version = replace(function, version="1", reserved_concurrency=None)
    return Deployed(
        function,
        MappingProxyType({"1": version}),
        reserved=function.reserved_concurrency,
        is_implied=True,
        highest=1,
    )


def choose_version(targets: tuple[tuple[str, float], ...], draw: float) -> str:
    """The version to run; `draw` in [0, 1) decides between the two of a weighted alias."""
    version, share = targets[0]
    return version if len(targets) == 1 or draw < share else targets[1][0]


def publish(
    deployed: Deployed, digest: str, *, code: str = "", description: str = "", expected: str = ""
) -> tuple[Deployed, Function]:
    """Publishes `$LATEST`, whose code has the fingerprint `digest` and is kept at `code`.

    Without a change since the last version that one is answered. `expected` is CodeSha256.
    """
    if expected and expected != digest:
        raise invalid(
            f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({digest}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    newest = deployed.versions.get(str(deployed.highest))
    if newest is not None and deployed.digests.get(newest.version) == digest:
        latest = replace(deployed.latest, description=description or newest.description)
        if _as_published(latest, newest.version, newest.code) == newest:
            return deployed, newest
    number = str(deployed.highest + 1)
    latest = replace(deployed.latest, description=description or deployed.latest.description)
    version = _as_published(latest, number, code or deployed.latest.code)
    return (
        replace(
            deployed,
            versions=MappingProxyType({**deployed.versions, number: version}),
            digests=MappingProxyType({**deployed.digests, number: digest}),
            highest=deployed.highest + 1,
            is_implied=False,
        ),
        version,
    )


def _as_published(function: Function, number: str, code: str) -> Function:
    return replace(function, version=number, code=code, reserved_concurrency=None)


def is_alias_name(name: str) -> bool:
    """Whether an alias may be called so: letters, digits, `-` and `_`, not digits only.

    Source: Lambda API Reference, "CreateAlias", parameter Name.
    """
    return len(name) <= _MAX_ALIAS and _ALIAS.fullmatch(name) is not None


def create_alias(deployed: Deployed, alias: Alias, account: Account) -> Deployed:
    """Adds `alias`. Raises ServiceError: malformed, taken, or for a version that is not there."""
    if not is_alias_name(alias.name):
        rule = f"Member must satisfy regular expression pattern: {ALIAS_PATTERN}"
        raise constraint(alias.name, "name", rule)
    if alias.name in deployed.aliases:
        arn = account.arn(deployed.name, alias.name)
        raise ServiceError("ResourceConflictException", f"Alias already exists: {arn}")
    return _with_alias(deployed, alias, account)


def update_alias(
    deployed: Deployed, alias: Alias, account: Account, *, expected: str = ""
) -> Deployed:
    """Replaces the alias of that name; `expected` is the RevisionId that it must have."""
    old = deployed.aliases.get(alias.name)
    if old is None:
        arn = account.arn(deployed.name, alias.name)
        raise ServiceError("ResourceNotFoundException", f"Alias not found: {arn}")
    if expected and expected != old.revision:
        raise ServiceError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id",
        )
    return _with_alias(deployed, alias, account)


def _with_alias(deployed: Deployed, alias: Alias, account: Account) -> Deployed:
    check_routing(deployed, alias, account)
    return replace(deployed, aliases=MappingProxyType({**deployed.aliases, alias.name: alias}))


def check_routing(deployed: Deployed, alias: Alias, account: Account) -> None:
    """Raises ServiceError when the versions of `alias` cannot go together."""
    if deployed.version(alias.version) is None:
        raise not_found(account.arn(deployed.name, alias.version))
    if alias.routing is None:
        return
    other, share = alias.routing
    if not 0.0 <= share <= 1.0:
        raise constraint(
            str(share),
            "routingConfig.additionalVersionWeights",
            "Member must be between 0.0 and 1.0",
        )
    if LATEST in (alias.version, other):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if other == alias.version:
        raise invalid(
            f"Invalid function version {other}. Function version {other} is already included in "
            "routing configuration."
        )
    if deployed.version(other) is None:
        raise not_found(account.arn(deployed.name, other))


def delete_alias(deployed: Deployed, name: str) -> Deployed:
    """Takes an alias away, with its provisioned concurrency; one that is not there is no error."""
    return replace(
        deployed,
        aliases=MappingProxyType({k: v for k, v in deployed.aliases.items() if k != name}),
        provisioned=MappingProxyType({k: v for k, v in deployed.provisioned.items() if k != name}),
    )


def put_reserved(
    deployed: Deployed, reserved: int | None, others: int, account: Account
) -> Deployed:
    """Reserves concurrency, or gives it back (None); `others` is what other functions reserve."""
    if reserved is not None:
        provisioned = sum(deployed.provisioned.values())
        if reserved < provisioned:
            raise invalid(
                f" ReservedConcurrentExecutions  {reserved} should not be lower than function's "
                f"total provisioned concurrency [{provisioned}]."
            )
        if account.concurrency - others - reserved < MIN_UNRESERVED:
            raise invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{MIN_UNRESERVED}]."
            )
    return replace(deployed, reserved=reserved)


def put_provisioned(
    deployed: Deployed, qualifier: str, count: int, others: int, account: Account
) -> Deployed:
    """Provisions `count` environments for a version or alias; 0 takes them away.

    `others` is the concurrency of the account that is spoken for elsewhere.
    Source: Lambda Developer Guide, "Configuring provisioned concurrency for a function".
    """
    if not qualifier:
        raise invalid("The function resource provided must be an alias or a published version.")
    if qualifier == LATEST:
        raise invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    check_provisionable(deployed, qualifier, account)
    rest = {k: v for k, v in deployed.provisioned.items() if k != qualifier}
    if count:
        _check_provisioned_twice(deployed, qualifier, rest)
        total = sum(rest.values()) + count
        if deployed.reserved is not None:
            if total > deployed.reserved:
                raise invalid(
                    "Requested Provisioned Concurrency should not be greater than the "
                    "reservedConcurrentExecution for function"
                )
        elif account.concurrency - others - total < MIN_UNRESERVED:
            raise invalid(
                "Specified ConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{MIN_UNRESERVED}]."
            )
        rest[qualifier] = count
    return replace(deployed, provisioned=MappingProxyType(rest))


def check_provisionable(deployed: Deployed, qualifier: str, account: Account) -> None:
    """Raises ServiceError when `qualifier` is no alias or version of the function."""
    if is_version(qualifier):
        if deployed.version(qualifier) is None:
            raise not_found(account.arn(deployed.name, qualifier))
    elif qualifier not in deployed.aliases:
        arn = account.arn(deployed.name, qualifier)
        raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {arn}")


def _check_provisioned_twice(deployed: Deployed, qualifier: str, rest: Mapping[str, int]) -> None:
    version = deployed.provisioned_version(qualifier)
    if not any(deployed.provisioned_version(each) == version for each in rest):
        return
    text = "Version is pointed by a Provisioned Concurrency alias"
    if not is_version(qualifier):
        text = (
            "Alias can't be used for Provisioned Concurrency configuration on an already "
            "Provisioned version"
        )
    raise ServiceError("ResourceConflictException", text)
