"""The README.md of an exported model: settings, counts, how to load it, and what not to expect."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pruning.checkpoints.compressed import LAYOUT
from pruning.domains import DomainOrigin
from pruning.exports.narrowed_card import narrow_settings, narrowed_summary, shape_section
from pruning.exports.planning import ExportPlan
from pruning.masks.starved import left_dense_sentence
from pruning.models.sources import is_hub_id
from pruning.runs.statistics import ENOUGH_TOKENS
from pruning.specs import INTERSECTION, MIXTURE, UNION, CalibrationSpec, ExportSpec, PruneSpec
from pruning.specs.exports import ALPS, NONE, REFIT, SPARSEGPT

CARD = "README.md"
LOAD_HEADING = "## Load it"
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
    form: str = "plain",
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
            how_to_load(name, form),
            _settings(spec, calibration),
            _texts(origins),
            *([shape_section(plan.narrow)] if plan.narrow else []),
            *([_sparsity(plan)] if plan.weights else []),
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
    how = ["pruned"] if spec.narrow is None else ["pruned", "narrowed"]
    scored = [spec.prune.score] if spec.prune.sparsity or spec.narrow is None else []
    tags = [*how, *scored, *(name for name, _ in spec.mixture)]
    lines = ["---", "library_name: transformers", "pipeline_tag: text-generation"]
    if is_hub_id(source):
        lines += [f"base_model: {json.dumps(source)}", "base_model_relation: finetune"]
    lines += ["tags:", *(f"- {json.dumps(tag)}" for tag in dict.fromkeys(tags)), "---", ""]
    return "\n".join(lines)


def _summary(spec: ExportSpec, calibration: CalibrationSpec, plan: ExportPlan) -> str:
    revision = calibration.model.revision
    at = f" (revision `{revision}`)" if revision else ""
    if plan.narrow is not None:
        return narrowed_summary(f"`{base_name(calibration)}`{at}", purpose(spec), plan)
    return (
        f"`{base_name(calibration)}`{at}, pruned {purpose(spec)}: "
        f"{plan.pruned:,} of {plan.parameters:,} parameters "
        f"({plan.sparsity:.1%}) are set to zero. {_other_values(spec)} "
        "`submodel.json` beside this file records how it was made, with a SHA-256 "
        "of every tensor. The base model's licence applies.\n"
    )


def _other_values(spec: ExportSpec) -> str:
    if spec.repair == NONE:
        return "Every other value equals the base model's, bit for bit."
    how = {REFIT: "least squares", SPARSEGPT: "SparseGPT", ALPS: "ALPS"}[spec.repair]
    return (
        f"The kept values of the pruned matrices were fitted again by {how}, towards the base "
        "model's answers on the calibration text; all other tensors equal the base model's, bit for "
        "bit."
    )


def purpose(spec: ExportSpec) -> str:
    """What the sub-model is for, in Markdown, to follow the word "pruned"."""
    if spec.combination == MIXTURE:
        domains = " + ".join(
            name if weight == 1 else f"{weight:g} × {name}" for name, weight in spec.mixture
        )
        return f"for **{domains}**"
    names, each = spec.domains, f"{spec.prune.sparsity:.0%} of the weights pruned"
    if spec.combination == UNION:
        return f"to what **any of {', '.join(names)}** needs (each mask with {each})"
    if spec.combination == INTERSECTION:
        return f"to what **all of {', '.join(names)}** need (each mask with {each})"
    only = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    return (
        f"of what **only {only}** needs: weights that a mask for it keeps and no other domain's "
        f"mask does (each mask with {each})"
    )


def how_to_load(name: str, form: str) -> str:
    """The section that says how to load the folder `name`."""
    source = json.dumps(name)
    restore = ""
    if form == LAYOUT:
        source = json.dumps(f"{name}-plain")
        restore = (
            "The pruned matrices are stored small, as a bit mask and the kept values (the "
            "sparse-bitmask layout of compressed-tensors). Restore the plain folder first, with "
            "Submodel Atlas:\n\n"
            f"```sh\npython -m pruning decompress {name} --out {name}-plain\n```\n\n"
        )
    return f"""{LOAD_HEADING}

