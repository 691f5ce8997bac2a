"""The attributes of load balancers, listeners and target groups: AWS's keys, values, defaults.

Source: Elastic Load Balancing API reference, LoadBalancerAttribute, ListenerAttribute,
TargetGroupAttribute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from edgegw.http.grammar import TCHAR

_NUMBER: Final = re.compile("[0-9]{1,12}")


class Attribute(NamedTuple):
    """What a key may hold. `has_effect` is False where nothing here depends on it.

    `form` says in words what `pattern` takes, lengths and numbers with both ends.
    """

    default: str
    values: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    pattern: str = ""
    form: str = ""
    has_effect: bool = True

    def fault(self, value: str) -> str | None:
        """What is wrong with `value`, or None."""
        if self.values and value not in self.values:
            return f"must be one of {', '.join(self.values)}"
        if self.high and not (_NUMBER.fullmatch(value) and self.low <= int(value) <= self.high):
            return f"must be a whole number from {self.low} to {self.high}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"must be {self.form}"
        return None


_BOOL: Final = ("true", "false")


def _switch(default: str = "false", *, has_effect: bool = True) -> Attribute:
    return Attribute(default, _BOOL, has_effect=has_effect)


_TEXT: Final = Attribute("", has_effect=False)
_XFF: Final = "routing.http.xff_header_processing.mode"

LOAD_BALANCER: Final[Mapping[str, Attribute]] = {
    "idle_timeout.timeout_seconds": Attribute("60", low=1, high=4000),
    "client_keep_alive.seconds": Attribute("3600", low=60, high=604800),
    "routing.http2.enabled": _switch("true"),
    "routing.http.drop_invalid_header_fields.enabled": _switch(),
    "routing.http.preserve_host_header.enabled": _switch(),
    _XFF: Attribute("append", ("append", "preserve", "remove")),
    "routing.http.xff_client_port.enabled": _switch(),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _switch(),
    "routing.http.desync_mitigation_mode": Attribute(
        "defensive", ("monitor", "defensive", "strictest")
    ),
    "waf.fail_open.enabled": _switch(has_effect=False),
    "deletion_protection.enabled": _switch(has_effect=False),
    "load_balancing.cross_zone.enabled": Attribute("true", ("true",), has_effect=False),
    "ipv6.deny_all_igw_traffic": _switch(has_effect=False),
    "zonal_shift.config.enabled": _switch(has_effect=False),
    **{
        f"{log}.s3.{part}": _switch(has_effect=False) if part == "enabled" else _TEXT
        for log in ("access_logs", "connection_logs", "health_check_logs")
        for part in ("enabled", "bucket", "prefix")
    },
}

_MTLS: Final = ("_serial_number", "_issuer", "_subject", "_validity", "_leaf", "")
_RESPONSE: Final = (
    "strict_transport_security",
    "access_control_allow_origin",
    "access_control_allow_methods",
    "access_control_allow_headers",
    "access_control_allow_credentials",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
)
_HEADER_NAME: Final = Attribute(
    "", pattern=r"[-A-Za-z0-9]{1,40}", form="1 to 40 letters, digits and hyphens"
)
_HEADER_VALUE: Final = Attribute("", pattern=r"[ -~]{0,1024}", form="0 to 1024 characters of ASCII")

LISTENER: Final[Mapping[str, Attribute]] = {
    "routing.http.response.server.enabled": _switch("true"),
    **{f"routing.http.response.{each}.header_value": _HEADER_VALUE for each in _RESPONSE},
    **{
        f"routing.http.request.x_amzn_mtls_clientcert{each}.header_name": _HEADER_NAME
        for each in _MTLS
    },
    "routing.http.request.x_amzn_tls_version.header_name": _HEADER_NAME,
    "routing.http.request.x_amzn_tls_cipher_suite.header_name": _HEADER_NAME,
}

_COUNT: Final = Attribute(
    "1", pattern=r"[1-9]\d{0,3}|off", form="off, or a whole number from 1 to 9999"
)
_PERCENTAGE: Final = Attribute(
    "off", pattern=r"[1-9]\d?|100|off", form="off, or a whole number from 1 to 100"
)
_HEALTH: Final = "target_group_health"

TARGET_GROUP: Final[Mapping[str, Attribute]] = {
    "lambda.multi_value_headers.enabled": _switch(),
    "deregistration_delay.timeout_seconds": Attribute("300", low=0, high=3600),
    "slow_start.duration_seconds": Attribute(
        "0", pattern=r"0|[3-9]\d|[1-8]\d\d|900", form="0, or a whole number from 30 to 900"
    ),
    "load_balancing.algorithm.type": Attribute(
        "round_robin", ("round_robin", "least_outstanding_requests", "weighted_random")
    ),
    "load_balancing.algorithm.anomaly_mitigation": Attribute(
        "off", ("on", "off"), has_effect=False
    ),
    "load_balancing.cross_zone.enabled": Attribute(
        "use_load_balancer_configuration",
        ("true", "false", "use_load_balancer_configuration"),
        has_effect=False,
    ),
    "stickiness.enabled": _switch(),
    "stickiness.type": Attribute("lb_cookie", ("lb_cookie", "app_cookie")),
    "stickiness.lb_cookie.duration_seconds": Attribute("86400", low=1, high=604800),
    "stickiness.app_cookie.duration_seconds": Attribute("86400", low=1, high=604800),
    "stickiness.app_cookie.cookie_name": Attribute(
        "", pattern=rf"[{TCHAR}]+", form="a name of a cookie, of 1 character or more, no blanks"
    ),
    f"{_HEALTH}.dns_failover.minimum_healthy_targets.count": _COUNT._replace(has_effect=False),
    f"{_HEALTH}.dns_failover.minimum_healthy_targets.percentage": _PERCENTAGE._replace(
        has_effect=False
    ),
    f"{_HEALTH}.unhealthy_state_routing.minimum_healthy_targets.count": _COUNT,
    f"{_HEALTH}.unhealthy_state_routing.minimum_healthy_targets.percentage": _PERCENTAGE,
    "waf.http2.traffic_inspection_behavior": _TEXT,
}


def with_defaults(table: Mapping[str, Attribute], given: Mapping[str, str]) -> dict[str, str]:
    """All attributes of `table`, those in `given` in the place of their defaults."""
    return {key: given.get(key, attribute.default) for key, attribute in table.items()}
