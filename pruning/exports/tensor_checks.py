"""What can be wrong with one tensor of an export: its zeros, and where it differs from the base."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from pruning.checkpoints.shards import Shard, StoredTensor, read_tensor, tensor_sha256
from pruning.errors import InputError
from pruning.exports.record import TensorRecord
from pruning.masks.selecting import pruned_per_group
from pruning.specs import MIXTURE, ExportSpec


def wrong_zeros(
    tensor: torch.Tensor, entry: TensorRecord, spec: ExportSpec, name: str, left_dense: bool
) -> Iterator[str]:
    """What is wrong with the zeros of one pruned tensor: counts in all and in each group.

    A kept value may be zero by itself, so a group has at least the zeros that were pruned. A union
    or a removal prunes fewer than that; there the total alone is checked. left_dense: none may be
    pruned, as the weight belongs to an expert that saw too few tokens.
    """
    matrix = tensor.T if entry.transposed else tensor
    out_features, in_features = matrix.shape
    zero = matrix == 0
    if int(zero.sum()) != entry.zeros:
        yield f"{name} has {int(zero.sum())} zeros where {entry.zeros} were written"
    if left_dense:
        if entry.pruned:
            yield f"{name} has {entry.pruned} pruned values, but is recorded as left dense"
        return
    try:
        groups, pruned = pruned_per_group((out_features, in_features), spec.prune)
    except InputError as error:
        yield f"{name}: {error}"
        return
    if spec.prunes_every_group_alike and groups * pruned != entry.pruned:
        yield f"{name} has {entry.pruned} pruned values where its shape gives {groups * pruned}"
    if not spec.holds_pattern:
        return
    if spec.prune.allocation != "uniform" and spec.combination == MIXTURE:
        pruned = (entry.pruned or 0) // groups  # the layer's own share
    short = int((zero.reshape(groups, -1).sum(dim=1) < pruned).sum())
    if short:
        yield f"{name} has {short} of {groups} groups with fewer than {pruned} zeros"


def zeros_in_words(spec: ExportSpec, left_dense: int) -> str:
    """What `wrong_zeros` has found right where it found nothing. left_dense: how many tensors."""
    words = "weights pruned exactly as recorded"
    if left_dense:
        words += f", {left_dense} of them left dense with the experts that saw too few tokens"
    if spec.prune.block is None or not spec.holds_pattern:
        return words
    keep, block = spec.prune.block
    rest = "in all others, at most" if left_dense else "at most"
    return f"{words}; {rest} {keep} of every {block} consecutive inputs are not zero"


def differences(
    tensor: StoredTensor,
    sha256: str,
    values: torch.Tensor | None,
    entry: TensorRecord,
    base: tuple[Shard, StoredTensor] | None,
) -> Iterator[str]:
    """Untouched tensors must have the base's bytes; pruned ones its values, or zero.

    Of a repaired one the shape is the base's, the kept values are new, and finite.

    values: the tensor's, if it was pruned.
    """
    name = tensor.name
    if base is None or (base[1].shape, base[1].dtype) != (tensor.shape, tensor.dtype):
        yield f"{name} is not in the base model in this form"
    elif values is None:
        if sha256 != tensor_sha256(*base):
            yield f"{name} differs from the base model's, though it was not pruned"
    elif entry.repaired:
        if not bool(torch.isfinite(values).all()):
            yield f"{name} has values that are not finite numbers"
    else:
        changed = values != read_tensor(*base)
        invented = int((changed & (values != 0)).sum())
        zeroed = int(changed.sum()) - invented
        if invented:
            yield f"{name} has {invented} values that are neither zero nor the base model's"
        if zeroed > (entry.pruned or 0):
            yield f"{name} has {zeroed} new zeros where {entry.pruned} values were pruned"
