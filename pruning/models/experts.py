"""Mixture-of-experts layers, taken apart into one linear map for each expert and projection.

transformers keeps all experts of a layer in two tensors, `gate_up_proj` (E, 2I, H) and `down_proj`
(E, H, I). Here they become E small modules whose weights are views into these tensors, under the
names that the checkpoint has for them, so that an expert's matrices are found, hooked, scored and
written like any other. The router, which sends tokens to experts, stays as it is.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter

FUSED = ("gate_up_proj", "down_proj")
USUAL_NAMES = ("gate_proj", "up_proj", "down_proj")


class Expert(nn.Module):
    """One expert: down(activation(gate x) * up x).

    rows: the tokens that it was last called with, of so many `positions`.
    """

    def __init__(
        self, names: tuple[str, str, str], matrices: tuple[Tensor, ...], activation: nn.Module
    ) -> None:
        """names, matrices (out, in): of gate, up and down."""
        super().__init__()
        for name, matrix in zip(names, matrices, strict=True):
            linear = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False, device="meta")
            linear.weight = nn.Parameter(matrix, requires_grad=False)
            self.add_module(name, linear)
        self._names = names
        self.activation = activation
        self.rows = torch.zeros(0, dtype=torch.int64)
        self.positions = 0

    def forward(self, hidden: Tensor, rows: Tensor) -> Tensor:
        """hidden: (tokens, H). rows: int64, the tokens that the router sends here. (rows, H)."""
        self.rows, self.positions = rows, len(hidden)
        gate, up, down = (self.get_submodule(name) for name in self._names)
        routed = hidden[rows]
        return cast(Tensor, down(self.activation(gate(routed)) * up(routed)))


class Experts(nn.ModuleList):
    """The experts of one layer, called as transformers calls its fused ones."""

    def __init__(self, fused: nn.Module, names: tuple[str, str, str] = USUAL_NAMES) -> None:
        """fused: a module that `is_fused`; its tensors are shared, not copied."""
        gate_up, down = (cast(nn.Parameter, getattr(fused, name)).detach() for name in FUSED)
        inner = down.shape[2]
        super().__init__(
            Expert(
                names,
                (gate_up[number, :inner], gate_up[number, inner:], down[number]),
                cast(nn.Module, fused.act_fn),
            )
            for number in range(len(down))
        )
        self.all_run = False  # also experts that the router sends nothing, on no token

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """The weighted sum of what each token's experts give it: (tokens, H).

        hidden_states: (tokens, H). top_k_index, top_k_weights: (tokens, k), the router's choice; an
        index of E or more stands for no expert.
        """
        result = torch.zeros_like(hidden_states)
        chosen = top_k_index.flatten()
        order = chosen.argsort(stable=True)
        sizes = torch.bincount(chosen, minlength=len(self)).tolist()
        for expert, places in zip(self, order.split(sizes), strict=False):
            if not len(places) and not self.all_run:
                continue
            rows = places // top_k_index.shape[1]
            output = expert(hidden_states, rows) * top_k_weights.flatten()[places, None]
            result.index_add_(0, rows, output.to(result.dtype))
        return result


def split_experts(model: nn.Module) -> nn.Module:
    """Take the fused experts of a model apart, in place; returns the model.

    What computes in another way than these modules do is left as it is (`check_layers` refuses it).
    """
    names = _stored_names(model)
    for parent in list(model.modules()):
        fused = getattr(parent, "experts", None)
        if isinstance(fused, nn.Module) and is_fused(fused):
            parent.experts = Experts(fused, names)
    return model


def is_fused(module: nn.Module) -> bool:
    """Whether a module holds gated experts without biases in two tensors, as most models do.

    It is tried out on a small copy of the module with random weights.
    """
    parameters = dict(module.named_parameters())
    if set(parameters) != set(FUSED) or not hasattr(module, "act_fn"):
        return False
    gate_up, down = (tuple(parameters[name].shape) for name in FUSED)
    if len(down) != 3 or gate_up != (down[0], 2 * down[2], down[1]):
        return False
    return _computes_alike(module)


@torch.no_grad()
def _computes_alike(module: nn.Module) -> bool:
    """Whether `Experts` gives what the module's own plain implementation does.

    On 3 experts of 5 inner and 4 outer channels, with activations in the tens, so that a limit on
    them would show.
    """
    generator = torch.Generator().manual_seed(0)
    small = module.__new__(type(module))
    small.__dict__ = {**module.__dict__, "num_experts": 3}
    shapes = {"gate_up_proj": (3, 10, 4), "down_proj": (3, 4, 5)}
    with torch.device("cpu"):
        small._parameters = {
            name: nn.Parameter(4 * torch.randn(shape, generator=generator), requires_grad=False)
            for name, shape in shapes.items()
        }
        hidden = 4 * torch.randn(16, 4, generator=generator)
        index = torch.stack([torch.randperm(3, generator=generator)[:2] for _ in range(16)])
        weights = torch.rand(16, 2, generator=generator)
        try:
            expected = inspect.unwrap(type(module).forward)(small, hidden, index, weights)
            ours = Experts(small)(hidden, index, weights)
        except Exception:  # whatever a module of another form makes of these arguments
            return False
        return torch.allclose(ours, expected, rtol=1e-4)


def _stored_names(model: nn.Module) -> tuple[str, str, str]:
    """What the checkpoint calls an expert's gate, up and down, e.g. w1, w3 and w2."""
    names = {}
    for change in get_model_conversion_mapping(model):  # type: ignore[arg-type]
        if isinstance(change, WeightConverter) and len(change.target_patterns) == 1:
            target = change.target_patterns[0].rsplit(".", 1)[-1]
            names[target] = [source.split(".")[-2:-1] for source in change.source_patterns]
    found = [part for target in FUSED for each in names.get(target, ()) for part in each]
    return (found[0], found[1], found[2]) if len(found) == 3 else USUAL_NAMES


def gates(layer: nn.Module) -> set[nn.Module]:
    """What says how much experts, or a shared one, count: weights beside the experts, also inside
    a router of its own, with one output for each expert, or one.
    """
    return {
        module
        for parent in layer.modules()
        for experts in parent.children()
        if isinstance(experts, Experts)
        for module in set(parent.modules()) - set(experts.modules())
        if isinstance(weight := getattr(module, "weight", None), Tensor)
        and len(weight) in (1, len(experts))
    }


def expert_around(layer: nn.Module, name: str) -> Expert | None:
    """The expert that the module `name` inside a layer belongs to; None for all other modules."""
    parent = layer.get_submodule(name.rpartition(".")[0])
    return parent if isinstance(parent, Expert) else None


@contextlib.contextmanager
def every_expert_runs(module: nn.Module) -> Iterator[None]:
    """Inside, also experts without a token are called, on none, so that hooks see all of them."""
    found = [each for each in module.modules() if isinstance(each, Experts)]
    try:
        for experts in found:
            experts.all_run = True
        yield
    finally:
        for experts in found:
            experts.all_run = False
