"""Names that lead to places on this machine, in the function's own process.

`gateway.hosts` leads the requests of distributions. A function that asks such a name itself, for a
token or a key set, finds the same place: the answer of `socket.getaddrinfo`, which all clients in
Python ask, carries address and port. The name in TLS and in `Host` stays, so certificates are
checked against it.
"""

import socket


def lead(places) -> None:
    """`places` are (name, port, host, port here); a name with a dot in front is all below it."""
    ask = socket.getaddrinfo
    exact = {(name, port): (host, real) for name, port, host, real in places if name[0] != "."}
    below = [place for place in places if place[0][0] == "."]

    def place_of(host, port):
        name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
        if not isinstance(name, str):
            return host, port
        name = name.lower().rstrip(".")
        number = {"http": 80, "https": 443}.get(port, port)
        number = int(number) if isinstance(number, (str, bytes)) and number.isdigit() else number
        if (name, number) in exact:
            return exact[name, number]
        for suffix, at, there, real in below:
            if at == number and name.endswith(suffix):
                return there, real
        return host, port

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
        host, port = place_of(host, port)
        return ask(host, port, family, type, proto, flags)

    socket.getaddrinfo = getaddrinfo
