"""What is asked of the playground and what comes back, as data; nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from pruning.errors import InputError
from pruning.specs import NONE, ExportSpec, PruneSpec, Spec
from pruning.specs.narrowing import NarrowSpec
from pruning.specs.plain import Plain

MOST_SUBMODELS = 3
LONGEST_PROMPT = 20_000  # characters
LONGEST_ANSWER = 2_000  # tokens

# Why a passage ended: the model wrote its end-of-text token, as many tokens as were asked for, as
# many as its context holds, a text that ends a task's answer, or the person stopped it.
Reason = Literal["end of text", "length", "context", "stop text", "stopped"]


@dataclass(frozen=True, kw_only=True)
class SubModel(Spec):
    """A sub-model of a run: (domain, weight) pairs that are mixed, and how to prune for them.

    repair: how the kept weights are fitted again. narrow: the whole parts that are gone; then no
    single weights are pruned. Both as in `ExportSpec`.
    """

    mixture: tuple[tuple[str, float], ...]
    prune: PruneSpec = field(default_factory=PruneSpec)
    repair: str = NONE
    narrow: NarrowSpec | None = None

    def __post_init__(self) -> None:
        names = [name for name, _ in self.mixture]
        if not names or len(set(names)) < len(names):
            raise InputError("A sub-model is for one domain, or for several that differ.")
        if not all(math.isfinite(weight) and weight > 0 for _, weight in self.mixture):
            raise InputError("The weights of a mixture are greater than 0.")
        if self.narrow is not None and self.prune.sparsity:
            raise InputError(
                "The playground removes whole parts or single weights, not both; to try them "
                "together, export that sub-model and calibrate the folder."
            )
        self.of_run("any")  # refuses what cannot be exported either

    @property
    def is_masks(self) -> bool:
        """Whether masks are all of it, which take a moment to make."""
        return self.repair == NONE and self.narrow is None

    def of_run(self, run: str) -> ExportSpec:
        """The same choice as what could be exported of a run. run: its id."""
        return ExportSpec(
            run=run,
            mixture=self.mixture,
            prune=self.prune,
            repair=self.repair,
            narrow=self.narrow,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data. What is the usual and older records do not know is left out."""
        data = super().to_json()
        if self.repair == NONE:
            del data["repair"]
        if self.narrow is None:
            del data["narrow"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SubModel:
        """Rebuild from `to_json`'s output."""
        mixture = tuple((str(name), float(weight)) for name, weight in data["mixture"])
        return cls(
            mixture=mixture,
            prune=PruneSpec.from_json(data["prune"]),
            repair=data.get("repair", NONE),
            narrow=NarrowSpec.from_json(data["narrow"]) if data.get("narrow") else None,
        )


@dataclass(frozen=True, kw_only=True)
class Sampling(Spec):
    """How the next token is chosen, and how many at most.

    temperature 0: always the most likely one. Otherwise it is drawn from the smallest set of the
    most likely tokens that has at least the probability top_p together (Holtzman et al. 2020),
    after the logits were divided by the temperature; one seed gives one text.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    max_tokens: int = 160

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 5:
            raise InputError(f"The temperature is from 0 to 5, not {self.temperature:g}.")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top-p is above 0 and at most 1, not {self.top_p:g}.")
        if not 0 <= self.seed < 2**63:
            raise InputError("The seed is a whole number from 0 on.")
        if not 1 <= self.max_tokens <= LONGEST_ANSWER:
            raise InputError(
                f"The length is from 1 to {LONGEST_ANSWER} tokens, not {self.max_tokens}."
            )


@dataclass(frozen=True, kw_only=True)
class GenerationSpec(Spec):
    """One prompt for the dense model and for up to MOST_SUBMODELS sub-models of a run.

    stops: texts that end an answer, such as what begins the next function.
    """

    run: str
    prompt: str
    submodels: tuple[SubModel, ...] = ()
    sampling: Sampling = Sampling()
    stops: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InputError("Write a prompt first, or click one of the examples.")
        if len(self.prompt) > LONGEST_PROMPT:
            raise InputError(
                f"The prompt has {len(self.prompt)} characters; at most {LONGEST_PROMPT} are read."
            )
        if len(self.submodels) > MOST_SUBMODELS:
            raise InputError(f"At most {MOST_SUBMODELS} sub-models are shown beside the dense one.")


@dataclass(frozen=True, kw_only=True)
class Token(Plain):
    """One token that a model wrote.

    text: what it adds to the text; empty while a character is not complete. probability: what the
    model gave to it, before temperature and top-p. rank: 1 for its first choice. seconds: since
    the model began to read the prompt. others: the likeliest tokens that were not chosen, and
    their probabilities.
    """

    id: int
    text: str
    probability: float
    rank: int
    seconds: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What one model has written so far.

    tokens: without the end-of-text token. rest: signs for bytes at the end that never became a
    character. ended: why, or None while it writes. prompt_seconds: how long it took to the first
    token. seconds: how long it wrote after that.
    """

    tokens: tuple[Token, ...] = ()
    rest: str = ""
    ended: Reason | None = None
    prompt_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The tokens together."""
        return "".join(token.text for token in self.tokens) + self.rest

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens after the first one, the end-of-text token included, by the time they took."""
        steps = len(self.tokens) - (self.ended != "end of text")
        return steps / self.seconds if steps > 0 and self.seconds > 0 else None


@dataclass(frozen=True, kw_only=True)
class Event(Plain):
    """One step of a generation: a stage in words, a new token, or the end of one passage.

    passage: 0 is the dense model's, then the sub-models' in order. Of a stage it is the passage
    that is prepared.
    """

    passage: int
    stage: str | None = None
    token: Token | None = None
    ended: Reason | None = None
    rest: str = ""
    prompt_seconds: float = 0.0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def add_to(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """The passages after this step."""
        changed = list(passages)
        passage = changed[self.passage]
        if self.token is not None:
            passage = replace(passage, tokens=(*passage.tokens, self.token))
        if self.ended is not None:
            passage = replace(
                passage,
                ended=self.ended,
                rest=self.rest,
                prompt_seconds=self.prompt_seconds,
                seconds=self.seconds,
            )
        changed[self.passage] = passage
        return tuple(changed)


def parting(first: Passage, second: Passage) -> int | None:
    """The number of tokens that two passages share before they part; None: so far, or for good,
    they do not.

    One that ended by itself parts from one that goes on.
    """
    for place, (one, other) in enumerate(zip(first.tokens, second.tokens, strict=False)):
        if one.id != other.id:
            return place
    shorter, longer = sorted((first, second), key=lambda passage: len(passage.tokens))
    shared = len(shorter.tokens)
    return shared if shorter.ended == "end of text" and len(longer.tokens) > shared else None


def until(text: str, stops: Sequence[str]) -> str:
    """The text before the first of the texts that end it."""
    ends = [found for stop in stops if (found := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
