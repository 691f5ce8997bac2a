"""The nearest known name for one that is not known."""

from __future__ import annotations


def nearest(name: str, known: list[str]) -> str:
    """`; did you mean …?` with the nearest of `known`, or what there is, or nothing."""
    import difflib  # needed for mistakes only

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6) or _longer(name, known)
    if close:
        return f"; did you mean {close[0]!r}?"
    if known and len(known) <= 12:
        return "; there are: " + ", ".join(known)
    return ""


def _longer(name: str, known: list[str]) -> list[str]:
    """The one of `known` that begins or ends with the word `name`, as `path_pattern` with path."""
    longer = [key for key in known if key.startswith(f"{name}_") or key.endswith(f"_{name}")]
    return longer if len(longer) == 1 else []
