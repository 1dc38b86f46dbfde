"""What is narrowed: which rows and columns belong to one channel or one group of heads.

Nothing here knows a model by name. Two models without weights are built, one from the
configuration as it is and one with a field made smaller; what differs in shape between them is
what the field speaks of. A linear map with fewer inputs is the *consumer* (the down- or output
projection); those beside it with fewer outputs are its *producers* (gate and up; query, key and
value).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from pruning.errors import InputError
from pruning.models.architecture import linear_modules
from pruning.specs import WeightKey

FUSED_HALVES = ("gate_up_proj",)  # gate's rows, then up's
FUSED_QKV = ("qkv_proj",)  # the queries' rows, then the keys', then the values'


@dataclass(frozen=True, kw_only=True)
class Producer:
    """A linear map some of whose outputs go with a unit: for each (start, rows), unit u owns the
    rows start + u * rows to start + (u + 1) * rows - 1.
    """

    name: str
    segments: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One feed-forward or attention block of one layer, and how it can be made narrower.

    kind: "channels" or "heads". consumer: the projection that reads the units, `columns` inputs
    each. left: how many of its `units` stay.
    """

    kind: str
    consumer: WeightKey
    units: int
    columns: int
    left: int
    producers: tuple[Producer, ...]

    @property
    def layer(self) -> int:
        """The decoder layer it is in."""
        return self.consumer.layer


Shapes = Mapping[str, tuple[int, int]]  # linear map -> (out, in)


def shapes_of(layer: nn.Module) -> dict[str, tuple[int, int]]:
    """(out, in) of every prunable linear map of a layer, by its name in it."""
    found = {}
    for name, module in linear_modules(layer):
        rows, columns = module.weight.shape  # type: ignore[misc]
        transposed = not isinstance(module, nn.Linear)
        found[name] = (int(columns), int(rows)) if transposed else (int(rows), int(columns))
    return found


def changed_maps(before: nn.Module, after: nn.Module, what: str) -> dict[str, tuple[int, int]]:
    """How many (outputs, inputs) each linear map of a layer loses; those that lose none left out.

    InputError if something else than linear maps and their biases changes.
    """
    one, other = shapes_of(before), shapes_of(after)
    lost = {
        name: (rows - other[name][0], columns - other[name][1])
        for name, (rows, columns) in one.items()
        if other.get(name) != (rows, columns)
    }
    mapped = {f"{name}.{end}" for name in lost for end in ("weight", "bias")}
    shapes = {name: tensor.shape for name, tensor in _tensors(after)}
    for name, tensor in _tensors(before):
        if tensor.shape != shapes.get(name) and name not in mapped:
            raise InputError(
                f"{name} depends on the number of {what}, so that {what} are not independent of "
                "each other; this architecture cannot lose some of them."
            )
    return lost


def _tensors(layer: nn.Module) -> Iterator[tuple[str, Any]]:
    yield from layer.named_parameters()
    yield from layer.named_buffers()


def channel_parts(
    index: int, shapes: Shapes, lost: Shapes, smaller: Mapping[str, int]
) -> Iterator[Part]:
    """The feed-forward parts of layer `index`.

    lost: see `changed_maps`, of any smaller width. smaller: consumer -> the inputs it will have.
    """
    for consumer, producers in _blocks(lost, "channels"):
        units = shapes[consumer][1]
        yield Part(
            kind="channels",
            consumer=WeightKey(layer=index, name=consumer),
            units=units,
            columns=1,
            left=smaller[consumer],
            producers=tuple(_channel_producer(name, shapes[name][0], units) for name in producers),
        )


def _channel_producer(name: str, rows: int, units: int) -> Producer:
    if rows == units:
        return Producer(name=name, segments=((0, 1),))
    if rows == 2 * units and name.rsplit(".", 1)[-1] in FUSED_HALVES:
        return Producer(name=name, segments=((0, 1), (units, 1)))
    raise _unknown(name, "channels")


def head_part(
    index: int, shapes: Shapes, lost: Shapes, groups: tuple[int, int], head_dim: int, left: int
) -> Part:
    """The attention of layer `index`. groups: key-value heads, and queries that read each."""
    number, queries = groups
    ((consumer, producers),) = _blocks(lost, "heads")
    if shapes[consumer][1] != number * queries * head_dim:
        raise _unknown(consumer, "heads")
    return Part(
        kind="heads",
        consumer=WeightKey(layer=index, name=consumer),
        units=number,
        columns=queries * head_dim,
        left=left,
        producers=tuple(
            _head_producer(name, shapes[name][0], groups, head_dim) for name in producers
        ),
    )


def _head_producer(name: str, rows: int, groups: tuple[int, int], head_dim: int) -> Producer:
    number, queries = groups
    read, stored = queries * head_dim, head_dim  # rows a group has of queries; of keys, of values
    if rows == number * (read + 2 * stored) and name.rsplit(".", 1)[-1] in FUSED_QKV:
        keys = number * read
        segments = ((0, read), (keys, stored), (keys + number * stored, stored))
        return Producer(name=name, segments=segments)
    last = name.rsplit(".", 1)[-1]
    each = {"q": read, "k": stored, "v": stored}.get(last.removesuffix("_proj"), 0)
    if rows != number * each:
        raise _unknown(name, "heads")
    return Producer(name=name, segments=((0, each),))


def _blocks(lost: Shapes, what: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The consumers, each with the producers that are its neighbours in one module."""
    for consumer, (rows, columns) in lost.items():
        if columns and rows:
            raise _unknown(consumer, what)
        if not columns:
            continue
        parent = consumer.rpartition(".")[0]
        beside = [name for name in lost if name.rpartition(".")[0] == parent and name != consumer]
        if not beside or any(lost[name][1] for name in beside):
            raise _unknown(consumer, what)
        yield consumer, beside
    consumers = {name.rpartition(".")[0] for name, (_, columns) in lost.items() if columns}
    for name in lost:
        if name.rpartition(".")[0] not in consumers:
            raise _unknown(name, what)


def _unknown(name: str, what: str) -> InputError:
    return InputError(
        f"It is not known which rows and columns of {name} belong to which of its {what}, so they "
        "cannot be removed from this architecture."
    )
