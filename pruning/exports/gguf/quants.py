"""The number formats a GGUF file can hold here, and how far a stored value may be from its own."""

from __future__ import annotations

from dataclasses import dataclass

from pruning.errors import InputError

BLOCK = 32  # values that share a scale in q8_0, q5_0 and q4_0
# The matrices of a decoder layer, by their names in GGUF; routers and norms are not among them.
MATRICES = (
    r"blk\.\d+\.(attn_(q|k|v|qkv|output|q_a|q_b|kv_a_mqa|kv_b|k_b|v_b)"
    r"|ffn_(gate|up|down|gate_up)(_exps|_shexp)?)\.weight"
)


@dataclass(frozen=True, kw_only=True)
class Quant:
    """One format.

    converted: what the converter makes of every matrix. matrices: the GGML type of the decoder
    layers' matrices, where it is another. file_type: the name in `gguf.LlamaFileType`.
    bits: for one weight of such a matrix, scales included. program: made by llama.cpp's own
    quantizer, of a file in 16 bits.
    """

    name: str
    converted: str
    file_type: str
    bits: float
    matrices: str | None = None
    program: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether values are stored as they are, but for rounding to 16 bits."""
        return self.name in ("f32", "f16", "bf16")


QUANTS: dict[str, Quant] = {
    quant.name: quant
    for quant in (
        Quant(name="f32", converted="f32", file_type="ALL_F32", bits=32),
        Quant(name="f16", converted="f16", file_type="MOSTLY_F16", bits=16),
        Quant(name="bf16", converted="bf16", file_type="MOSTLY_BF16", bits=16),
        Quant(name="q8_0", converted="q8_0", file_type="MOSTLY_Q8_0", bits=8.5),
        Quant(name="q5_0", converted="q8_0", file_type="MOSTLY_Q5_0", bits=5.5, matrices="Q5_0"),
        Quant(name="q4_0", converted="q8_0", file_type="MOSTLY_Q4_0", bits=4.5, matrices="Q4_0"),
        Quant(name="q6_k", converted="f32", file_type="MOSTLY_Q6_K", bits=6.6, program=True),
        Quant(name="q5_k_m", converted="f32", file_type="MOSTLY_Q5_K_M", bits=5.7, program=True),
        Quant(name="q4_k_m", converted="f32", file_type="MOSTLY_Q4_K_M", bits=4.8, program=True),
        Quant(name="q3_k_m", converted="f32", file_type="MOSTLY_Q3_K_M", bits=3.9, program=True),
    )
}


def quant_named(name: str) -> Quant:
    """The format of that name; InputError where there is none."""
    if name not in QUANTS:
        raise InputError(f"There is no GGUF format {name!r}; choose one of {', '.join(QUANTS)}.")
    return QUANTS[name]


def estimated_bytes(matrices: int, others: int, quant: str) -> int:
    """About how large a file is. matrices, others: values in decoder layers, and outside them."""
    form = quant_named(quant)
    outside = 8.5 if form.matrices else max(form.bits, 6.6)
    return round((matrices * form.bits + others * outside) / 8)
