"""Text to measure on that no calibration of the run has read: held out, and enforced.

Built-in domains have a held-out split, apart by meaning from the split that calibrates. Of any
other source the documents are drawn on, in the same seeded order, from where calibration stopped.
Either way every document is compared with what was calibrated on: with the texts drawn for the run,
and, since a file may have changed meanwhile, with the token ids that the run itself keeps. A
document that any domain of the run has read, or that was drawn already, is left out; texts are
compared without regard to white space. What UTF-8 cannot write is replaced as in calibration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from demo import texts
from pruning.domains.chats import ChatFormat
from pruning.domains.document import digest
from pruning.domains.documents import drawn
from pruning.domains.encoding import TextEncoder, writable
from pruning.domains.request import Request
from pruning.domains.token_sample import TokenSample
from pruning.errors import InputError
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import DomainSpec

FORMAT = 1  # of the stored draws
SEED = 0  # of the held-out split of built-in domains: every run is measured on the same text
LARGEST_SHARE = 10  # no document is more than one in ten of the text: it is cut there
SHORTEST_BEGINNING = 64  # tokens from which one cut by an older run is known by its beginning


@dataclass(frozen=True, kw_only=True)
class CalibrationText:
    """The documents that a run has read.

    digests: of their whole texts, as runs keep them (see `DrawnDocuments`). Of runs that were made
    before, token ids: whole, those read to their end; cut, the beginnings of those cut short.
    """

    whole: frozenset[tuple[int, ...]]
    cut: tuple[tuple[int, ...], ...]
    digests: frozenset[bytes] = frozenset()

    @property
    def longest(self) -> int:
        """Tokens of the longest document."""
        return max(map(len, self.whole), default=0)

    @classmethod
    def of(cls, run: Run, encoder: TextEncoder) -> CalibrationText:
        """Read what every domain of the run keeps of its documents."""
        digests: set[bytes] = set()
        whole: set[tuple[int, ...]] = set()
        cut: list[tuple[int, ...]] = []
        for domain in run.domains:
            sample = run.tokens(domain)
            if sample.drawn is not None:
                digests.update(row.tobytes() for row in sample.drawn.digest)
                continue
            for found in _groups(sample, len(encoder.prefix)):
                whole.update(found)
                cut += [ids for ids in found[-1:] if len(ids) >= SHORTEST_BEGINNING]
        return cls(digests=frozenset(digests), whole=frozenset(whole), cut=tuple(cut))

    def holds(self, ids: Sequence[int]) -> bool:
        """Whether a document of these token ids was read, wholly or its beginning."""
        start = tuple(ids)
        return start in self.whole or any(start[: len(part)] == part for part in self.cut)


def held_out_documents(run: Run, domain: str, *, size: int) -> list[str]:
    """Documents of one of the run's domains, of about `size` bytes together, never calibrated on.

    A document longer than a tenth of `size` is cut there, so that there are at least ten. What was
    drawn is stored with the run, so the same run, domain and size give the same documents. Raises
    InputError for an unknown domain, and where the source has too little text that calibration has
    not read, with how much it has.
    """
    run.check_domain(domain)
    if size < LARGEST_SHARE:
        raise InputError(f"Measure on at least {LARGEST_SHARE} bytes of text, not {size}.")
    kept = Kept.of(run.folder / "evaluation", [FORMAT, domain, size], "text-")
    return kept.get(lambda: _draw(run, domain, size), list)


def _draw(run: Run, domain: str, size: int) -> list[str]:
    from pruning.models.loading import load_tokenizer  # brings transformers along; pages only read

    spec = next(each for each in run.spec.domains if each.name == domain)
    encoder = TextEncoder.of(load_tokenizer(run.spec.model))
    known = CalibrationText.of(run, encoder)
    found: list[str] = []
    total = 0
    for text in _candidates(run, spec, encoder):
        if digest(text) in known.digests or known.holds(
            encoder.encode([text], known.longest + 1)[0]
        ):
            continue
        found.append(_cut(writable(text), size // LARGEST_SHARE))
        total += len(found[-1].encode())
        if total >= size:
            return found
    raise InputError(
        f"The domain {domain} has {total:,} bytes in {len(found)} documents that calibration has "
        f"not read, and {size:,} are asked for; ask for less, or calibrate on fewer samples."
    )


def _candidates(run: Run, spec: DomainSpec, encoder: TextEncoder) -> Iterator[str]:
    """Documents, each text once, that were not drawn for the calibration of this domain."""
    seen: set[bytes] = set()
    if spec.kind == "builtin":
        stream = texts.documents(spec.source, seed=SEED, split="held-out")
    else:
        for other in run.spec.domains:
            if other != spec and (other.kind, other.source) == (spec.kind, spec.source):
                seen |= _drawn(run, other, encoder)[0]
        own, stream = _drawn(run, spec, encoder)
        seen |= own
    for text in stream:
        name = digest(text)
        if name not in seen:
            seen.add(name)
            yield text


def _drawn(run: Run, spec: DomainSpec, encoder: TextEncoder) -> tuple[set[bytes], Iterator[str]]:
    """The digests of the documents that calibration took of a domain, and the rest of the stream."""
    request = Request(spec=spec, chat=ChatFormat(encoder.tokenizer))
    stream = (document.text for document in drawn(request, run.spec.sample.seed))
    count = sum(run.manifest.domains[spec.name].documents)
    seen: set[bytes] = set()
    while count and (text := next(stream, None)) is not None:
        seen.add(digest(text))
        count -= bool(encoder.encode([text], 1)[0])  # calibration passes over what has no token
    return seen, stream


def _groups(sample: TokenSample, prefix: int) -> Iterator[list[tuple[int, ...]]]:
    """For each group of documents, the token ids of its documents; the last one may be cut short."""
    for group in range(sample.groups):
        rows = sample.group == group
        ids = sample.input_ids[rows, prefix:].ravel()
        valid = sample.valid[rows, prefix:].ravel()
        edges = np.flatnonzero(np.diff(valid, prepend=False, append=False))
        yield [
            tuple(ids[start:end].tolist())
            for number, (start, end) in enumerate(pairwise(edges))
            if number % 2 == 0
        ]


def _cut(text: str, longest: int) -> str:
    """The beginning of a text of at most `longest` bytes, whole characters only."""
    data = text.encode()
    return text if len(data) <= longest else data[:longest].decode(errors="ignore")
