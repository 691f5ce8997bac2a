"""Where user code runs: execution environments as child processes, one invocation at a time each.

`service.py` is the one way in (`LambdaService.invoke`). `environment.py` is one child process and
the frames spoken with it; `spawning.py` makes children (Python by fork from a zygote, Node.js from
a child started ahead), `in_process.py` stands in for a process when a test replaces a function by
a callable. `runtimes/` holds the programs that run inside the children.

Words: a *frame* is one length-prefixed message on the socket pair between gateway and child; the
*zygote* is a small clean Python process from which Python environments are forked.
"""
