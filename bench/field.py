"""`python -m bench field`: every causal architecture of the installed transformers, as a tiny model.

Each is saved as `save_pretrained` does, inspected, loaded and calibrated, and its masks are compared
bit by bit with those of plain hooks on the whole model. Each has a process of its own, with limits
of time and memory, forked from one that has loaded the libraries.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import resource
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from bench.measuring import add_results, machine, result
from bench.tiny import tiny_config
from pruning.calibration.decoder import check_layer_by_layer
from pruning.calibration.passages import channel_sums
from pruning.checkpoints.headers import read_json
from pruning.commands.console import Answer
from pruning.errors import AtlasError, InputError
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.models.loading import LoadedModel, load_model
from pruning.models.sources import DEMO_FOLDER
from pruning.models.support import one_line, skeleton
from pruning.progress import Meter, Report
from pruning.specs import ModelSpec, PruneSpec, WeightKey

DEPTHS = (2, 3, 6)
SECONDS = 60
MEMORY = 3 * 2**30
TEXTS, LENGTH = 3, 12
WORKS, REFUSED, FAILED, UNBUILT = "works", "refused", "fails", "not built"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one architecture. what: `WORKS`, `REFUSED`, `FAILED`, or `UNBUILT` where
    transformers itself cannot make or run the tiny model. said: the sentence.
    """

    model_type: str
    layers: int
    what: str
    said: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `field`."""
    parser.add_argument("types", nargs="*", help="model types; default: all that are causal")
    parser.add_argument("--layers", type=int, nargs="+", default=list(DEPTHS), help="2 3 6")
    add_results(parser)
    parser.set_defaults(command=field)


def field(arguments: argparse.Namespace, report: Report) -> Answer:
    """Try every architecture at every depth; print what became of each."""
    arguments.machine = machine()
    types = arguments.types or causal_types()
    meter = Meter(report, "Architectures", len(types) * len(arguments.layers))
    outcomes = []
    for model_type in types:
        for layers in arguments.layers:
            outcomes.append(tried(model_type, layers))
            meter.step(f"{model_type}, {layers} layers: {outcomes[-1].what} {outcomes[-1].said}")
    depths = "" if arguments.layers == list(DEPTHS) else f" --layers {arguments.layers}"
    return result(arguments, "field", f"python -m bench field{depths}", table(outcomes))


def causal_types() -> list[str]:
    """The model types that transformers has a causal language model for."""
    return sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each architecture; depths that end alike are one."""
    lines: dict[str, dict[tuple[str, str], list[int]]] = {}
    for each in outcomes:
        alike = lines.setdefault(each.model_type, {})
        alike.setdefault((each.what, each.said), []).append(each.layers)
    counts = Counter(what for alike in lines.values() for what, _ in list(alike)[:1])
    total = ", ".join(f"{count} {what}" for what, count in counts.most_common())
    return [
        f"transformers {transformers.__version__}: {len(lines)} causal model types; {total}",
        *(
            f"{name} ({', '.join(map(str, depths))} layers): {what}{': ' + said if said else ''}"
            for name, alike in lines.items()
            for (what, said), depths in alike.items()
        ),
    ]


def tried(model_type: str, layers: int) -> Outcome:
    """Try one architecture in a process of its own, which is ended after `SECONDS`."""
    context = multiprocessing.get_context("fork")
    near, far = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_child, args=(model_type, layers, Path(folder), far))
        process.start()
        far.close()
        what, said = FAILED, f"no answer within {SECONDS} s"
        if near.poll(SECONDS):
            with contextlib.suppress(EOFError):
                what, said = FAILED, "the process ended"
                what, said = near.recv()
        process.kill()
        process.join()
    return Outcome(model_type=model_type, layers=layers, what=what, said=said)


def _child(model_type: str, layers: int, folder: Path, answer: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        try:
            save_tiny(model_type, layers, folder)
        except Exception as error:
            answer.send((UNBUILT, f"{type(error).__name__}: {one_line(error)}"))
            return
        answer.send(judged(folder))
    except BaseException as error:
        answer.send((FAILED, f"{type(error).__name__}: {one_line(error)}"))


def save_tiny(model_type: str, layers: int, folder: Path) -> None:
    """Write a model with random weights, which transformers was seen to run, and a tokenizer."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config(model_type, layers)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=min(parameter.shape) ** -0.5)
        model(input_ids=torch.arange(8)[None])
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(DEMO_FOLDER).save_pretrained(folder)


def judged(folder: Path) -> tuple[str, str]:
    """What becomes of the model in a folder, and the sentence."""
    early = True
    try:
        skeleton(read_json(folder / "config.json"))
        early = False
        loaded = load_model(ModelSpec(source=str(folder), device="cpu"))
        check_layer_by_layer(loaded)
    except (InputError, AtlasError) as error:
        said = str(error).replace(str(folder), "FOLDER")
        return REFUSED, said if early else f"(after loading) {said}"
    wrong, bits = wrong_bits(loaded)
    return (FAILED, f"{wrong} of {bits} mask bits differ") if wrong else (WORKS, "")


def wrong_bits(loaded: LoadedModel) -> tuple[int, int]:
    """How many bits of the masks at 50% differ from those of plain hooks, and of how many."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 4000, (TEXTS, LENGTH), generator=generator)
    batches = [(row[None], torch.ones(1, LENGTH, dtype=torch.bool)) for row in ids]
    ours = channel_sums(loaded, batches, loaded.weights)
    plain = plain_sums(loaded, [row for row, _ in batches])
    prune, wrong, bits = PruneSpec(sparsity=0.5), 0, 0
    for weight in loaded.weights:
        masks = [
            keep_highest(
                score(
                    loaded.matrix(weight.key), torch.from_numpy(np.sqrt(sums)), prune, weight.key
                ),
                prune,
            )
            for sums in (ours.sum_sq[weight.input_key][0], plain[weight.key])
        ]
        wrong += int((masks[0] != masks[1]).sum())
        bits += masks[0].numel()
    return wrong, bits


@torch.no_grad()
def plain_sums(loaded: LoadedModel, texts: Sequence[torch.Tensor]) -> dict[WeightKey, np.ndarray]:
    """The sum of squares of each weight's inputs, by one hook each on the whole model."""
    sums = {weight.key: np.zeros(weight.shape[1]) for weight in loaded.weights}
    with contextlib.ExitStack() as hooks:
        for key in sums:

            def add(
                _: torch.nn.Module, inputs: tuple[torch.Tensor, ...], key: WeightKey = key
            ) -> None:
                rows = inputs[0].reshape(-1, inputs[0].shape[-1]).double()
                sums[key] += rows.square().sum(0).numpy()

            hooks.callback(loaded.submodule(key).register_forward_pre_hook(add).remove)
        for text in texts:
            loaded.module(input_ids=text, use_cache=False)
    return sums
