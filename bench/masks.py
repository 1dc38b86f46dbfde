"""`python -m bench masks`: one matrix's masks against bare selection, on one thread, in one run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from analysis.overlap.table import count_overlaps
from bench.measuring import add_results, machine, result
from pruning.commands.console import Answer
from pruning.masks.making import masks_of_rows, row_blocks
from pruning.masks.mask import Mask
from pruning.progress import Report
from pruning.specs import PruneSpec

MASKS = 8
INPUTS = 11008
ROUNDS = 5
ROWS = PruneSpec(sparsity=0.5)
OTHER_KINDS = {
    "ranked as a whole": PruneSpec(sparsity=0.5, comparison_group="matrix"),
    **{pattern: PruneSpec(pattern=pattern) for pattern in ("2:4", "4:8", "8:16")},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `masks`."""
    parser.add_argument("--rows", type=int, default=4096, help="default: 4096")
    add_results(parser)
    parser.set_defaults(command=masks)


def masks(arguments: argparse.Namespace, report: Report) -> Answer:
    """Time one mask of each kind, bare selections of the same scores, and all pairs of eight."""
    arguments.machine = machine()
    rows, threads = arguments.rows, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        lines = measured(rows)
    finally:
        torch.set_num_threads(threads)
    command = "python -m bench masks" + (f" --rows {rows}" if rows != 4096 else "")
    return result(arguments, "masks", command, lines)


def measured(rows: int) -> list[str]:
    """What was timed, in seconds of processor time, and the ratios."""
    random = np.random.default_rng(0)
    weights = torch.from_numpy(random.standard_normal((rows, INPUTS), dtype=np.float32))
    magnitude = weights.bfloat16().float().abs().numpy()  # with ties, as checkpoints have
    norms = random.lognormal(0, 0.3, (MASKS, INPUTS)).astype(np.float32)
    scores = magnitude * norms[0]
    tensor, middle = torch.from_numpy(scores), INPUTS // 2

    def one(channels: np.ndarray, prune: PruneSpec = ROWS) -> Mask:
        blocks = row_blocks(magnitude, prune)
        return Mask.stack([masks_of_rows([(channels, prune)], block)[0] for block in blocks])

    ours = fastest(lambda: one(norms[0]))
    others = {name: fastest(partial(one, norms[0], prune)) for name, prune in OTHER_KINDS.items()}
    bare = {
        "np.partition": fastest(lambda: np.partition(scores, middle - 1, axis=1)),
        "torch.topk": fastest(lambda: tensor.topk(middle, dim=1, sorted=False), rounds=1),
        "torch.kthvalue": fastest(lambda: tensor.kthvalue(middle, dim=1), rounds=1),
    }
    packed = [one(channels) for channels in norms]
    words = np.stack([mask.words for mask in packed])
    pairs = fastest(lambda: count_overlaps(packed))
    read = fastest(lambda: words.sum()) * (MASKS + 1)  # every pair, a mask's own included
    return [
        f"a matrix of {rows} x {INPUTS}, one thread, seconds of processor time",
        f"scores, mask and packed bits, at 50%: {ours:.3f} s",
        *(
            f"{name} alone of the same scores: {seconds:.3f} s; ours takes {ours / seconds:.2f}x"
            for name, seconds in bare.items()
        ),
        "masks of another kind: "
        + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in others.items()),
        f"all pairs of {MASKS} packed masks: {pairs:.4f} s; "
        f"adding up the same words takes {read:.4f} s, ours {pairs / read:.2f}x",
    ]


def fastest(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of this thread's processor time, the best of some rounds."""
    seconds = []
    for _ in range(rounds):
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return min(seconds)
