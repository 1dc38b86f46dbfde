"""The demo model from nothing: tokenizer, corpus, training, and the folder that is committed.

Everything a run makes lies below one folder: `tokenizer/`, `corpus/`, `training/` and `model/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from demo.corpus import (
    Source,
    build_corpus,
    code_sources,
    generated_sources,
    load_tokens,
    record_sources,
    tokenizer_texts,
)
from demo.model_config import ModelSize, new_model
from demo.parallel import Team
from demo.source_code import describe, find_code
from demo.texts import DOMAINS
from demo.tokenizer import load_tokenizer, tokens_per_byte, train_tokenizer
from demo.train import Progress, TrainingPlan, train
from pruning.machine.processor import has_bfloat16

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class TextPlan:
    """Which text a model is trained on. Without `data` there is generated text and source code."""

    data: Path | None = None  # a folder of data sets, see demo.real_text
    node_modules: tuple[Path, ...] = ()  # more folders of npm packages
    source_code: bool = True  # search this machine for real source code
    seed: int = 0


def sources_of(plan: TextPlan, report: Report = print) -> list[Source]:
    """Collect the sources of a plan and say in words what real text was found."""
    sources = generated_sources(seed=plan.seed)
    if plan.data is None:
        report("No --data folder: the model sees no real text but source code.")
    else:
        sources += record_sources(plan.data)
    if plan.source_code:
        for line in describe(find_code(plan.node_modules)):
            report(line)
        sources += code_sources(plan.node_modules)
    return sources


def make_tokenizer(
    sources: Sequence[Source],
    out: Path,
    *,
    vocabulary: int = 4096,
    bytes_per_domain: int = 1_500_000,
    report: Report = print,
) -> PreTrainedTokenizerFast:
    """Train the tokenizer, save it, and report what each domain's text costs."""
    texts = tokenizer_texts(sources, bytes_per_domain=bytes_per_domain)
    tokenizer = train_tokenizer(texts, vocabulary=vocabulary)
    tokenizer.save_pretrained(out / "tokenizer")
    for domain, rate in tokens_per_byte(tokenizer, held_out_texts(bytes_each=50_000)).items():
        report(f"{domain:12} {rate:.3f} tokens per byte")
    return tokenizer


def held_out_texts(*, bytes_each: int, seed: int = 1) -> dict[str, list[str]]:
    """Generated held-out documents of the seven domains, `bytes_each` of each or a little more."""
    from demo.texts import documents

    texts: dict[str, list[str]] = {}
    for domain in DOMAINS:
        taken: list[str] = []
        size = 0
        for document in documents(domain, seed=seed, split="held-out"):
            if size >= bytes_each:
                break
            taken.append(document)
            size += len(document.encode())
        texts[domain] = taken
    return texts


def make_corpus(
    sources: Sequence[Source], out: Path, *, tokens: int, seed: int = 0, report: Report = print
) -> None:
    """Encode `tokens` tokens of training text with the tokenizer of the folder."""
    tokenizer = load_tokenizer(out / "tokenizer")
    build_corpus(sources, tokenizer, out / "corpus", tokens=tokens, seed=seed, report=report)


def make_model(
    out: Path,
    plan: TrainingPlan,
    *,
    size: ModelSize | None = None,
    seed: int = 0,
    start: Path | None = None,
    device: str = "cpu",
    report: Report = print,
) -> Progress:
    """Train a model on the folder's corpus, or go on with it, and save it in `model/`.

    It begins with drawn weights, or with those of the model folder `start`, whose tokenizer the
    folder's must be.
    """
    tokenizer = load_tokenizer(out / "tokenizer")
    if start is None:
        model = new_model(
            size or ModelSize(),
            vocabulary=len(tokenizer),
            end_of_text=int(tokenizer.eos_token_id),
            padding=int(tokenizer.pad_token_id),
            seed=seed,
        )
    else:
        if load_tokenizer(start).get_vocab() != tokenizer.get_vocab():
            raise ValueError(f"{start} has another tokenizer than {out}: copy it to the latter.")
        model = LlamaForCausalLM.from_pretrained(start, dtype=torch.float32)
    model.to(torch.device(device))  # type: ignore[arg-type]
    report(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} million parameters")
    progress = train(model, load_tokens(out / "corpus"), out / "training", plan, report=report)
    if not Team().leads:
        return progress
    save_model(model, tokenizer, out / "model")
    record = {
        "plan": asdict(plan),
        "progress": vars(progress),
        "seed": seed,
        "device": device,
        "machine": _machine(device, Team().size),
        "precision": "bfloat16 autocast" if has_bfloat16(device) else "float32",
    }
    (out / "training" / "run.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return progress


def save_model(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save weights (bfloat16), configuration and tokenizer so that `from_pretrained` loads them."""
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.to(dtype=torch.bfloat16)  # type: ignore[call-arg]
    model.save_pretrained(folder)
    for name in ("is_local", "local_files_only"):  # how it was loaded is nobody's business
        tokenizer.init_kwargs.pop(name, None)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


def _machine(device: str, processes: int) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores ({processes} x {torch.get_num_threads()} threads)"
