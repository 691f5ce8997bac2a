"""Key groups: the public keys whose signatures behaviors trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from edgegw.cloudfront.signatures import KeyFileError, public_key
from edgegw.config import schema
from edgegw.config.distributions import keys
from edgegw.config.document import Document


def check_key_groups(document: Document, config: schema.Config, base: Path) -> None:
    """Adds what is wrong with keys to the findings; relative files are relative to `base`."""
    for name, group in config.key_groups.items():
        for at, key in enumerate(group):
            problem = _problem(base / key.public_key)
            if problem is not None:
                path = ("key_groups", name, at, "public_key")
                document.error(path, "cloudfront.key-group", f"{base / key.public_key} {problem}")
    known: dict[str, str] = {}
    for name, group in config.key_groups.items():
        for at, key in enumerate(group):
            if known.setdefault(key.id, key.public_key) != key.public_key:
                text = f"the key {key.id!r} is another file in another group"
                document.error(("key_groups", name, at, "id"), "cloudfront.key-group", text)


def _problem(file: Path) -> str | None:
    try:
        public_key(file.read_bytes())
    except KeyFileError as error:
        return str(error)
    except ValueError:  # a NUL
        return "is no path"
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return None


def key_files(config: schema.Config, base: Path) -> Iterator[str]:
    """The files that keys stand in."""
    for group in config.key_groups.values():
        for key in group:
            yield str(base / key.public_key)


def trusted_keys(
    config: schema.Config, behavior: keys.DefaultBehavior, base: Path
) -> Mapping[str, bytes] | None:
    """The keys that a behavior trusts, PEM by id; None where it asks for no signature."""
    if not behavior.trusted_key_groups:
        return None
    groups = [config.key_groups[name] for name in behavior.trusted_key_groups]
    return {key.id: (base / key.public_key).read_bytes() for keys in groups for key in keys}
