"""A hook of `thin_gateway.py`: answers one event after the other. Arguments: handler, descriptor."""

import json
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "functions"))
import hooks

try:
    from orjson import dumps, loads
except ImportError:
    loads = json.loads

    def dumps(value):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


handler = getattr(hooks, sys.argv[1])
frames = socket.socket(fileno=int(sys.argv[2]))
pending = b""
while data := frames.recv(65536):
    pending += data
    if len(pending) >= 4 and len(pending) == 4 + int.from_bytes(pending[:4], "big"):
        result = dumps(handler(loads(pending[4:]), None))
        frames.sendall(len(result).to_bytes(4, "big") + result)
        pending = b""
