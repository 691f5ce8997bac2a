"""Faults on demand: what should go wrong at a function or an origin, and how often.

A target is `function:NAME`, `edge_function:NAME`, `origin:DISTRIBUTION/ORIGIN`, `target_group:NAME`
or `identity_provider:NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from edgegw.config.spelling import nearest
from edgegw.errors import UsageError
from edgegw.values import value


@value
class FaultPlan:
    """Shares (0 to 1) of the calls that fail in each way; `latency` in seconds is added to all.

    A function knows `error`, `throttle`, `timeout` and `latency`, a CloudFront Function the first
    two; an origin or a target group
    `error` (it answers `status`), `timeout`, `truncate`, `reset` and `latency`; the token endpoint
    of an identity provider `error`, `timeout`, `expired_code` and `latency`, and its clock is
    `clock_skew` seconds off.
    """

    error: float = 0.0
    latency: float = 0.0
    throttle: float = 0.0
    timeout: float = 0.0
    truncate: float = 0.0
    reset: float = 0.0
    status: int = 503
    expired_code: float = 0.0
    clock_skew: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """What is set, by name."""
        kinds = (*_SHARES, "expired_code", "latency", "clock_skew")
        found = {kind: getattr(self, kind) for kind in kinds if getattr(self, kind)}
        return {**found, "status": self.status} if self.status != _STATUS else found


_STATUS: Final = 503
_SHARES: Final = ("error", "throttle", "timeout", "truncate", "reset")
_KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "function": ("error", "throttle", "timeout", "latency"),
        "edge_function": ("error", "throttle"),
        "origin": ("error", "timeout", "truncate", "reset", "latency", "status"),
        "target_group": ("error", "timeout", "truncate", "reset", "latency", "status"),
        "identity_provider": (
            *("error", "timeout", "expired_code"),
            *("latency", "status", "clock_skew"),
        ),
    }
)
_SPOKEN: Final = {
    "function": "a function",
    "edge_function": "a CloudFront Function",
    "origin": "an origin",
    "target_group": "a target group",
    "identity_provider": "an identity provider",
}
_SECONDS: Final = re.compile(r"(-?\d+(?:\.\d+)?)(ms|s)?")
_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)(%)?")


def set_faults(
    plans: Mapping[str, FaultPlan], settings: Collection[str], targets: Collection[str]
) -> dict[str, FaultPlan]:
    """`plans` with `settings` applied, each `NAME.KIND` or `NAME.KIND=VALUE`.

    Shares are numbers from 0 to 1 or percentages, and 1 where none is given; times are seconds or
    end with `ms` or `s`. Raises UsageError with the nearest valid name.
    """
    found = dict(plans)
    for setting in settings:
        left, _, value = setting.partition("=")
        name, dot, kind = left.rpartition(".")
        if not dot:
            raise UsageError(f"{setting!r} must be NAME.KIND=VALUE, such as viewer-auth.error=30%")
        target = _target(name, targets)
        kinds = _KINDS[target.partition(":")[0]]
        if kind not in kinds:
            of = _SPOKEN[target.partition(":")[0]]
            hint = nearest(kind, list(kinds))
            raise UsageError(f"{kind!r} is no fault of {of}{hint}")
        plan = found.get(target, FaultPlan())
        found[target] = replace(plan, **{kind: _value(kind, value, setting)})
    return {target: plan for target, plan in found.items() if plan != FaultPlan()}


def _target(name: str, targets: Collection[str]) -> str:
    """The one target that `name` means, with or without its kind."""
    if name in targets:
        return name
    meant = [each for each in targets if name in (each.partition(":")[2], each.rpartition("/")[2])]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise UsageError(f"{name!r} may be {' or '.join(sorted(meant))}: name one of them")
    hint = nearest(name, sorted({each.partition(":")[2] for each in targets}))
    raise UsageError(
        f"there is no function, origin, target group or identity provider {name!r}{hint}"
    )


def _value(kind: str, text: str, setting: str) -> float | int:
    if kind in ("latency", "clock_skew"):
        match = _SECONDS.fullmatch(text)
        if match is None or (kind == "latency" and text.startswith("-")):
            named = "a latency" if kind == "latency" else "a clock skew"
            raise UsageError(f"{setting!r}: {named} is a time such as 200ms or 1.5s")
        return float(match[1]) / (1000 if match[2] == "ms" else 1)
    if kind == "status":
        if not re.fullmatch("[45][0-9]{2}", text):
            raise UsageError(f"{setting!r}: a status is a number from 400 to 599")
        return int(text)
    match = _SHARE.fullmatch(text or "1")
    share = float(match[1]) / (100 if match[2] else 1) if match is not None else 2.0
    if not 0 <= share <= 1:
        raise UsageError(f"{setting!r}: a share is a number from 0 to 1, or a percentage")
    return share
