"""What of a viewer's request goes on to the origin, as a behavior's policies have it.

A behavior has one `Forwarding`. It works out once for each list of header names what becomes of
them (a `Plan`), as viewers send the same names all day; `origin_request` makes requests by it,
`policies` and `legacy_forwarding` compile it.
Source: CloudFront Developer Guide, "Control origin requests with a policy", "Request and response
behavior for custom origins" (the table of headers).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from edgegw.cloudfront.kept_values import kept_cookies, kept_query, normalized_accept_encoding
from edgegw.cloudfront.model import CachePolicy, OriginRequestPolicy
from edgegw.cloudfront.response_headers import ViewerHeaders
from edgegw.http.message import Header, Headers
from edgegw.values import value

if TYPE_CHECKING:
    from edgegw.cloudfront.cache.legacy import ForwardedValues

_ALWAYS: Final = frozenset(
    {
        b"cache-control",
        b"content-length",
        b"content-md5",
        b"content-type",
        b"date",
        b"from",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"max-forwards",
        b"origin",
        b"pragma",
        b"range",
        b"request-range",
        b"transfer-encoding",
        b"warning",
    }
)
"""Headers of the viewer that reach the origin whatever the policies say.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""
_NEVER: Final = frozenset(
    {
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)
"""Headers of the viewer that never reach the origin.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""
_NEVER_PREFIXES: Final = (b"x-edge-", b"x-amz-cf-", b"cloudfront-")
"""Beginnings of headers of the viewer that never reach the origin as they came.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""
WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods whose Authorization reaches the origin though no policy names it, unless it is cached.

OPTIONS is the one of them that can be.
Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""


class Treatment(Enum):
    """What becomes of a viewer's header on its way to the origin."""

    DROP = 0
    KEEP = 1
    AUTHORIZATION = 2
    COOKIE = 3
    ACCEPT_ENCODING = 4
    VIA = 5
    FORWARDED_FOR = 6


@value
class Plan:
    """How to make an origin's header lines of a viewer's that have certain names.

    `kept` are the positions that stay, `special` the places among them that need work, `repeats`
    whether a special name stands there twice; the other flags say which lines CloudFront adds.
    """

    kept: tuple[int, ...]
    special: tuple[tuple[int, Treatment], ...]
    repeats: bool
    adds_host: bool
    adds_user_agent: bool
    adds_via: bool
    adds_forwarded_for: bool


def kept_lines(
    plan: Plan, headers: Headers, special: Callable[[Treatment, Header], bytes]
) -> Headers:
    """The lines of `headers` that stay; `special` answers a special one's value, or nothing."""
    lines = [headers.raw[at] for at in plan.kept]
    for place, what in reversed(plan.special):  # from behind, so that places stay what they are
        if forwarded := special(what, lines[place]):
            lines[place] = lines[place][0], forwarded
        else:
            del lines[place]
    return Headers(lines)


@value
class Forwarding:
    """The two policies of a behavior as questions that a request answers quickly.

    With `forwarded_values` (legacy cache settings) `cache_policy` is what stands for them: it has
    their TTLs and codings, and no names. `keeps_authorization` are the methods whose Authorization
    goes on unnamed. `made_of` is what makes it anew, where it was pickled.
    """

    made_of: tuple[Callable[..., Forwarding], tuple[Hashable, ...]] = field(repr=False)
    cache_policy: CachePolicy
    origin_request_policy: OriginRequestPolicy | None
    keeps_header: Callable[[bytes], bool] = field(compare=False)
    keeps_cookie: Callable[[str], bool] | None = field(compare=False)
    keeps_query_string: Callable[[str], bool] | None = field(compare=False)
    added_headers: tuple[str, ...]
    to_viewer: Callable[[Headers], ViewerHeaders] = field(compare=False, repr=False)
    """What of an origin's headers goes on to the viewer."""
    keeps_all_query_strings: bool = False
    forwarded_values: ForwardedValues | None = None
    keeps_authorization: frozenset[str] = WRITING
    _plans: dict[tuple[bytes, ...], Plan] = field(
        default_factory=dict["tuple[bytes, ...]", "Plan"], compare=False, repr=False
    )
    _values: dict[tuple[Treatment, bytes], bytes] = field(
        default_factory=dict["tuple[Treatment, bytes]", bytes], compare=False, repr=False
    )

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.made_of

    def plan(self, names: tuple[bytes, ...]) -> Plan:
        """What becomes of headers of these names in this order; worked out once."""
        plan = self._plans.get(names)
        if plan is None:
            plan = self._make_plan(names)
            if len(self._plans) < _REMEMBERED:
                self._plans[names] = plan
        return plan

    def _make_plan(self, names: tuple[bytes, ...]) -> Plan:
        kept: set[bytes] = set()
        entries: list[tuple[int, Treatment]] = []
        done: set[Treatment] = set()
        repeats = False
        for at, name in enumerate(names):
            lower = name.lower()
            what = self._treatment(lower)
            repeats = repeats or what in done
            if what is Treatment.DROP or what in done:
                continue
            if what is Treatment.KEEP:
                kept.add(lower)
            elif what is not Treatment.AUTHORIZATION:
                done.add(what)
            entries.append((at, what))
        return Plan(
            tuple(at for at, _ in entries),
            tuple((place, what) for place, (_, what) in enumerate(entries) if what.value > 1),
            repeats,
            b"host" not in kept,
            b"user-agent" not in kept,
            Treatment.VIA not in done,
            Treatment.FORWARDED_FOR not in done,
        )

    def usual(self, headers: Headers) -> tuple[Plan, Headers | None]:
        """The plan for `headers`, and what is left of them for every request that has them.

        None where that is not all the same: with a place whose line the request decides.
        """
        raw = headers.raw
        plan = self.plan(tuple([name for name, _ in raw]))
        if any(what in _OF_THE_REQUEST for _, what in plan.special):
            return plan, None
        return plan, kept_lines(plan, headers, partial(self.rewritten_line, plan, headers))

    def rewritten_line(self, plan: Plan, headers: Headers, what: Treatment, line: Header) -> bytes:
        """The value of a Cookie or Accept-Encoding `line` to forward; empty for none."""
        value = _JOINTS[what].join(headers.get_all(line[0].lower())) if plan.repeats else line[1]
        return self.rewritten(what, value)

    def rewritten(self, what: Treatment, value: bytes) -> bytes:
        """The Cookie or Accept-Encoding to forward; empty when nothing is left of `value`."""
        found = self._values.get((what, value))
        if found is None:
            found = self._rewritten(what, value)
            if len(self._values) < _REMEMBERED:
                self._values[what, value] = found
        return found

    def _rewritten(self, what: Treatment, value: bytes) -> bytes:
        if what is Treatment.COOKIE:
            return b"" if self.keeps_cookie is None else kept_cookies(self.keeps_cookie, value)
        policy, is_kept = self.cache_policy, self.keeps_header(b"accept-encoding")
        if is_kept and self.forwarded_values is not None:
            return value
        if policy.gzip or policy.brotli:
            return normalized_accept_encoding(value, gzip=policy.gzip, brotli=policy.brotli)
        return value if is_kept else b""

    def kept_query(self, query: bytes) -> bytes | None:
        """What the policies keep of `query`; None when nothing is forwarded."""
        if self.keeps_query_string is None:
            return None
        return query if self.keeps_all_query_strings else kept_query(self.keeps_query_string, query)

    def _treatment(self, lower: bytes) -> Treatment:
        special = _SPECIAL.get(lower)
        if special is not None:
            return special
        if is_never_forwarded(lower):
            return Treatment.DROP
        if lower in _ALWAYS or self.keeps_header(lower):
            return Treatment.KEEP
        return Treatment.AUTHORIZATION if lower == b"authorization" else Treatment.DROP


def is_never_forwarded(lower: bytes) -> bool:
    """Whether a viewer's header (lower case) never reaches the origin, whatever policies say."""
    return lower in _NEVER or lower.startswith(_NEVER_PREFIXES)


_JOINTS: Final = {Treatment.COOKIE: b"; ", Treatment.ACCEPT_ENCODING: b", "}
"""What stands between the values of several lines that become one."""

_OF_THE_REQUEST: Final = frozenset(
    {Treatment.AUTHORIZATION, Treatment.VIA, Treatment.FORWARDED_FOR}
)
"""Treatments whose outcome depends on more than the headers."""

_SPECIAL: Final = {
    b"cookie": Treatment.COOKIE,
    b"accept-encoding": Treatment.ACCEPT_ENCODING,
    b"via": Treatment.VIA,
    b"x-forwarded-for": Treatment.FORWARDED_FOR,
}
"""Headers that CloudFront writes anew, or by rules of their own.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", the table of
headers.
"""
_REMEMBERED: Final = 500
"""Plans and cookie values that a behavior remembers: viewers send the same ones all day."""
