"""The training text of the demo model: which sources, how much of each, encoded into one stream.

A corpus folder holds `tokens.bin` (uint16 token ids; documents in random order, each followed by
the end-of-text token) and `corpus.json` (what went in).
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from demo.real_text import RecordFile, find_records
from demo.source_code import LANGUAGES, CodeFiles, find_code
from demo.texts import DOMAINS
from demo.texts import documents as generated_documents
from demo.texts.math_problems.drills import drills
from demo.tokenizer import encode_documents

# Shares of the training tokens. Generated text is most of it, because a budget of CPU minutes buys
# few tokens and real text of any breadth needs many. Math and common sense have the largest single
# shares: arithmetic and facts have to be practised one by one, while the four programming languages
# teach each other.
GENERATED_SHARES = {
    "python": 0.085,
    "java": 0.08,
    "cpp": 0.08,
    "javascript": 0.085,
    "math": 0.18,
    "commonsense": 0.17,
    "translation": 0.07,
}
DRILL_SHARE = 0.085
RECORD_SHARES = {
    "python": 0.01,
    "java": 0.01,
    "cpp": 0.01,
    "javascript": 0.008,
    "math": 0.02,
    "commonsense": 0.012,
    "translation": 0.007,
    "general": 0.008,
}
CODE_SHARES = dict.fromkeys(LANGUAGES, 0.02)
MOST_REPEATS = 4  # a real text is read at most this often; its further share goes to nobody


@dataclass(frozen=True, kw_only=True)
class Source:
    """One origin of training text, which may be read from its beginning more than once."""

    name: str
    domain: str
    kind: str  # generated | records | code
    licences: tuple[str, ...]
    share: float  # of the corpus's tokens
    repeats: int  # how often the documents may be read
    documents: Callable[[], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Included:
    """What a corpus holds of one source."""

    name: str
    domain: str
    kind: str
    licences: tuple[str, ...]
    documents: int
    tokens: int
    bytes: int
    readings: float  # how often the source was read to its end; 1.0 where a part sufficed


def generated_sources(*, seed: int) -> list[Source]:
    """The generated documents of the seven domains (the train split) and the drills, none twice."""

    def source(
        name: str, domain: str, share: float, documents: Callable[[], Iterator[str]]
    ) -> Source:
        return Source(
            name=f"generated {name}",
            domain=domain,
            kind="generated",
            licences=("MIT (this repository)",),
            share=share,
            repeats=MOST_REPEATS,
            documents=documents,
        )

    def of_domain(domain: str) -> Source:
        stream = functools.partial(generated_documents, domain, seed=seed, split="train")
        return source(domain, domain, GENERATED_SHARES[domain], stream)

    practice = source("arithmetic", "math", DRILL_SHARE, functools.partial(drills, seed=seed))
    return [*(of_domain(domain) for domain in DOMAINS), practice]


def record_sources(folder: Path) -> list[Source]:
    """The data sets of a folder without their held-out records, one source a domain."""
    files = find_records(folder)

    def source(domain: str, of_domain: Sequence[RecordFile]) -> Source:
        return Source(
            name=", ".join(file.name for file in of_domain),
            domain=domain,
            kind="records",
            licences=tuple(sorted({text for file in of_domain for text in file.licences()})),
            share=RECORD_SHARES[domain],
            repeats=MOST_REPEATS,
            documents=lambda: _alternately([file.texts(held_out=False) for file in of_domain]),
        )

    by_domain = {domain: [f for f in files if f.domain == domain] for domain in RECORD_SHARES}
    return [source(domain, of_domain) for domain, of_domain in by_domain.items() if of_domain]


def code_sources(node_modules: Sequence[Path] = ()) -> list[Source]:
    """Real source code found on this machine, one source a language."""
    found = find_code(node_modules)

    def source(language: str, origins: Sequence[CodeFiles]) -> Source:
        return Source(
            name=", ".join(files.name for files in origins),
            domain=language,
            kind="code",
            licences=tuple(sorted({files.licence for files in origins})),
            share=CODE_SHARES[language],
            repeats=1,
            documents=lambda: _alternately([files.documents() for files in origins]),
        )

    by_language = {name: [f for f in found if f.language == name] for name in LANGUAGES}
    return [source(language, origins) for language, origins in by_language.items() if origins]


def _alternately(streams: Sequence[Iterator[str]]) -> Iterator[str]:
    """Take one document of each stream in turn until all have ended."""
    waiting = list(streams)
    while waiting:
        going_on = []
        for stream in waiting:
            document = next(stream, None)
            if document is not None:
                yield document
                going_on.append(stream)
        waiting = going_on


def sample(source: Source, *, size: int) -> Iterator[str]:
    """The first documents of a source, `size` bytes or a little more: text for the tokenizer."""
    taken = 0
    for document in source.documents():
        if taken >= size:
            return
        taken += len(document.encode())
        yield document


def tokenizer_texts(sources: Sequence[Source], *, bytes_per_domain: int) -> Iterator[str]:
    """Equal amounts of text of every domain, half of each generated where there is real text too."""
    for domain in {source.domain: None for source in sources}:
        of_domain = [source for source in sources if source.domain == domain]
        for source in of_domain:
            yield from sample(source, size=bytes_per_domain // len(of_domain))


def encode_source(
    source: Source, tokenizer: PreTrainedTokenizerFast, *, budget: int
) -> tuple[list[np.ndarray], Included]:
    """Encode documents of a source until `budget` tokens or the allowed repeats are reached."""
    encoded: list[np.ndarray] = []
    tokens = size = 0
    once = 0  # tokens of one whole reading, known when the source was read to its end
    for _ in range(source.repeats):
        stream = source.documents()
        while tokens < budget and (batch := list(itertools.islice(stream, 256))):
            for text, ids in zip(batch, encode_documents(tokenizer, batch), strict=True):
                if tokens < budget:
                    encoded.append(np.asarray(ids, dtype=np.uint16))
                    tokens += len(ids)
                    size += len(text.encode())
        if tokens >= budget or tokens == 0:
            break
        once = once or tokens
    included = Included(
        name=source.name,
        domain=source.domain,
        kind=source.kind,
        licences=source.licences,
        documents=len(encoded),
        tokens=tokens,
        bytes=size,
        readings=round(tokens / once, 2) if once else 1.0,
    )
    return encoded, included


def build_corpus(
    sources: Sequence[Source],
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    tokens: int,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> list[Included]:
    """Encode about `tokens` tokens of all sources, shuffle the documents, write the corpus folder.

    Shares are scaled to the sources there are. Raises ValueError without any text.
    """
    total_share = sum(source.share for source in sources)
    documents: list[np.ndarray] = []
    contents: list[Included] = []
    for source in sources:
        budget = round(tokens * source.share / total_share)
        encoded, included = encode_source(source, tokenizer, budget=budget)
        documents += encoded
        contents.append(included)
        report(f"{included.kind:9} {included.domain:12} {included.tokens:>9,} tokens")
    if not documents:
        raise ValueError("There is no training text: every source was empty.")
    order = np.random.default_rng(seed).permutation(len(documents))
    folder.mkdir(parents=True, exist_ok=True)
    np.concatenate([documents[i] for i in order]).tofile(folder / "tokens.bin")
    record = {"seed": seed, "sources": [asdict(included) for included in contents]}
    (folder / "corpus.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return contents


def load_tokens(folder: Path) -> np.ndarray:
    """Open a corpus's token stream without reading it into memory: shape (tokens,), uint16."""
    path = folder / "tokens.bin"
    if not path.exists():
        raise ValueError(f"{folder} holds no corpus; `python -m demo corpus` makes one.")
    return np.memmap(path, dtype=np.uint16, mode="r")
