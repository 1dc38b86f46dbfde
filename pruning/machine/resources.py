"""What this machine has to spare: memory, GPU memory, disk, all in bytes; and whether memory ran out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_CGROUPS = (  # limit, use, statistics, name of the reclaimable share: version 2, then version 1
    (
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.stat",
        "inactive_file",
    ),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)


def free_memory_bytes() -> int:
    """Memory a new process could use: what the kernel calls available, within a container's limit.

    Where the kernel does not say (macOS), the machine's whole memory.
    """
    try:
        fields = _fields(Path("/proc/meminfo").read_text())
        free = fields["MemAvailable"] * 1024
    except (OSError, KeyError):
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit, use, statistics, reclaimable in _CGROUPS:
        try:
            spare = int(Path(limit).read_text()) - int(Path(use).read_text())
            spare += _fields(Path(statistics).read_text()).get(reclaimable, 0)
        except (OSError, ValueError):  # no such limit: absent, or "max"
            continue
        free = min(free, max(spare, 0))
    return free


def free_gpu_bytes(device: str = "cuda") -> int | None:
    """Free memory of a CUDA device; None if there is none."""
    import torch  # pages that ask for disk space only do not wait for it

    if not torch.cuda.is_available():
        return None
    return int(torch.cuda.mem_get_info(torch.device(device))[0])


def free_disk_bytes(path: Path) -> int:
    """Free space of the disk that holds the path, or would once it is created."""
    path = path.expanduser().absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def gigabytes(size: int) -> str:
    """ "14.5 GB": a size for people, in units of 10^9 bytes."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, which torch reports as RuntimeError in several wordings."""
    words = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


def _fields(text: str) -> dict[str, int]:
    """The numbers of lines such as "MemAvailable:  123 kB" or "inactive_file 123", by name."""
    rows = (line.replace(":", " ").split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) >= 2 and row[1].isdigit()}
