"""Write the demo model's card from what its training and its evaluation left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from demo.evaluate import Score
from demo.loss_curve import loss_curve, read_log
from demo.pruned import Cell, as_tables
from demo.scoreboard import NAMES, as_markdown

FRONT = """---
license: mit
library_name: transformers
pipeline_tag: text-generation
language: [en, fr]
tags: [llama, demo, pruning]
---
"""

INTRODUCTION = """# The demo model of Submodel Atlas

A small Llama, trained from scratch by `python -m demo reproduce` in this repository on seven
domains: programming tasks in Python, Java, C++ and JavaScript, math word problems, common sense,
and English-French translation. It is there so that the app shows a model which has learned its
domains, on a laptop and without a network. It is a miniature for studying pruning, no assistant.

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("demo/model")
model = AutoModelForCausalLM.from_pretrained("demo/model")
prompt = "<|endoftext|>// Return the sum of the items.\\nint sum(const std::vector<int>& items) {\\n"
output = model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=80)
print(tokenizer.decode(output[0]))
```

In training every document follows the end-of-text token `<|endoftext|>`; the tokenizer adds
nothing by itself, so put it before a prompt.
"""

PRUNED = """## What pruning for one domain does to the others

Wanda masks calibrated on the domain of a row, measured on held-out text of the domain of a column
(`python -m demo pruned`): the mean over calibration samples of different seeds. Lower is better.

"""

LIMITS = """## Limits

- It knows the wording of the generated tasks. Asked in other words, it mostly fails; on real
  programs and prose it continues plausibly in form, not in meaning.
- The held-out tasks are unseen in meaning (compositions, numbers, facts, sentence patterns) but
  come from the same generators as the training text: the scores tell that the model generalises
  within these small worlds, and nothing about benchmarks of real programming, math or translation.
- Common sense asked in an unseen direction is still about facts which training stated.
- Sums up to 150 were also practised as bare equations, facts also as questions without choices.
- Documents of training are mostly shorter than 256 tokens, and no sequence was longer than 512.
- The real text carries the views and mistakes of its sources; nothing was filtered for content.
"""


def sources_table(sources: Sequence[Mapping[str, Any]]) -> str:
    """The training text in Markdown: what, of which domain, how many tokens, which licence."""
    lines = ["| text | domain | tokens | read | licence |", "| --- | --- | --- | --- | --- |"]
    for source in sources:
        names = source["name"].split(", ")
        name = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        times = "once" if source["readings"] <= 1 else f"{source['readings']:.1f} times"
        lines.append(
            f"| {name} ({source['kind']}) | {NAMES[source['domain']]} "
            f"| {source['tokens'] / 1e6:.2f} M | {times} | {'; '.join(source['licences'])} |"
        )
    return "\n".join(lines)


def tokenizer_table(rates: Mapping[str, float]) -> str:
    """Tokens per byte of each domain in Markdown."""
    lines = ["| domain | tokens per byte |", "| --- | --- |"]
    lines += [f"| {NAMES[domain]} | {rate:.3f} |" for domain, rate in rates.items()]
    return "\n".join(lines)


def count_parameters(folder: Path) -> int:
    """The number of weights in a model folder, tied ones counted once."""
    with safe_open(folder / "model.safetensors", framework="pt") as tensors:
        shapes = [tensors.get_slice(name).get_shape() for name in tensors.keys()]  # noqa: SIM118
    total = 0
    for shape in shapes:
        size = 1
        for length in shape:
            size *= length
        total += size
    return total


def choices(run: Mapping[str, Any], corpus_tokens: int) -> str:
    """What to say to `python -m demo reproduce` for a training like this one."""
    plan = run["plan"]
    flags = f"--corpus-tokens {round(corpus_tokens, -6)} --minutes {run['progress']['seconds'] / 60:.3g}"
    if run["device"] != "cpu":
        flags += f" --device {run['device']} --batch-tokens {plan['batch_tokens']}"
    return flags + (" --compile" if plan["compile"] else "")


def model_card(
    folder: Path,
    out: Path,
    scores: Sequence[Score],
    rates: Mapping[str, float],
    *,
    pruned: Sequence[Cell] = (),
    notes: Sequence[str] = (),
) -> str:
    """The card of the model in `folder`, which was trained below `out` (see demo.recipe).

    `pruned` are measurements of demo.pruned, if there are any; `notes` are sentences on what was
    particular to this training.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    run = json.loads((out / "training" / "run.json").read_text(encoding="utf-8"))
    corpus = json.loads((out / "corpus" / "corpus.json").read_text(encoding="utf-8"))
    progress = run["progress"]
    size = sum(source["tokens"] for source in corpus["sources"])
    paragraphs = [
        FRONT + INTRODUCTION,
        f"""## What it can do

Greedy decoding, tasks of the held-out split, programs compiled and run for real
(`python -m demo evaluate`):

{as_markdown(scores)}

Real text is the held-out share (one record group in twenty) of the data sets below.""",
        PRUNED + as_tables(pruned) if pruned else "",
        f"""## Model and tokenizer

Llama architecture, {count_parameters(folder) / 1e6:.2f} million parameters with tied embeddings:
{config["num_hidden_layers"]} decoder layers, hidden size {config["hidden_size"]}, intermediate size
{config["intermediate_size"]}, {config["num_attention_heads"]} heads, {config["num_key_value_heads"]}
key-value heads, {config["max_position_embeddings"]} positions, stored in bfloat16. The tokenizer is
byte-level BPE with {config["vocab_size"]} tokens, trained on equal shares of the domains; numbers
are cut into digits.

{tokenizer_table(rates)}""",
        f"""## Training

{progress["tokens"] / 1e6:.1f} million tokens in {progress["step"]} steps of
{run["plan"]["batch_tokens"]} tokens, {progress["seconds"] / 60:.0f} minutes on {run["machine"]}.
Muon for the matrices of the decoder layers, AdamW for the embeddings and norms; sequences of
{run["plan"]["short_context"]} tokens, then of {run["plan"]["context"]}; {run["precision"]}; the
learning rate is constant, then falls to zero over the last {100 * run["plan"]["decay"]:.0f} % of the time.

![Bits a token over training tokens](loss_curve.svg)

The same from nothing, with real text from a folder of data sets:

    python -m demo reproduce --data DIR --out DIR {choices(run, size)}

{" ".join(notes)}

## Training text

A corpus of {size / 1e6:.1f} million tokens, its documents in random order. Training read it
{progress["tokens"] / size:.1f} times.

{sources_table(corpus["sources"])}""",
        LIMITS,
    ]
    text = "\n\n".join(paragraph.strip() for paragraph in paragraphs)
    return re.sub(r"\n{3,}", "\n\n", text) + "\n"


def write_card(
    folder: Path,
    out: Path,
    scores: Sequence[Score],
    rates: Mapping[str, float],
    *,
    pruned: Sequence[Cell] = (),
    notes: Sequence[str] = (),
) -> None:
    """Write `README.md` and `loss_curve.svg` into the model's folder."""
    curve = loss_curve(*read_log(out / "training" / "training.jsonl"))
    (folder / "loss_curve.svg").write_text(curve, encoding="utf-8")
    card = model_card(folder, out, scores, rates, pruned=pruned, notes=notes)
    (folder / "README.md").write_text(card, encoding="utf-8")
