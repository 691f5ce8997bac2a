"""Where user code runs: execution environments, one invocation at a time each.

`service.py` is the one way in (`LambdaService.invoke`). On the way it asks `routing.py` (which
version), `snapshots.py` (as of when), `admission.py` (may one more run). What it does beside
invocations: `readiness.py`, `provisioning.py`, `rollout.py`, `debugging.py`, `housekeeping.py`. A
`pool.py` (from `pool_maker.py`) keeps the environments of one version; `environment.py` is one of
them, with the process in it, what it prints (`output.py`), the watch over its limits (`watch.py`)
and what X-Ray sees of it (`function_tracer.py`). It speaks through a `channel.py`: `frames.py` to
the bundled runtimes, `runtime_api.py` to every other, over HTTP (`runtime_api_front.py`), and
`extended_channel.py` to a bundled one beside extensions. Processes come from a `zygote.py`, by way
of `python_runtime.py`, `node_runtime.py` and `bootstrap.py`; `runtimes/` holds the programs that
run inside. `invoke_api.py` is the Lambda API over HTTP, on `control.py`.

Words: a *frame* is one length-prefixed message on the socket pair between gateway and child; the
*zygote* is a small clean Python process from which environments come.
"""
