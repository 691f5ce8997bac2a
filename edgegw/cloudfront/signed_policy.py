"""Policies of signed URLs and cookies: what they allow, until when, from where.

A canned policy is a date alone, and CloudFront rebuilds its text around the URL that is asked for.
A custom one comes along as JSON and names a resource with wildcards. A wildcard stays within its
section of the URL: protocol, domain, path, query. Three exceptions: `*` at the end of the path also
stands for any query, at the end of the domain for any path and query, and alone for everything.

Source: CloudFront Developer Guide, "Create a signed URL using a canned policy" and "Create a signed
URL using a custom policy".
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, cast

from edgegw.values import value


class PolicyError(ValueError):
    """A policy is not what CloudFront reads; the message says what is wrong."""


@value
class SignedPolicy:
    """What a policy allows: `resource` (None: everything), dates in seconds since 1970, a network.

    It begins behind `after` and ends with `until`.
    """

    resource: str | None
    until: int
    after: int | None = None
    network: str | None = None


def canned_policy(url: str, expires: int) -> str:
    """The text that is signed for a canned policy.

    Source: CloudFront Developer Guide, "Create a signature for a signed URL that uses a canned
    policy".
    """
    resource = json.dumps(url)
    condition = f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}'
    return f'{{"Statement":[{{"Resource":{resource},"Condition":{condition}}}]}}'


def custom_policy(policy: SignedPolicy) -> str:
    """The text of a custom policy, without white space."""
    condition: dict[str, Any] = {"DateLessThan": {"AWS:EpochTime": policy.until}}
    if policy.after is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": policy.after}
    if policy.network is not None:
        condition["IpAddress"] = {"AWS:SourceIp": policy.network}
    statement: dict[str, Any] = {"Condition": condition}
    if policy.resource is not None:
        statement = {"Resource": policy.resource, **statement}
    return json.dumps({"Statement": [statement]}, separators=(",", ":"))


def parse_policy(text: bytes) -> SignedPolicy:
    """A custom policy. Raises PolicyError."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyError("the policy is no JSON") from None
    statements = _part(given, "Statement", list)
    if len(statements) != 1:
        raise PolicyError(f"the policy has {len(statements)} statements, not one")
    statement = statements[0]
    condition = _part(statement, "Condition", dict)
    until = _date(condition, "DateLessThan")
    if until is None:
        raise PolicyError("the policy has no DateLessThan")
    resource = statement.get("Resource")
    if resource is not None and not (isinstance(resource, str) and _BEGINNING.match(resource)):
        text_ = "Resource begins with http://, https://, *:// or *"
        raise PolicyError(f"{text_}; found {resource!r}")
    return SignedPolicy(resource, until, _date(condition, "DateGreaterThan"), _network(condition))


_BEGINNING: Final = re.compile(r"https?://|http\*://|\*")


def _part(given: object, name: str, kind: type[Any]) -> Any:
    if not isinstance(given, dict) or not isinstance(cast("Any", given).get(name), kind):
        raise PolicyError(f"the policy has no {name}")
    return cast("dict[str, Any]", given)[name]


def _date(condition: dict[str, Any], name: str) -> int | None:
    if name not in condition:
        return None
    moment = _part(condition, name, dict).get("AWS:EpochTime")
    if isinstance(moment, bool) or not isinstance(moment, int):
        raise PolicyError(f"{name} is {{'AWS:EpochTime': SECONDS}}; found {moment!r}")
    return moment


def _network(condition: dict[str, Any]) -> str | None:
    if "IpAddress" not in condition:
        return None
    given = _part(condition, "IpAddress", dict).get("AWS:SourceIp")
    try:
        return (
            str(ipaddress.IPv4Network(given, strict=False))
            if isinstance(given, str)
            else _no(given)
        )
    except ValueError:
        return _no(given)


def _no(given: object) -> str:
    raise PolicyError(f"AWS:SourceIp is an IPv4 address or network; found {given!r}")


def denial(policy: SignedPolicy, url: str, address: str, now: float) -> str | None:
    """Why the policy does not allow a request now; None where it does.

    Source: CloudFront Developer Guide, "Create a signed URL using a custom policy", values for the
    policy statement.
    """
    if policy.resource is not None and not fits_resource(policy.resource, url):
        return f"the policy is for {policy.resource}, not for {url}"
    if now >= policy.until:
        return f"it expired at {policy.until} ({_as_date(policy.until)})"
    if policy.after is not None and now <= policy.after:
        return f"it is not valid until {policy.after} ({_as_date(policy.after)})"
    if policy.network is not None and not _is_in(address, policy.network):
        return f"the policy is for {policy.network}, and the viewer has the address {address}"
    return None


def _as_date(moment: int) -> str:
    """Seconds since 1970 as people read them, as far as there is a year for them."""
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "beyond the year 9999"


def _is_in(address: str, network: str) -> bool:
    try:
        viewer = ipaddress.ip_address(address)
    except ValueError:
        return False
    return viewer in ipaddress.ip_network(network)


def fits_resource(resource: str, url: str) -> bool:
    """Whether `url` is what `resource` names."""
    return resource == "*" or any(
        re.fullmatch(pattern, url, re.DOTALL) for pattern in _patterns(resource)
    )


def _patterns(resource: str) -> Iterator[str]:
    """What `resource` may mean: each `?` behind the domain is a wildcard, or begins the query."""
    protocol, mark, rest = resource.partition("://")
    if not mark:
        protocol, rest = "*", resource
    start = re.escape(protocol) if "*" not in protocol else "https?"
    start += "://"
    domain, slash, tail = rest.partition("/")
    if not slash:
        yield start + _section(domain, "[^/?]", all_behind=True)
        return
    start += _section(domain, "[^/?]") + "/"
    yield start + _section(tail, "[^?]", all_behind=True)
    for at, char in enumerate(tail):
        if char == "?":
            path, query = _section(tail[:at], "[^?]"), _section(tail[at + 1 :], ".")
            yield f"{start}{path}\\?{query}"


def _section(text: str, one: str, *, all_behind: bool = False) -> str:
    """A section as a regular expression; `one` is a character of it.

    With `all_behind` a star at its end stands for whatever follows.
    """
    ends = all_behind and text.endswith("*")
    wildcards = {"*": f"{one}*", "?": one}
    parts = [wildcards.get(char) or re.escape(char) for char in (text[:-1] if ends else text)]
    return "".join(parts) + (".*" if ends else "")
