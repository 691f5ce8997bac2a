"""Bytes ↔ `http.message`: sockets, TLS, and the RFCs of HTTP/1.1, HTTP/2 and HTTP/3.

Nothing of AWS is known here. One way for every request:

    bytes ─▶ Request ─▶ front.accept(request) ─▶ Response ─▶ bytes

`front` says what a front door answers, `answering` carries an answer to whoever waits for it; the
rest of the room turns bytes into the one and the other into bytes.
"""