{restore}```python
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained({source})
tokenizer = AutoTokenizer.from_pretrained({source})
```
"""


def restated(card: str, name: str, form: str) -> str:
    """The card with its title and the section on loading written anew for this folder and form."""
    section = how_to_load(name, form).removeprefix(f"{LOAD_HEADING}\n\n")
    return with_loading(card, name, section)


def with_loading(card: str, name: str, section: str) -> str:
    """The card with the title `name` and another text under the heading on loading."""
    card = re.sub(r"^# .*$", lambda _: f"# {name}", card, count=1, flags=re.MULTILINE)
    before, heading, rest = card.partition(LOAD_HEADING)
    if not heading:
        return card
    _, following, after = rest.partition("\n## ")
    return f"{before}{heading}\n\n{section}{following}{after}"


def _settings(spec: ExportSpec, calibration: CalibrationSpec) -> str:
    prune, sample = spec.prune, calibration.sample
    layers = "all" if prune.layers is None else ", ".join(map(str, prune.layers))
    projections = "all" if prune.projections is None else ", ".join(prune.projections)
    calibrated = {
        "calibration": f"{sample.num_samples} sequences of {sample.seq_len} tokens a domain, "
        f"seed {sample.seed}",
    }
    removed = {} if spec.narrow is None else narrow_settings(spec.narrow)
    if not prune.sparsity and spec.narrow is not None:
        return _settings_table(removed | calibrated)
    rows = removed | {
        "score": prune.score,
        _sparsity_setting(spec): f"{prune.sparsity:g}",
        "domains combined by": spec.combination,
        "pattern": prune.pattern,
        "scores compared within": f"one output {prune.comparison_group}"
        if prune.comparison_group == "row"
        else "the whole matrix",
        "mode": spec.mode,
        "decoder layers": layers,
        "projections": projections,
        **_unusual_settings(spec.prune),
    }
    return _settings_table(rows | calibrated)


def _settings_table(rows: Mapping[str, str]) -> str:
    table = "\n".join(f"| {what} | {value} |" for what, value in rows.items())
    return f"## Settings\n\n| setting | value |\n|---|---|\n{table}\n"


def _unusual_settings(prune: PruneSpec) -> dict[str, str]:
    """Said only where they are not the usual, and matter."""
    rows = {}
    if prune.allocation == "owl":
        rows["sparsity of each layer"] = "by its outliers (OWL)"
    if prune.score == "random" and prune.seed:
        rows["seed of the score"] = str(prune.seed)
    if prune.starved == "dense" and prune.reads_text:
        rows[f"experts that saw fewer than {ENOUGH_TOKENS} tokens"] = "left dense"
    return rows


def _sparsity_setting(spec: ExportSpec) -> str:
    if spec.combination == MIXTURE:
        return "sparsity of the chosen weights"
    return "sparsity of every domain's own mask"


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
    left_dense = left_dense_sentence([weight.key for weight in plan.left_dense])
    note = f"\n{left_dense} `left_dense` in `submodel.json` names them.\n" if left_dense else ""
    return (
        "## Sparsity\n\n| weights | values | pruned | sparsity |\n|---|---:|---:|---:|\n"
        f"{table}\n| whole model | {plan.parameters:,} | {plan.pruned:,} | {plan.sparsity:.2%} |\n"
        f"{note}"
    )


def _limits(plan: ExportPlan) -> str:
    if plan.narrow is not None:
        return (
            "## What not to expect\n\n"
            "Quality was not measured here. Outside the domains above it can be much lower than the "
            "base model's: what other text needs is gone.\n"
        )
    return (
        "## What not to expect\n\n"
        "The zeros are stored like any other value: by themselves they make this model neither "
        f"smaller in memory or on disk ({plan.bytes:,} bytes, as the base model) nor faster. "
        "Compression, or a runtime with sparse kernels, can turn them into either. "
        "Quality outside the domains above was not measured here, and can be much lower.\n"
    )
