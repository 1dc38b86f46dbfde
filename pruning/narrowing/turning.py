"""How much each decoder layer turns the hidden state: a sum over tokens, like all of calibration.

The block influence of ShortGPT (Men et al. 2024, arXiv 2403.03853, equation 1) is one minus the mean
cosine of a layer's input and output. Layers with a cosine near 1 change next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pruning.calibration.decoder import Decoder
from pruning.calibration.passages import HiddenStates, batches_of
from pruning.domains.packing import TokenSample
from pruning.models.loading import LoadedModel
from pruning.progress import Meter, Report, ignore


def cosines(
    loaded: LoadedModel,
    samples: Sequence[tuple[TokenSample, float]],
    batch_size: int,
    report: Report = ignore,
) -> list[float]:
    """The mean cosine of every decoder layer's input and output, over counted tokens.

    samples: the token sample and weight of each domain; a mixture's mean is that of its domains'
    means, weighted. One dense pass; hidden states of one domain are held at a time.
    """
    meter = Meter(report, "Measuring the layers", len(samples) * len(loaded.layers))
    decoder = Decoder(loaded)
    weights = sum(weight for _, weight in samples)
    means = [0.0] * len(loaded.layers)
    for sample, weight in samples:
        states = HiddenStates(decoder, batches_of(sample, range(sample.num_samples), batch_size))
        for index, layer in enumerate(loaded.layers):
            with loaded.resident(index):
                total = _cosines_of(states, layer)
            means[index] += weight / weights * total / max(int(states.tokens.sum()), 1)
            meter.step(f"layer {index}")
    return means


def _cosines_of(states: HiddenStates, layer: nn.Module) -> float:
    """The sum of cosines over the counted tokens of all batches, which move through the layer."""
    states.states(0)  # they enter the decoder before the hook is there, which calls its layers, too
    valid = iter([valid for _, valid in states.batches])
    total = 0.0

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        nonlocal total
        before: Tensor = args[0] if args else kwargs["hidden_states"]
        after: Tensor = output[0] if isinstance(output, tuple) else output
        each = torch.cosine_similarity(before.float(), after.float(), dim=-1)
        total += float(each[next(valid).to(each.device)].double().sum())

    handle = layer.register_forward_hook(hook, with_kwargs=True)
    try:
        states.advance()
    finally:
        handle.remove()
    return total


def keep_turning(means: Sequence[float], removed: int) -> tuple[int, ...]:
    """The layers that stay when `removed` ones with the highest cosine go; of equal ones the later."""
    order = sorted(range(len(means)), key=lambda index: (-means[index], index))
    return tuple(sorted(order[removed:]))
