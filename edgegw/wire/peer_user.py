"""Which user of this machine is at the other end of a TCP connection over loopback.

TCP does not say who connects, but the kernel knows whose every socket is. Linux is asked in two
ways: `sock_diag` looks up one socket by its two addresses, however many there are (some 40 µs);
where that is not to be had, as in some sandboxes, the table `/proc/net/tcp` is read through, which
takes a hundred times as long.

The socket that is looked up is the peer's own, so its addresses are ours the other way round. Two
answers look like a user and are none:

- A socket whose program has closed it belongs to nobody, and the kernel says 0 of it, which is
  root: a gateway of root would take a stranger who sends and closes for itself. Such a socket has
  no inode any more. Nor could its sender read an answer.
- A socket that is not there is of another network namespace, or is gone. Whose it was cannot be
  known, so it is nobody's.

Source: sock_diag(7), proc(5).
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path
from typing import Final, TypeAlias

SocketEnd: TypeAlias = tuple[str, int]

NOBODY: Final = -1
"""In the place of a user id: the socket belongs to nobody, or is not to be seen from here."""

_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
"""The type of a request, and of its answer; an error has another one."""
_REQUEST: Final = 1
_HEADER: Final = struct.Struct("=LHHLL")
_WHAT: Final = struct.Struct("=BBBBL")
_ANY_STATE: Final = 0xFFFFFFFF
_NO_COOKIE: Final = b"\xff" * 8
_OWNER: Final = struct.Struct("=LL")
_OWNER_AT: Final = _HEADER.size + 64
"""User id and inode stand behind states, addresses, timer and queues of `inet_diag_msg`."""
_TABLE: Final = Path("/proc/net/tcp")


def peer_user(accepted: socket.socket) -> int | None:
    """The user id at the other end of `accepted`, a connection over IPv4; else NOBODY.

    None where this system does not tell. Raises OSError where the peer is gone, and where no
    descriptors are left to ask with.
    """
    if not sys.platform.startswith("linux"):
        return None
    peer, own = accepted.getpeername(), accepted.getsockname()
    user = _diagnosed(peer, own)
    return _tabled(peer, own) if user is None else user


def _diagnosed(peer: SocketEnd, own: SocketEnd) -> int | None:
    """What sock_diag says; None where it says nothing of such a socket, or is not there."""
    try:
        asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
    except OSError:
        return None
    with asking:
        try:
            asking.settimeout(0.0)  # the kernel answers before it has taken the request
            asking.sendto(_request(peer, own), (0, 0))
            answer = asking.recv(4096)
        except OSError:
            return None
    if len(answer) < _OWNER_AT + _OWNER.size or _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return None
    user, inode = _OWNER.unpack_from(answer, _OWNER_AT)
    return user if inode else NOBODY


def _request(peer: SocketEnd, own: SocketEnd) -> bytes:
    """A request for the one socket that is bound to `peer` and connected to `own`."""
    what = _WHAT.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    ports = struct.pack("!HH", peer[1], own[1])
    addresses = b"".join(socket.inet_aton(host).ljust(16, b"\0") for host, _ in (peer, own))
    query = what + ports + addresses + bytes(4) + _NO_COOKIE
    return _HEADER.pack(_HEADER.size + len(query), _BY_FAMILY, _REQUEST, 0, 0) + query


def _tabled(peer: SocketEnd, own: SocketEnd) -> int | None:
    """What the table of sockets says; None where there is none. Raises OSError."""
    try:
        lines = _TABLE.read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, PermissionError):
        return None
    ends = [_in_table(peer), _in_table(own)]
    for line in lines:
        fields = line.split()
        if fields[1:3] == ends:
            return int(fields[7]) if fields[9] != "0" else NOBODY
    return NOBODY


def _in_table(address: SocketEnd) -> str:
    """An address as the table writes it: the word of the machine's byte order, and the port."""
    (word,) = struct.unpack("=L", socket.inet_aton(address[0]))
    return f"{word:08X}:{address[1]:04X}"
