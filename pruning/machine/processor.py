"""What this machine's processor is good at, where it makes results slow or fast, never different.

`select_fast` lets numpy select fast on every processor. It is called before numpy is imported,
which reads its switch once. numpy sorts and selects by AVX-512 where it can. On AMD's Zen 4 its way of storing what a comparison
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


def has_bfloat16(device: str) -> bool:
    """Whether bfloat16 is the faster arithmetic on this device; a CPU without it emulates it.

    device: e.g. "cpu" or "cuda:0". Emulated, it takes several times as long as float32.
    """
    if not device.startswith("cpu"):
        return True
    import torch  # not above: this module is loaded before numpy

    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
