"""Mappings of one key: conditions, actions and transforms are written as `{KIND: what}`."""

from __future__ import annotations

from edgegw.config.document import Document, KeyPath
from edgegw.config.fields import Model


def given_keys(mapping: Model) -> set[str]:
    """The keys that hold something; `order` goes beside them."""
    held = mapping.model_fields_set - {"order"}
    return {key for key in held if getattr(mapping, key) is not None}


def only_key(document: Document, path: KeyPath, mapping: Model, kind: str) -> str | None:
    """The key of a mapping that has exactly one; else that is noted."""
    given = given_keys(mapping)
    if len(given) == 1:
        return next(iter(given))
    is_null = bool(mapping.model_fields_set - {"order"})
    if not given and not is_null and any(each[:-1] == path for each in document.keys):
        return None  # there is one, and what is wrong with it is noted already
    article = "an" if kind[0] in "aeiou" else "a"
    listed = ", ".join(sorted(given)) or "none"
    text = f"{article} {kind} is a mapping of one key; found {listed}"
    document.error(path, f"alb.{kind}", text)
    return None
