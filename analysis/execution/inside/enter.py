"""Enters namespaces of its own with a minimal, read-only view of the files, then starts a command.

A script of its own, run outside by `python -I -S enter.py PLAN`; PLAN is JSON: `entries` (list of
[path, "show" | "hide" | "link"]), `launcher` (a folder, and where it goes), `disk` and `files` (limits of /tmp), `environment`, `command`.
Needs Linux 5.14: `mount_setattr`, and limits of processes that count in each user namespace.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

NEW_USER = 0x10000000
# mount, cgroup, uts, ipc, process and network namespaces
NEW_OTHERS = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
NO_SET_ID, NO_DEVICES, NO_PROGRAMS, BIND, RECURSIVE, PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
DETACH = 2
MOUNT_SETATTR, PIVOT_ROOT = 442, {"x86_64": 155}.get(os.uname().machine, 41)
READ_ONLY, HERE, AT_RECURSIVE = 1, -100, 0x8000
PR_SET_PDEATHSIG = 1
NOBODY = 65534
DEVICES = ("null", "zero", "full", "random", "urandom")
BASE = "/tmp"  # where the new root is put together; any folder that exists
LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Enter, start the command as process 1, and end with its exit status."""
    plan = json.loads(sys.argv[1])
    die_with_parent()
    enter_namespaces()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent()
            make_view(plan)
            os.execve(plan["command"][0], plan["command"], plan["environment"])
        except BaseException as error:
            os.write(2, f"{error}\n".encode())
        finally:
            os._exit(125)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)


def checked(result: int, what: str) -> None:
    """Raise OSError where a system call has failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent() -> None:
    """Be killed when the parent ends, however it ends."""
    zero = ctypes.c_ulong(0)
    kill = ctypes.c_ulong(signal.SIGKILL)
    checked(LIBC.prctl(PR_SET_PDEATHSIG, kill, zero, zero, zero), "prctl")


def enter_namespaces() -> None:
    """Unshare everything; who is not root does so as the root of a new user namespace."""
    user, group = os.geteuid(), os.getegid()
    checked(LIBC.unshare(NEW_OTHERS | (NEW_USER if user else 0)), "making namespaces")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """The system call, with its error as OSError."""
    arguments = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags))
    checked(LIBC.mount(*arguments, data.encode() or None), f"mounting {target}")


def set_attributes(target: str, attributes: int, *, below: bool) -> None:
    """Make a mount, and with `below` all that is mounted below it, read-only and the like."""
    packed = struct.pack("QQQQ", attributes, 0, 0, 0)
    flags = AT_RECURSIVE if below else 0
    checked(
        LIBC.syscall(MOUNT_SETATTR, HERE, target.encode(), flags, packed, len(packed)),
        f"making {target} read-only",
    )


def make_view(plan: dict[str, Any]) -> None:
    """Leave the machine's file tree for one that shows only the entries of the plan."""
    mount("none", "/", "", PRIVATE | RECURSIVE)
    mount("sandbox", BASE, "tmpfs", NO_SET_ID | NO_DEVICES, "mode=755,size=1m")
    os.chdir(BASE)
    os.mkdir("new")
    os.mkdir("old")
    checked(LIBC.syscall(PIVOT_ROOT, b".", b"old"), "changing the root")
    os.chdir("/")
    mount("sandbox", "/new", "tmpfs", NO_SET_ID | NO_DEVICES, "mode=755,size=1m,nr_inodes=4096")
    add_system(plan["disk"], plan["files"])
    for path, kind in plan["entries"]:
        add_entry(path, kind)
    bind(f"/old{plan['launcher'][0]}", f"/new{plan['launcher'][1]}")
    for path, kind in plan["entries"]:
        if kind == "hide":
            set_attributes(f"/new{path}", READ_ONLY, below=False)
    os.chdir("/new")
    checked(LIBC.umount2(b"/old", DETACH), "letting go of the machine's files")
    checked(LIBC.syscall(PIVOT_ROOT, b".", b"."), "changing the root")
    checked(LIBC.umount2(b".", DETACH), "letting go of the outer root")
    os.chdir("/")
    set_attributes("/", READ_ONLY | NO_SET_ID | NO_DEVICES, below=False)
    LIBC.sethostname(b"sandbox", 7)
    os.chdir("/tmp")


def add_entry(path: str, kind: str) -> None:
    """Show a path of the machine read-only, repeat a link, or cover what is shown with nothing."""
    outside, inside = f"/old{path}", f"/new{path}"
    if kind == "link":
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        os.symlink(os.readlink(outside), inside)
    elif kind == "hide":
        mount("hidden", inside, "tmpfs", NO_SET_ID | NO_DEVICES, "mode=755,size=4k,nr_inodes=64")
    else:
        bind(outside, inside)


def bind(outside: str, inside: str) -> None:
    """Show a file or folder read-only, with all that is mounted below it."""
    if os.path.isdir(outside):
        os.makedirs(inside, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        Path(inside).touch()
    mount(outside, inside, "", BIND | RECURSIVE)
    set_attributes(inside, READ_ONLY | NO_SET_ID | NO_DEVICES, below=True)


def add_system(disk: int, files: int) -> None:
    """Add the processes of the namespace, five harmless devices, and the folder to write in."""
    for name in ("proc", "dev", "tmp"):
        os.makedirs(f"/new/{name}", exist_ok=True)
    mount("proc", "/new/proc", "proc", NO_SET_ID | NO_DEVICES | NO_PROGRAMS)
    for name in DEVICES:
        Path("/new/dev", name).touch()
        mount(f"/old/dev/{name}", f"/new/dev/{name}", "", BIND)
        set_attributes(f"/new/dev/{name}", NO_SET_ID | NO_PROGRAMS, below=False)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/new/dev/{name}")
    os.symlink("/proc/self/fd", "/new/dev/fd")
    limits = f"mode=1777,size={disk},nr_inodes={files}"
    mount("work", "/new/tmp", "tmpfs", NO_SET_ID | NO_DEVICES, limits)


if __name__ == "__main__":
    main()
