"""Decisions of the Lambda service: what runs where, and what its errors look like.

Words: a *function* has *versions* (`$LATEST` and published ones) and *aliases*; an *invocation*
hands a *payload* (JSON bytes) to a *qualifier* of it and gets an *outcome*. An *execution
environment* handles one invocation at a time; its life is in `lifecycle.py`, what its runtime may
ask in `runtime_api.py`, what extensions may in `extensions_api.py`. `versions.py` says what may
change about a function, `concurrency.py` whether it may run. Nothing here does I/O or reads a
clock.
"""
