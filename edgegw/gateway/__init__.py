"""Where requests run: sockets, ASGI, origins, and the loop that performs a flow's steps.

    server    uvicorn and hypercorn behind one seam        asgi       ASGI ↔ http.message
    drive     performs the steps, writes the exchange      origins    where a request leaves to
    transport our httpx transport on httptools             exchange   what happened, bounded
    gateway   configuration → running parts                in_process httpx client without sockets

Words: a *front door* is a distribution or a listener that answers requests; an *exchange* is the
record of one request. No rule of AWS is decided here.
"""
