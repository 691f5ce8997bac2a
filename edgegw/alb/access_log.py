"""Lines of the access log (34 fields) and of the connection log (15 fields).

Source: ELB User Guide for ALB, "Access logs", "Connection logs".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final, NamedTuple

from edgegw.alb.desync import RiskClass
from edgegw.alb.event import BalancerRefusal
from edgegw.alb.finish import BalancerAnswer, Chosen
from edgegw.alb.forwarding import BalancerFacts, trace_of
from edgegw.alb.health_check_log import timestamp
from edgegw.alb.model import IpTargetGroup, Listener
from edgegw.alb.rules import without_port
from edgegw.http.grpc import is_grpc
from edgegw.http.message import Client, NegotiatedTls, Request, Response
from edgegw.http.target import RequestTarget
from edgegw.http.version import dotted

_ESCAPED: Final = re.compile(rb"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_MAX_AGENT: Final = 8 * 1024
"""Bytes of a User-Agent that the access log keeps.

Source: ELB User Guide for ALB, "Access logs", field user_agent.
"""
CLIENT_GONE: Final = 460
"""The status of a request whose client left before the answer; only the log has it.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 460.
"""


UNREAD: Final = Request("-", RequestTarget(b"-"), http_version="-")
"""Stands for a request that could not be read."""


class Timing(NamedTuple):
    """When and how long, in seconds; `target` None when nothing was sent, -1 without an answer."""

    created: float
    ended: float
    request: float = 0.0
    target: float | None = None
    response: float = 0.0


class Sizes(NamedTuple):
    """Bytes with headers, both ways."""

    received: int
    sent: int


def access_line(
    finish: BalancerAnswer,
    request: Request,
    timing: Timing,
    sizes: Sizes,
    *,
    address: str,
    target_status: int | None = None,
    is_gone: bool = False,
) -> str:
    """The line of one request; `address` is the load balancer's own.

    `is_gone` says that the client left before the answer.
    """
    chosen = finish.chosen
    group, listener = chosen.target_group, chosen.listener
    target = "-" if chosen.target is None else str(chosen.target)
    status = CLIENT_GONE if is_gone else finish.response.status
    is_ip = isinstance(group, IpTargetGroup)
    code = "-" if target_status is None else str(target_status)
    made = chosen.transformed
    secure = listener.protocol == "HTTPS"
    version, cipher = (request.tls.protocol, request.tls.cipher) if request.tls else ("", "")
    client = request.client
    fields = [
        _kind(request, chosen, status),
        timestamp(timing.ended),
        listener.load_balancer.id,
        f"{client.address}:{client.port}",
        target if timing.target is not None else "-",
        *_times(timing),
        str(status),
        code,
        str(sizes.received),
        str(sizes.sent),
        _quoted(_request_line(request, chosen)),
        _quoted((request.headers.get(b"user-agent") or b"-")[:_MAX_AGENT]),
        (cipher or "-") if secure else "-",
        (version or "-") if secure else "-",
        group.arn if group is not None else "-",
        _quoted(b"-" if request.method == "-" else trace_of(request, chosen.facts)),
        _quoted(client.server_name.encode() or b"-"),
        _quoted(_certificate(chosen) if secure else b"-"),
        _priority(finish),
        timestamp(timing.created),
        _quoted(_actions(chosen)),
        _quoted(_redirect_url(finish)),
        _quoted(_error_reason(finish)),
        _quoted(target.encode() if is_ip and timing.target is not None else b"-"),
        _quoted(code.encode() if is_ip else b"-"),
        _quoted(chosen.risk.risk.name.encode() if chosen.risk.risk else b"-"),
        _quoted(_risk_reason(chosen)),
        client.connection or "-",
        _quoted((made and made.host) or b"-"),
        _quoted(made.target.raw if made and made.target else b"-"),
        _quoted((made.status or "-").encode() if made else b"-"),
        address,
    ]
    return " ".join(fields)


def _kind(request: Request, chosen: Chosen, status: int) -> str:
    secure = chosen.listener.protocol == "HTTPS"
    if status == 101:
        return "wss" if secure else "ws"
    if request.http_version >= "2":
        return "grpcs" if is_grpc(request.headers) else "h2"
    return "https" if secure else "http"


def _times(timing: Timing) -> list[str]:
    if timing.target is None:
        return ["-1", "-1", "-1"]
    if timing.target < 0:
        return [f"{timing.request:.3f}", "-1", "-1"]
    return [f"{each:.3f}" for each in (timing.request, timing.target, timing.response)]


def _version(request: Request) -> bytes:
    """The version as the client wrote it."""
    written = b"" if request.lenient is None else request.lenient.version.strip()
    return written.removeprefix(b"HTTP/") or dotted(request.http_version).encode()


def _request_line(request: Request, chosen: Chosen) -> bytes:
    listener = chosen.listener
    host = without_port(request.headers.get(b"host") or b"")
    host = host or listener.load_balancer.dns_name.encode()
    if request.method == "-":
        scheme = listener.protocol.lower().encode()
        return b"- %b://%b:%d- -" % (scheme, host, listener.port)
    return b"%b %b://%b:%d%b HTTP/%b" % (
        request.method.encode(),
        listener.protocol.lower().encode(),
        host,
        listener.port,
        request.target.raw,
        _version(request),
    )


def refused_line(
    listener: Listener, page: Response, client: Client, timing: Timing, *, address: str
) -> str:
    """The line of a request that could not be read and got `page`."""
    facts = BalancerFacts(b"", timing.created, "", 0.0)
    size = page.headers.size() + (page.body.length or 0)
    finish = BalancerAnswer(page, Chosen(listener, facts), BalancerRefusal(page.status, "-", ""))
    request = replace(UNREAD, client=client)
    return access_line(finish, request, timing, Sizes(0, size), address=address)


def _certificate(chosen: Chosen) -> bytes:
    return chosen.listener.arn.replace(":elasticloadbalancing:", ":acm:").encode()


def _priority(finish: BalancerAnswer) -> str:
    rule = finish.chosen.rule
    if rule is None:
        return "-"
    return "0" if rule.priority is None else str(rule.priority)


def _actions(chosen: Chosen) -> bytes:
    executed: list[str] = [] if chosen.guard is None else [chosen.guard.name]
    if chosen.transformed is not None and chosen.transformed.status is not None:
        executed.append("rewrite")
    if chosen.action is not None:
        executed.append(chosen.action)
    return ",".join(executed).encode() or b"-"


def _redirect_url(finish: BalancerAnswer) -> bytes:
    if finish.chosen.action != "redirect":
        return b"-"
    return finish.response.headers.get(b"location") or b"-"


def _error_reason(finish: BalancerAnswer) -> bytes:
    if finish.refusal is not None and finish.refusal.reason != "-":
        return finish.refusal.reason.encode()
    guard = finish.chosen.guard
    if guard is not None and guard.reason != "-":
        return guard.reason.encode()
    return b"AWSALBTGCookieInvalid" if finish.chosen.bad_cookie else b"-"


def _risk_reason(chosen: Chosen) -> bytes:
    risk = chosen.risk
    return risk.reason.encode() if risk.risk > RiskClass.Compliant else b"-"


def _quoted(value: bytes) -> str:
    r"""In quotes; what is not printable ASCII, quotes and backslashes as `\xNN`."""
    escaped = _ESCAPED.sub(lambda match: b"\\x%02X" % match[0][0], value)
    return f'"{escaped.decode("ascii")}"'


class Connected(NamedTuple):
    """A connection of a client, or one whose handshake failed (`failure` says why)."""

    time: float
    client: Client
    port: int
    tls: NegotiatedTls | None = None
    latency: float | None = None
    leaf: tuple[str, str, str] | None = None
    failure: str = ""
    key_exchange: str = ""


def connection_line(
    connection: Connected, balancer_id: str, *, is_mutual: bool, address: str
) -> str:
    """The line of one connection. `leaf` is subject, validity and serial number."""
    version, cipher = (
        (connection.tls.protocol, connection.tls.cipher) if connection.tls else ("", "")
    )
    subject, validity, serial = connection.leaf or ("-", "-", "-")
    verified = (
        f"Failed:{connection.failure}" if connection.failure else "Success" if is_mutual else "-"
    )
    return " ".join(
        [
            timestamp(connection.time),
            connection.client.address,
            str(connection.client.port),
            str(connection.port),
            version or "-",
            cipher or "-",
            "-" if connection.latency is None else f"{connection.latency:.3f}",
            _quoted(subject.encode()),
            validity,
            serial,
            verified,
            connection.client.connection or "-",
            connection.key_exchange or "-",
            balancer_id,
            address,
        ]
    )
