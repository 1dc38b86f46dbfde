"""Whole parts of a model as units that domains can share or not: channels, heads, layers.

A unit is what one *consumer* reads of it: a channel of a feed-forward part is one input of the
down-projection, a group of heads are those inputs of the output projection that it writes. Which
weights are consumers is seen from shapes and from which weights read the same input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pruning.checkpoints.headers import read_json
from pruning.errors import InputError
from pruning.specs.keys import WeightKey
from pruning.specs.selection import select_weights

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

OF = ("weights", "channels", "heads", "layers")
ATTENTION = ("attn", "attention")  # in the name of the module that holds an attention's weights
# Norms of what a layer has computed, before it is added: they undo how large it is.
RESCALING = ("post_feedforward", "post_mlp", "post_self_attn", "ffn_norm_post")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A consumer and its units: unit u is its inputs u * columns to (u + 1) * columns - 1."""

    consumer: PrunableWeight
    units: int
    columns: int

    @property
    def key(self) -> WeightKey:
        """The consumer's address."""
        return self.consumer.key


def find_parts(run: Run, of: str, prune: PruneSpec) -> tuple[Part, ...]:
    """The parts of the run's layers that `prune` selects, in the order of the model.

    of: "channels", "heads", or "layers", for which the parts of both kinds are given. Heads are those
    of the queries; several may read one head of keys and values.

    Raises InputError, with the reason, where there are none or it is not known what belongs to one.
    """
    if prune.projections is not None:
        raise InputError(
            f"Projections have no {of} of their own; choose all projections, or weights."
        )
    chosen = set(select_weights([weight.key for weight in run.weights], prune.layers, None))
    weights = [weight for weight in run.weights if weight.key in chosen]
    from pruning.models.support import parse_config

    config = parse_config(read_json(run.model_folder() / "config.json"))
    found: list[Part] = []
    for _, block in groupby(weights, lambda weight: (weight.key.layer, _module(weight.key))):
        found += _of_module(config, list(block), of)
    if not found:
        raise InputError(
            f"The run has no weights that read whole {of}, such as a down- or output projection; "
            "calibrate all projections."
        )
    return tuple(found)


def _module(key: WeightKey) -> str:
    return key.name.rpartition(".")[0]


def is_attention(key: WeightKey) -> bool:
    """Whether a weight is part of an attention, judged from the name of its module."""
    return any(word in _module(key) for word in ATTENTION)


def _of_module(config: Any, weights: Sequence[PrunableWeight], of: str) -> Iterator[Part]:
    """The parts whose consumer is among the weights of one module."""
    attention = is_attention(weights[0].key)
    if of != "layers" and attention != (of == "heads"):
        return
    if len({weight.input_name for weight in weights}) < 2:
        return  # a router, or a gate: nothing in the module reads what it makes
    if attention:
        heads = config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
    found = [
        each
        for each in weights
        if _is_consumer(each, weights, config.hidden_size)
        and (each.shape[1] == heads * size if attention else _is_made(each.shape[1], weights))
    ]
    if len(found) != 1:
        raise _unknown(weights[-1].key, of)
    (consumer,) = found
    if attention:
        yield Part(consumer=consumer, units=heads, columns=size)
    else:
        yield Part(consumer=consumer, units=consumer.shape[1], columns=1)


def _is_consumer(weight: PrunableWeight, weights: Sequence[PrunableWeight], hidden: int) -> bool:
    """Whether it alone reads its input and makes hidden states, which all others read."""
    others = [each for each in weights if each is not weight]
    return weight.shape[0] == hidden and all(
        each.shape[1] == hidden and each.input_name != weight.input_name for each in others
    )


def _is_made(inputs: int, weights: Sequence[PrunableWeight]) -> bool:
    """Whether weights that read hidden states make so many channels: gate and up may be one."""
    made = [weight.shape[0] for weight in weights]
    return sum(outputs in (inputs, 2 * inputs) for outputs in made) >= len(weights) - 1


def _unknown(key: WeightKey, of: str) -> InputError:
    return InputError(
        f"It is not known which inputs belong to which of the {of} around {key} in this "
        "architecture; look at its weights instead."
    )


def check_layers(run: Run, parts: Sequence[Part]) -> None:
    """InputError where the sums cannot say how much a layer adds to the hidden states."""
    from pruning.models.support import skeleton

    if run.has_experts:
        raise InputError(
            "Layers of a mixture of experts cannot be ranked by the stored sums: what the router "
            "makes of an expert's output is not in them. Look at channels or heads instead."
        )
    _, _, layers = skeleton(read_json(run.model_folder() / "config.json"))
    names = [name for name, _ in layers[0].named_parameters()]
    rescaled = next((name for name in names if any(word in name for word in RESCALING)), None)
    if rescaled is not None:
        raise InputError(
            f"Layers of this model cannot be ranked by the stored sums: {rescaled} rescales what a "
            "layer adds, whatever its size. Look at channels or heads instead."
        )
    by_layer = {
        layer: [p for p in parts if p.key.layer == layer] for layer in {p.key.layer for p in parts}
    }
    for layer, own in by_layer.items():
        if {is_attention(part.key) for part in own} != {True, False}:
            raise InputError(
                f"Layer {layer} was calibrated in part only, so how much it adds is not known; "
                "calibrate all projections."
            )
    if len(by_layer) < 2:
        raise InputError("Layers compete with each other; choose two or more.")
