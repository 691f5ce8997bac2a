"""The commands. `main.py` says which there are, `render.py` what they print, `logs.py` how log
lines reach the terminal without holding up a request. `demo/` travels in the wheel: the demo's
origin as a program of its own, its configuration and its functions.
"""
