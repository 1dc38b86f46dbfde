"""Which tokens of the calibration text drive a channel: from "the masks differ" to "on this".

The sums that a run keeps say how loud a channel is, not where. So the run's own tokens are read
once more, up to the last chosen layer, and of every loud channel the tokens are kept that carry
most of its squared activation, each with its strongest occurrences in context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.structure.channels import LoudChannel, PairSpec, input_ratios
from pruning.domains.token_sample import TokenSample
from pruning.progress import Meter, Progress, Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import WeightKey
from pruning.specs.plain import Plain
from pruning.specs.selection import select_weights

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

TOKENS, OCCURRENCES = 8, 5  # kept of each channel and domain
SAME_TOKEN = 2  # occurrences of one token at most, so that others are seen as well
BEFORE, AFTER = 12, 6  # tokens of context


@dataclass(frozen=True, kw_only=True)
class TokenShare:
    """A token of the vocabulary: how often it occurs, and its share of the squared activation."""

    token: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """A token in its context, inside one document, and the channel's activation there."""

    before: str
    token: str
    after: str
    activation: float


@dataclass(frozen=True, kw_only=True)
class DrivingTokens:
    """What drives one channel in one domain: the largest shares and activations first."""

    domain: str
    tokens: tuple[TokenShare, ...]
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, kw_only=True)
class DrivenChannel(Plain):
    """A loud channel, and its driving tokens in both domains."""

    channel: LoudChannel
    domains: tuple[DrivingTokens, DrivingTokens]


def visible(text: str) -> str:
    """A token as one can see it: line breaks, tabs and leading spaces get a sign.

    "␣the", "⏎", and for an indentation by seven "␣×7".
    """
    shown = text.replace("\n", "⏎").replace("\t", "⇥")
    rest = shown.lstrip(" ")
    spaces = len(shown) - len(rest)
    return ("␣" * spaces if spaces < 3 else f"␣×{spaces}") + rest


def driving_tokens(
    run: Run,
    spec: PairSpec,
    layers: Sequence[int] | None = None,
    projections: Sequence[str] | None = None,
    report: Report = ignore,
) -> dict[WeightKey, tuple[DrivenChannel, ...]]:
    """The loud channels of the chosen layer inputs, with what drives them: input key -> channels.

    Needs the model in memory, and a dense pass over both domains' tokens for what is not stored
    with the run yet. Raises InputError for a domain, layer or projection that is not there,
    AtlasError if the run is unfinished or its model has changed.
    """
    ratios = input_ratios(run, spec)
    keys = wanted_inputs(run, layers, projections)
    missing = [key for key in keys if not _kept(run, spec, key).is_there()]
    channels = {key: tuple(loud.channel for loud in ratios[key]) for key in missing if ratios[key]}
    found = _read_again(run, spec, channels, report) if channels else []
    for key in missing:
        driven = [
            DrivenChannel(channel=loud, domains=(found[0][key][n], found[1][key][n]))
            for n, loud in enumerate(ratios[key])
        ]
        _kept(run, spec, key).write([asdict(each) for each in driven])
    stored = {key: stored_driving_tokens(run, spec, key) for key in keys}
    return {key: driven for key, driven in stored.items() if driven is not None}


def stored_driving_tokens(
    run: Run, spec: PairSpec, key: WeightKey
) -> tuple[DrivenChannel, ...] | None:
    """What `driving_tokens` found before of one layer input; None if it was not asked yet."""
    return _kept(run, spec, key).find(lambda data: tuple(map(DrivenChannel.from_json, data)))


def wanted_inputs(
    run: Run, layers: Sequence[int] | None, projections: Sequence[str] | None
) -> tuple[WeightKey, ...]:
    """The distinct inputs that the chosen weights read; InputError if there are none."""
    chosen = set(select_weights([weight.key for weight in run.weights], layers, projections))
    keys = (weight.input_key for weight in run.weights if weight.key in chosen)
    return tuple(dict.fromkeys(keys))


