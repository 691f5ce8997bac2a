"""A reference: the smallest ASGI proxy on the same server and the same transport."""

import sys

import uvicorn

from edgegw.gateway.origins.http1_client import Http1Client
from edgegw.gateway.origins.transport import Outgoing, Timeouts
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget

ORIGIN = ("http", "127.0.0.1", int(sys.argv[2]))
CLIENT = Http1Client()
TIMEOUTS = Timeouts(connect=10, read=30, write=30, keep_alive=5)


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    target = RequestTarget(scope["raw_path"], scope["query_string"] or None)
    request = Request(scope["method"], target, Headers(scope["headers"]))
    response = await CLIENT.send(Outgoing(ORIGIN, request, TIMEOUTS))
    headers = list(response.headers.raw)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = response.body
    if body.content is None:
        async for chunk in body.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": body.content or b""})


uvicorn.run(
    app,
    port=int(sys.argv[1]),
    http="httptools",
    access_log=False,
    log_level="warning",
    date_header=False,
    server_header=False,
)
