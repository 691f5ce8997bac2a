"""Decisions of the Lambda service: what runs where, and what its errors look like.

Words: a *function* has *versions* (here `$LATEST`, and at the edge its published version); an
*invocation* hands a *payload* (JSON bytes) to a function and gets an *outcome*. An *execution
environment* is one process that handles one invocation at a time; its life is *init*, *ready*,
*invoke*, *shutdown*. Nothing here does I/O or reads a clock.
"""