def _kept(run: Run, spec: PairSpec, key: WeightKey) -> Kept:
    return Kept(run.folder / "channels" / spec.content_hash() / f"{key}.json")


def _read_again(
    run: Run, spec: PairSpec, channels: dict[WeightKey, tuple[int, ...]], report: Report
) -> list[dict[WeightKey, list[DrivingTokens]]]:
    """For each of the two domains: input key -> the driving tokens of each channel."""
    # here, as they bring transformers along, and pages read what is stored
    from analysis.structure.activations import channel_values
    from pruning.calibration.passages import batches_of
    from pruning.models.loading import load_model, on_this_machine

    run.model_folder()  # says so if the model is gone or has changed
    report(Progress(stage="Loading the model", done=0, total=1))
    here = replace(run.spec, model=on_this_machine(run.spec.model))
    loaded = load_model(here.model, report)
    weights = [weight for weight in run.weights if weight.input_key in channels]
    size = here.sequences_per_batch
    samples = {name: run.tokens(name) for name in (spec.domain_a, spec.domain_b)}
    texts = {name: batches_of(s, range(s.num_samples), size) for name, s in samples.items()}
    layers = max(key.layer for key in channels) + 1
    meter = Meter(report, "Reading the text again", len(texts) * layers)
    values = channel_values(loaded, texts, weights, channels, meter)
    return [
        {
            key: [_driving(column, name, sample, loaded) for column in array.T]
            for key, array in values[name].items()
        }
        for name, sample in samples.items()
    ]


def _driving(
    values: NDArray[np.float32], domain: str, sample: TokenSample, loaded: LoadedModel
) -> DrivingTokens:
    """values: (tokens,), one channel at the valid positions of the sample, in order."""
    ids = sample.input_ids[sample.valid]
    squares = values.astype(np.float64) ** 2
    energy, count = np.bincount(ids, weights=squares), np.bincount(ids)
    total = max(float(squares.sum()), np.finfo(np.float64).tiny)
    largest = np.argsort(-energy, kind="stable")[:TOKENS]
    return DrivingTokens(
        domain=domain,
        tokens=tuple(
            TokenShare(
                token=_text(loaded, [token]),
                count=int(count[token]),
                share=float(energy[token]) / total,
            )
            for token in largest
            if energy[token] > 0
        ),
        occurrences=_occurrences(values, ids, sample, loaded),
    )


def _occurrences(
    values: NDArray[np.float32], ids: NDArray, sample: TokenSample, loaded: LoadedModel
) -> tuple[Occurrence, ...]:
    rows, positions = np.nonzero(sample.valid)
    seen: dict[int, int] = {}
    found: list[Occurrence] = []
    for place in np.argsort(-np.abs(values), kind="stable"):
        token = int(ids[place])
        seen[token] = seen.get(token, 0) + 1
        if values[place] == 0 or len(found) == OCCURRENCES:
            break
        if seen[token] > SAME_TOKEN:
            continue
        row, position = int(rows[place]), int(positions[place])
        line = sample.input_ids[row]
        start, stop = _context(sample.valid[row], position)
        found.append(
            Occurrence(
                before=_text(loaded, line[start:position].tolist()),
                token=_text(loaded, [token]),
                after=_text(loaded, line[position + 1 : stop].tolist()),
                activation=float(values[place]),
            )
        )
    return tuple(found)


def _context(valid: NDArray[np.bool_], position: int) -> tuple[int, int]:
    """The positions [start, stop) around a token that lie in the same document."""
    breaks = np.flatnonzero(~valid)  # separators, beginning of text, padding
    before, after = breaks[breaks < position], breaks[breaks > position]
    start = max(position - BEFORE, int(before[-1]) + 1 if len(before) else 0)
    stop = min(position + 1 + AFTER, int(after[0]) if len(after) else len(valid))
    return start, stop


def _text(loaded: LoadedModel, ids: list[int]) -> str:
    return loaded.tokenizer.decode(
        ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
