"""Which channels tell the least alike pair of domains apart, and which tokens drive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.captions import about_run
from analysis.figures.domains import label
from analysis.figures.look import LIGHT
from analysis.figures.structure_channels import largest_ratios, ratio_bars
from analysis.report.html import Figure, Part, Section, Table, paragraph
from analysis.report.source import Source
from analysis.structure.channels import LoudChannel, PairSpec, input_names, input_ratios, pair_spec
from analysis.structure.driving import DrivenChannel, stored_driving_tokens, visible
from analysis.structure.findings import loudest_sentence
from pruning.runs.run import Run
from pruning.specs import WeightKey

SHOWN_TOKENS = 5  # of each channel, most of its squared activation first
LEAST_SHARE = 0.01  # of the squared activation; what is below says little


def channels(source: Source) -> Section | None:
    """The channels whose loudness differs most; their tokens if the text has been read again."""
    if not source.prune.reads_text:
        return None
    run, spec = source.run, chosen_pair(source)
    a, b = spec.domain_a, spec.domain_b
    ratios = input_ratios(run, spec)
    if not any(ratios.values()):
        return None
    read = {key: ratios[key] for key in read_inputs(run, spec)}
    key, names = loudest_input(read or ratios), input_names(run)
    where = f"layer {key.layer}, input of {names[key]}"
    about = about_run(run)
    pair = f"{label(a)} and {label(b)}"
    parts: list[Part] = [
        paragraph(f"{pair}. {loudest_sentence(ratios, a, b, label)}"),
        Figure(
            chart=largest_ratios(ratios, names, LIGHT),
            name="channels",
            caption="How many times as loud the most different channel of every layer input is, "
            f"in one of the two against the other: {pair}. {about}",
        ),
        Figure(
            chart=ratio_bars(ratios[key], a, b, LIGHT),
            name="loudest-channels",
            caption=f"The most different channels of {where}, with 95% intervals. {about}",
        ),
    ]
    driven = stored_driving_tokens(run, spec, key)
    if driven:
        parts.append(
            Table(
                columns=_driven(driven),
                name="driving-tokens",
                caption="What drives these channels in the domain in which they are louder: tokens "
                "with their share of the squared activation, and the strongest occurrence, in "
                f"brackets, in its context; {where}. {about}",
            )
        )
    return Section(name="Which channels tell them apart", parts=parts)


def chosen_pair(source: Source) -> PairSpec:
    """The least alike pair of those whose text has been read again; of all, if that is none."""
    jaccard, domains = source.table.jaccard(), source.table.domains
    pairs = [(a, b) for a in range(len(domains)) for b in range(a + 1, len(domains))]
    specs = [
        pair_spec(source.run, domains[a], domains[b])
        for a, b in sorted(pairs, key=lambda pair: jaccard[pair])
    ]
    return next((spec for spec in specs if read_inputs(source.run, spec)), specs[0])


def read_inputs(run: Run, spec: PairSpec) -> list[WeightKey]:
    """The layer inputs of which the tokens that drive the pair's channels are known."""
    keys = dict.fromkeys(weight.input_key for weight in run.weights)
    return [key for key in keys if stored_driving_tokens(run, spec, key)]


def loudest_input(ratios: Mapping[WeightKey, Sequence[LoudChannel]]) -> WeightKey:
    """The layer input that holds the channel with the largest ratio, either way."""

    def largest(key: WeightKey) -> float:
        return max((max(each.ratio, 1 / each.ratio) for each in ratios[key]), default=0.0)

    return max(ratios, key=largest)


def _driven(driven: Sequence[DrivenChannel]) -> dict[str, list[object]]:
    louder = [each.domains[0 if each.channel.ratio > 1 else 1] for each in driven]
    places = [tokens.occurrences[:1] for tokens in louder]
    return {
        "channel": [str(each.channel.channel) for each in driven],
        "louder in": [label(tokens.domain) for tokens in louder],
        "times": [f"{max(each.channel.ratio, 1 / each.channel.ratio):.1f}" for each in driven],
        "tokens": [
            ", ".join(
                f"“{visible(each.token)}” {each.share:.0%}"
                for each in tokens.tokens[:SHOWN_TOKENS]
                if each.share >= LEAST_SHARE
            )
            for tokens in louder
        ],
        "in context": [
            "".join(f"{_flat(p.before)}[{visible(p.token)}]{_flat(p.after)}" for p in place)
            for place in places
        ],
    }  # fmt: skip


def _flat(text: str) -> str:
    """Context on one line."""
    return text.replace("\n", " ⏎ ")
