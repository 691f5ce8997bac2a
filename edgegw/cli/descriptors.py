"""What a process that serves needs of its file descriptors.

Two limits of a shell's defaults are lifted. A process may be started with its standard streams
closed (`<&- >&- 2>&-`): the first sockets would become 0, 1 and 2, and get whatever is printed. And
a soft limit of 1,024 descriptors is not for servers: systemd keeps it that low for programs that
still use `select`, which cannot see higher ones; here nothing does. Environments of functions have
Lambda's own limit whatever is set here.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_STANDARD: Final = 3


def keep_standard_streams() -> None:
    """Opens the null device where standard streams are closed."""
    opened = os.open(os.devnull, os.O_RDWR)
    while opened < _STANDARD:
        os.set_inheritable(opened, True)  # noqa: FBT003
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # as Python leaves it where the descriptor was closed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def allow_many_descriptors() -> None:
    """Raises the soft limit of open descriptors to the hard one."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (
        OSError,
        ValueError,
    ):  # macOS takes no more than OPEN_MAX where the hard one is infinite
        return
