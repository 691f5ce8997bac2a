"""Temporary storage with a size: a write beyond it fails with ENOSPC, as on AWS, and nobody dies.

Only a file system can refuse a write for lack of space. On Linux a process may have a view of the
mounts that is its own, and in it mount file systems in memory: root just so, everybody else in a
user namespace, where the system lets them. The zygote enters such a view before its first child;
what it mounts there is seen by all its children and by nobody else. Removing the folder that lies
below, from outside, takes the file system away.

Where the system refuses, `enter` says so and nothing has changed. What only root may is tried at
once; the rest in a child first, because half of it (a user namespace without the right to mount)
cannot be undone.

In a user namespace a process has all privileges over what belongs to it. Children give them up, so
that a file that may only be read can only be read.
"""

import ctypes
import os
import sys

NEW_MOUNTS = 0x00020000
NEW_USER = 0x10000000
SLAVE_BELOW = 0x80000 | 0x4000  # what is mounted outside later is seen here, not the reverse
NO_SUID_NO_DEVICES = 0x2 | 0x4
CAPABILITY_VERSION = 0x20080522
SMALLEST_SHARE = 4  # of this machine's memory, that one file system may take


class Privileges:
    is_lent = False
    """Whether this process has privileges only by a user namespace of its own."""


def enter() -> bool:
    """Gets mounts of one's own; whether that is possible here."""
    if not sys.platform.startswith("linux"):
        return False
    if os.geteuid() != 0 and not is_possible():
        return False
    unshare()
    return True


def is_possible() -> bool:
    """Tries in a child. Nobody waits for its end, which takes the system its time."""
    answer_read, answer_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            unshare()
            mount("tmpfs", "/", "tmpfs", NO_SUID_NO_DEVICES, "size=4096")
            os.write(answer_write, b"1")
        finally:
            os._exit(0)
    os.close(answer_write)
    with os.fdopen(answer_read, "rb") as answer:
        return answer.read(1) == b"1"


def unshare() -> None:
    if os.geteuid() == 0:
        check(libc().unshare(NEW_MOUNTS))
    else:
        enter_user_namespace()
    mount(None, "/", None, SLAVE_BELOW, None)


def enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    check(libc().unshare(NEW_MOUNTS | NEW_USER))
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {uid} 1")
    write("/proc/self/gid_map", f"{gid} {gid} 1")
    Privileges.is_lent = True


def limit(folder, size) -> bool:
    """Has `folder` hold `size` bytes at most; whether it does."""
    if os.path.ismount(folder):
        return True
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory // SMALLEST_SHARE:
        return False
    try:
        mount("tmpfs", folder, "tmpfs", NO_SUID_NO_DEVICES, f"size={size},mode=0700")
    except OSError:
        return False
    return True


def give_up_privileges() -> None:
    """In a child: the privileges of the user namespace are not the function's."""
    if Privileges.is_lent:
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        none = (ctypes.c_uint32 * 6)()
        check(libc().capset(header, none))


def libc():
    return ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, options) -> None:
    given = [each.encode() if each is not None else None for each in (source, target, kind)]
    options = options.encode() if options is not None else None
    check(libc().mount(*given, ctypes.c_ulong(flags), options))


def check(result) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def write(path, text) -> None:
    with open(path, "w") as file:
        file.write(text)
