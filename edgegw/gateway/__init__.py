"""Where requests run: front doors, origins, and the loop that performs a flow's steps.

    gateway   configuration → running parts                server     front doors on their ports
    fronts    the kinds of front door, the local API       origins    where a request leaves to
    drive     performs the steps, writes the exchange      exchange   what happened, bounded
    reload    a saved file → the next answer is new        in_process httpx client without sockets

Words: a *front door* is a distribution or a listener that answers requests; an *exchange* is the
record of one request. No rule of AWS is decided here.
"""
