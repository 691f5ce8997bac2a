"""A reference: the smallest ASGI proxy on the same server and the same transport."""

import sys

import httpx
import uvicorn

from edgegw.gateway.transport import HttptoolsTransport

ORIGIN = httpx.URL(f"http://127.0.0.1:{sys.argv[2]}/")
TRANSPORT = HttptoolsTransport()
TIMEOUT = {"connect": 10, "read": 30, "write": 30, "pool": 10}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    request = httpx.Request(
        scope["method"],
        ORIGIN,
        headers=scope["headers"],
        stream=httpx.ByteStream(b""),
        extensions={"target": target, "timeout": TIMEOUT},
    )
    response = await TRANSPORT.handle_async_request(request)
    headers = response.headers.raw
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.stream:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


uvicorn.run(
    app,
    port=int(sys.argv[1]),
    http="httptools",
    access_log=False,
    log_level="warning",
    date_header=False,
    server_header=False,
)
