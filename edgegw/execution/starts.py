"""Which variables a process reads while it starts, and which environments may come the quick way.

The quick way is a fork of a zygote, or a Node.js that was started ahead of any function. Both get
the function's variables when they run already. Most variables do not mind: somebody asks for them
by `getenv`, `os.environ` or `process.env`, later. Some are read once, by the dynamic loader, the C
library, OpenSSL or the interpreter, before the first line of any program runs:

    LD_PRELOAD, LD_LIBRARY_PATH   the loader       PYTHONOPTIMIZE, PYTHONPATH    Python
    MALLOC_ARENA_MAX, LC_ALL      the C library    NODE_OPTIONS, NODE_DEBUG      Node.js

A function that sets one of those gets a process of its own from the start: a plain start. So does
one whose search path of libraries, which every function has, leads to a library: the loader reads
the path only once, too.

For the rest to be alike, zygotes and Node.js started ahead begin with what Lambda sets everywhere,
and with nothing of that kind from the gateway's own variables (`first_variables`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

from edgegw.awslambda.variables import LOCALE

_ANY: Final = (
    "LD_",  # the loader, on macOS DYLD_
    "DYLD_",
    "GLIBC_TUNABLES",
    "GLIBCXX_",
    "MALLOC_",
    "MIMALLOC_",
    "LANG",  # and LANGUAGE
    "LC_",
    "LOCPATH",
    "GCONV_PATH",
    "OPENSSL_",
)
_BEFORE_ANY_CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "python": (*_ANY, "PYTHON"),
    "nodejs": (*_ANY, "NODE_", "UV_", "ICU_", "SSL_CERT_"),
    "provided": (),  # always a plain start
}
"""Beginnings of names. A name too many costs a few milliseconds, one too few a variable."""

_READ_LATER: Final = frozenset({"NODE_ENV", "NODE_PATH", "NODE_TLS_REJECT_UNAUTHORIZED"})
"""Names that look like it and are asked for when they are needed; many functions set the first."""


def is_read_at_start(name: str, language: str) -> bool:
    """Whether a process of `language` reads the variable once, before any code runs."""
    return name.startswith(_BEFORE_ANY_CODE[language]) and name not in _READ_LATER


def needs_plain_start(language: str, own: Mapping[str, str]) -> bool:
    """Whether `own`, what a function sets itself, holds what only a plain start sees.

    A value that Lambda sets everywhere changes nothing.
    """
    usual = LOCALE[language]
    return any(
        is_read_at_start(name, language) and usual.get(name) != text for name, text in own.items()
    )


def first_variables(language: str, machine: Mapping[str, str]) -> dict[str, str]:
    """What a process of the quick way begins with, on a machine with these variables.

    The search path of libraries stays: an interpreter may need it to start at all.
    """
    kept = {
        name: text
        for name, text in machine.items()
        if name == "LD_LIBRARY_PATH" or not is_read_at_start(name, language)
    }
    return {**kept, **LOCALE[language]}


def lead_to_libraries(folders: Iterable[str]) -> bool:
    """Whether the loader could find something in `folders`, which it looks into by name."""
    return any(_holds_libraries(folder) for folder in folders)


def _holds_libraries(folder: str) -> bool:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    except OSError:
        return False
    return any(".so" in name or name.endswith(".dylib") or name == "glibc-hwcaps" for name in names)
