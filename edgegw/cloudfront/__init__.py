"""Decisions of a CloudFront distribution.

Words: a *distribution* has *behaviors* by *path pattern*, each with an *origin*, policies and
*associations* of functions with *triggers* (`viewer-request`, `origin-request`,
`origin-response`, `viewer-response`). A function may change the request or response, or give a
*generated response*. `flow.py` tells one request as steps; `trigger_event.py` alone knows the
JSON of the four events, `trigger_rules.py` what a function may return. Nothing here does I/O.
"""
