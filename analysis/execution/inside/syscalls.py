"""A seccomp filter: system calls that a program of an exercise never needs, and escapes often do.

They fail with "operation not permitted", so that a program which merely tries them goes on. The
namespaces are what hides files and network; the filter keeps programs from making namespaces of
their own (where they would be root), from sockets that namespaces do not confine (vsock), from
memory that no limit counts (memfd, System V shared memory), and from parts of the kernel in which
most escapes were found (io_uring, bpf, keyrings). Sockets within the sandbox (Unix) are allowed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
MODE_FILTER = 2
# Audit numbers of the machine types, and the column of their numbers in DENIED.
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1), "riscv64": (0xC00000F3, 1)}
# Name: (number on x86_64, number in the table that newer machine types share).
DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "syslog": (103, 116),
}
CLONE, CLONE3 = (56, 220), 435
LIMIT_OF_PROCESS = (302, 261)  # prlimit64: first argument 0 means the caller itself
SOCKET, UNIX_FAMILY = (41, 198), 1
# mount, cgroup, uts, ipc, user, process and network namespaces, as flags of clone
NEW_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x70000000
X32_CALLS = 0x40000000  # numbers of a second calling convention of x86_64

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # places in what the filter sees of a call
Line = tuple[int, int, int, int]  # operation, jump if true, jump if false, operand


def refuse(number: int) -> int:
    """The filter's verdict "fail with this error number"."""
    return 0x00050000 | number


def program() -> bytes:
    """The filter for this machine, as `struct sock_filter[]`; raises OSError for unknown machines."""
    if sys.platform != "linux" or os.uname().machine not in MACHINES:
        raise OSError(f"system calls of {os.uname().machine} machines cannot be filtered here")
    audit, column = MACHINES[os.uname().machine]
    lines: list[Line] = [
        (LOAD, 0, 0, MACHINE),  # the machine type whose numbers the caller uses
        (EQUAL, 1, 0, audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32_CALLS),
        (RETURN, 0, 0, refuse(errno.ENOSYS)),
        (EQUAL, 0, 1, CLONE3),  # its flags are out of sight; without it, libraries use clone
        (RETURN, 0, 0, refuse(errno.ENOSYS)),
    ]
    for numbers in DENIED.values():
        lines += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, refuse(errno.EPERM))]
    lines += _guarded(CLONE[column], (ANY_BIT, 0, 1, NEW_NAMESPACES))
    lines += _guarded(LIMIT_OF_PROCESS[column], (EQUAL, 1, 0, 0))
    lines += _guarded(SOCKET[column], (EQUAL, 1, 0, UNIX_FAMILY))
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _guarded(call: int, bad: Line) -> list[Line]:
    """Refuse a call by the lower half of its first argument; `bad` skips a line where that is fine."""
    return [
        (EQUAL, 0, 4, call),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        bad,
        (RETURN, 0, 0, refuse(errno.EPERM)),
        (RETURN, 0, 0, ALLOW),
    ]


class Filter:
    """A filter that is ready to be put on a process; made before the process is split off."""

    def __init__(self) -> None:
        self.code = ctypes.create_string_buffer(program())
        size = len(self.code.raw) // 8
        self.header = struct.pack("H6xQ", size, ctypes.addressof(self.code))
        self.libc = ctypes.CDLL(None, use_errno=True)

    def apply(self) -> None:
        """Put it on this process, for good. Raises OSError where the kernel refuses it."""
        zero = ctypes.c_ulong(0)
        if self.libc.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero):
            raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
        if self.libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), self.header, zero, zero):
            raise OSError(ctypes.get_errno(), "system calls cannot be filtered")
