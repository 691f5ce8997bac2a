"""The commands.

`main.py` says which there are, `run.py` runs front doors for `serve` and `demo`, `logs.py` brings
log lines to the terminal without holding up a request. `demo/` travels in the wheel: the demo's
origin as a program of its own, its pages, its configuration and its functions.
"""
