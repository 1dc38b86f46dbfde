"""Let numpy select fast on every processor. Called before numpy is imported, which reads it once.

numpy sorts and selects by AVX-512 where it can. On AMD's Zen 4 its way of storing what a comparison
chose is microcoded, and selecting takes four times as long as by AVX2 (numpy/x86-simd-sort,
issue 6). numpy's own switch is an environment variable; child processes inherit it.
"""

from __future__ import annotations

import os
from pathlib import Path

SWITCH = "NPY_DISABLE_CPU_FEATURES"
AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"  # numpy's names of what builds on AVX-512


def select_fast(processor: Path = Path("/proc/cpuinfo")) -> None:
    """Keep numpy off AVX-512 on Zen 4. Does nothing elsewhere, or where a person has set the switch.

    processor: what Linux says of the processors.
    """
    try:
        text = processor.read_text(encoding="utf-8")
    except OSError:
        return
    if is_zen4(text):
        os.environ.setdefault(SWITCH, AVX512)


def is_zen4(text: str) -> bool:
    """Whether this describes AMD's family 25 with AVX-512; Zen 3, of the same family, has none."""
    lines = (line.partition(":") for line in text.splitlines())
    known = {name.strip(): value.split() for name, _, value in lines}
    amd = known.get("vendor_id") == ["AuthenticAMD"] and known.get("cpu family") == ["25"]
    return amd and "avx512f" in known.get("flags", [])
