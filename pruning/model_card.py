"""The README.md of an exported model: settings, counts, how to load it, and what not to expect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pruning.domains import DomainOrigin
from pruning.export_plan import ExportPlan, ExportSpec
from pruning.sources import is_hub_id
from pruning.specs import CalibrationSpec

CITATIONS = """\
```bibtex
@inproceedings{sun2024wanda,
  title     = {A Simple and Effective Pruning Approach for Large Language Models},
  author    = {Sun, Mingjie and Liu, Zhuang and Bair, Anna and Kolter, J. Zico},
  booktitle = {International Conference on Learning Representations},
  year      = {2024},
  url       = {https://arxiv.org/abs/2306.11695}
}

@inproceedings{puccioni2025deriving,
  title     = {Deriving Coding-Specific Sub-Models from LLMs using Resource-Efficient Pruning},
  author    = {Puccioni, Laura and Farshin, Alireza and Scazzariello, Mariano and Wang, Changjie
               and Chiesa, Marco and Kosti\\'c, Dejan},
  booktitle = {International Workshop on Large Language Models for Code (LLM4Code)},
  year      = {2025},
  url       = {https://arxiv.org/abs/2501.05248}
}
```
"""


def model_card(
    name: str,
    spec: ExportSpec,
    calibration: CalibrationSpec,
    plan: ExportPlan,
    origins: Sequence[DomainOrigin],
) -> str:
    """The model card in Markdown, with the front matter that model hubs read.

    origins: where the text of the mixture's domains comes from.

    Paths on this machine stay out of it; the base model is named by its hub id or folder's name.
    """
    return "\n".join(
        (
            _front_matter(spec, calibration),
            f"# {name}\n",
            _summary(spec, calibration, plan),
            _how_to_load(name),
            _settings(spec, calibration),
            _texts(origins),
            _sparsity(plan),
            _limits(plan),
            f"## Citation\n\n{CITATIONS}",
        )
    )


def base_name(calibration: CalibrationSpec) -> str:
    """The base model's hub id, "demo", or its folder's name."""
    source = calibration.model.source
    return source if is_hub_id(source) else Path(source).name


def _front_matter(spec: ExportSpec, calibration: CalibrationSpec) -> str:
    source = calibration.model.source
    tags = ["pruned", spec.prune.score, *(name for name, _ in spec.mixture)]
    lines = ["---", "library_name: transformers", "pipeline_tag: text-generation"]
    if is_hub_id(source):
        lines += [f"base_model: {json.dumps(source)}", "base_model_relation: finetune"]
    lines += ["tags:", *(f"- {json.dumps(tag)}" for tag in dict.fromkeys(tags)), "---", ""]
    return "\n".join(lines)


def _summary(spec: ExportSpec, calibration: CalibrationSpec, plan: ExportPlan) -> str:
    domains = " + ".join(
        name if weight == 1 else f"{weight:g} × {name}" for name, weight in spec.mixture
    )
    revision = calibration.model.revision
    at = f" (revision `{revision}`)" if revision else ""
    return (
        f"`{base_name(calibration)}`{at}, pruned for **{domains}**: "
        f"{plan.pruned:,} of {plan.parameters:,} parameters "
        f"({plan.sparsity:.1%}) are set to zero. Every other value equals the base model's, "
        "bit for bit. `submodel.json` beside this file records how it was made, with a SHA-256 "
        "of every tensor. The base model's licence applies.\n"
    )


def _how_to_load(name: str) -> str:
    return f"""## Load it

```python
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained({json.dumps(name)})
tokenizer = AutoTokenizer.from_pretrained({json.dumps(name)})
```
"""


def _settings(spec: ExportSpec, calibration: CalibrationSpec) -> str:
    prune, sample = spec.prune, calibration.sample
    layers = "all" if prune.layers is None else ", ".join(map(str, prune.layers))
    projections = "all" if prune.projections is None else ", ".join(prune.projections)
    rows = {
        "score": prune.score,
        "sparsity of the chosen weights": f"{prune.sparsity:g}",
        "pattern": prune.pattern,
        "scores compared within": f"one output {prune.comparison_group}"
        if prune.comparison_group == "row"
        else "the whole matrix",
        "mode": spec.mode,
        "decoder layers": layers,
        "projections": projections,
        "calibration": f"{sample.num_samples} sequences of {sample.seq_len} tokens a domain, "
        f"seed {sample.seed}",
    }
    table = "\n".join(f"| {what} | {value} |" for what, value in rows.items())
    return f"## Settings\n\n| setting | value |\n|---|---|\n{table}\n"


def _texts(origins: Sequence[DomainOrigin]) -> str:
    table = "\n".join(
        f"| {text.name} | {text.source}{f' at {text.revision}' if text.revision else ''} "
        f"| {text.licence} |"
        for text in origins
    )
    return f"## Calibration text\n\n| domain | source | licence |\n|---|---|---|\n{table}\n"


def _sparsity(plan: ExportPlan) -> str:
    parts = [(f"layer {part.part}", part) for part in plan.layers]
    parts += [(f"all `{part.part}`", part) for part in plan.projections]
    table = "\n".join(
        f"| {what} | {part.total:,} | {part.pruned:,} | {part.sparsity:.2%} |"
        for what, part in parts
    )
    return (
        "## Sparsity\n\n| weights | values | pruned | sparsity |\n|---|---:|---:|---:|\n"
        f"{table}\n| whole model | {plan.parameters:,} | {plan.pruned:,} | {plan.sparsity:.2%} |\n"
    )


def _limits(plan: ExportPlan) -> str:
    return (
        "## What not to expect\n\n"
        "The zeros are stored like any other value: by themselves they make this model neither "
        f"smaller in memory or on disk ({plan.bytes:,} bytes, as the base model) nor faster. "
        "Compression, or a runtime with sparse kernels, can turn them into either. "
        "Quality outside the domains above was not measured here, and can be much lower.\n"
    )
