"""The nearest known name for one that is not known."""

from __future__ import annotations


def nearest(name: str, known: list[str]) -> str:
    """`; did you mean …?` with the nearest of `known`, or what there is, or nothing."""
    import difflib  # needed for mistakes only

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    if known and len(known) <= 12:
        return "; there are: " + ", ".join(known)
    return ""
