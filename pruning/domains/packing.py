"""Fixed-length sequences packed from whole documents, in groups that share no document."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from pruning.domains.chats import ChatFormat
from pruning.domains.dealing import Dealer, budgets, largest_filled
from pruning.domains.document import Document, digest
from pruning.domains.documents import drawn
from pruning.domains.encoding import TextEncoder
from pruning.domains.reading import Reading
from pruning.domains.request import Request
from pruning.domains.token_sample import DrawnDocuments, TokenSample
from pruning.errors import InputError, TooFewDocumentsError
from pruning.progress import Progress, Report, ignore
from pruning.specs import DomainSpec, SampleSpec

FIRST_CHUNK, LARGEST_CHUNK = 16, 512  # documents that are tokenized together


def sample_domain(
    spec: DomainSpec,
    sample: SampleSpec,
    tokenizer: Any,
    report: Report = ignore,
    reading: Reading | None = None,
) -> TokenSample:
    """Draw the tokens of one domain: `sample.num_samples` sequences of `sample.seq_len` tokens.

    Documents come in seeded order and are dealt, one at a time, to the group with the fewest
    tokens so far, until all groups are full. Inside a group they follow each other with one
    end-of-text token between, and are cut into sequences. Not valid, hence never counted: those
    separators, the beginning-of-sequence token that starts every sequence if the tokenizer adds one
    by default, and padding. A document that does not fit is cut; none is in two groups.

    Too little text raises TooFewDocumentsError. With `sample.allow_fewer` every group keeps the
    full sequences that it has, and one that has none keeps its text in one padded sequence; only
    fewer documents than groups are still an error. tokenizer: a transformers tokenizer with an
    end-of-text token (else InputError). reading: takes the notes of what was read and left out.
    """
    encoder = TextEncoder.of(tokenizer)
    usable = sample.seq_len - len(encoder.prefix)
    if usable < 1:
        raise InputError(
            f"Sequences of {sample.seq_len} tokens have no room for text: the tokenizer itself "
            f"puts {len(encoder.prefix)} before it. Choose longer sequences."
        )
    sizes = budgets(sample.num_samples, sample.groups, usable)
    by_cluster = spec.cluster is not None and spec.cluster != "@none"
    packer = _Packer(sizes, encoder.end_of_text, by_cluster)
    request = Request(spec=spec, chat=ChatFormat(tokenizer), reading=reading or Reading())
    found = _distinct(drawn(request, sample.seed), request.reading)
    _fill(packer, found, encoder, spec.name, report)
    counts = [used // usable for used in packer.dealer.used]
    if not packer.dealer.is_full:
        counts = [max(count, 1) for count in counts]
        _require_enough(spec, sample, packer, usable, sum(counts))
    return _cut(packer, counts, encoder.prefix, usable)


class _Packer:
    """The groups' positions while they fill: ids start as end-of-text tokens that are not valid."""

    def __init__(self, sizes: list[int], end_of_text: int, by_cluster: bool) -> None:
        self.dealer = Dealer(sizes)
        self.ids = [np.full(size, end_of_text, dtype=np.int32) for size in sizes]
        self.valid = [np.zeros(size, dtype=bool) for size in sizes]
        self.lengths: list[int] = []
        self.dealt: list[tuple[Document, int]] = []
        self.by_cluster = by_cluster
        self.groups_of: dict[str, int] = {}  # cluster -> its group

    def add(self, document: Document, ids: list[int], special: np.ndarray) -> None:
        """Give one document to its group. special: bool, which of its ids are not to be counted.

        Where clusters are dealt whole, a document goes where the first of its cluster went, and is
        left out when that group is full.
        """
        cluster = document.cluster if self.by_cluster else None
        where = self.groups_of.get(cluster) if cluster is not None else None
        if where is not None and not self.dealer.is_open(where):
            return
        group, start, taken = self.dealer.deal(len(ids), where)
        if cluster is not None:
            self.groups_of[cluster] = group
        self.dealt.append((document, group))
        self.ids[group][start : start + taken] = ids[:taken]
        self.valid[group][start : start + taken] = ~special[:taken]
        self.lengths.append(len(ids))


def _distinct(found: Iterator[Document], reading: Reading) -> Iterator[Document]:
    """Each text once, without regard to white space; the others are counted."""
    seen: set[bytes] = set()
    for document in found:
        name = digest(document.text)
        if name in seen:
            reading.duplicates += 1
        else:
            seen.add(name)
            yield document


def _fill(
    packer: _Packer, found: Iterator[Document], encoder: TextEncoder, name: str, report: Report
) -> None:
    """Deal documents until all groups are full or none is left, tokenizing few more than needed."""
    dealer, limit, total = packer.dealer, max(packer.dealer.budgets), sum(packer.dealer.budgets)
    chunk = FIRST_CHUNK
    while not dealer.is_full and (batch := list(islice(found, chunk))):
        encoded = encoder.encode([each.text for each in batch], limit)
        for document, ids in zip(batch, encoded, strict=True):
            if ids and not dealer.is_full:
                packer.add(document, ids, encoder.special(document.text, ids))
        dealt, done = len(packer.lengths), total - dealer.missing
        chunk = min(max(dealer.missing * dealt // max(done, 1), 1), LARGEST_CHUNK)
        detail = f"{dealt:,} documents"
        report(Progress(stage=f"Reading {name}", done=done, total=total, detail=detail))


def _require_enough(
    spec: DomainSpec, sample: SampleSpec, packer: _Packer, usable: int, available: int
) -> None:
    """Raise unless going on with the `available` samples is possible and wanted."""
    there = len(packer.lengths)
    count = f"{there:,} document{'' if there == 1 else 's'}"
    most = max(there, 1)
    if there < sample.groups:
        raise TooFewDocumentsError(
            f"The domain {spec.name} has {count}, fewer than the {sample.groups} groups of whole "
            f"documents; choose at most {most} group{'' if most == 1 else 's'}, or give more "
            "documents.",
            available=0,
            needed=sample.num_samples,
        )
    if sample.allow_fewer:
        return
    full = sum(used // usable for used in packer.dealer.used)
    padded = f", {available - full} of them padded," if available > full else ""
    filled = largest_filled(packer.lengths, sample.groups, usable, sample.num_samples)
    ways = [f"allow fewer, to go on with {available}{padded}".rstrip(",")]
    ways += [f"choose at most {filled} sample{'s' * (filled != 1)}"] if filled else []
    ways += ["choose shorter sequences", "give more text"]
    raise TooFewDocumentsError(
        f"The domain {spec.name} has text for {full} sample{'s' * (full != 1)} of {sample.seq_len} "
        f"tokens ({count} in {sample.groups} groups), and {sample.num_samples} are needed; "
        f"{', '.join(ways[:-1])}, or {ways[-1]}.",
        available=available,
        needed=sample.num_samples,
    )


def _cut(packer: _Packer, counts: list[int], prefix: tuple[int, ...], usable: int) -> TokenSample:
    """Cut every group's first `counts[group] * usable` positions into sequences."""
    pairs = zip(packer.ids, packer.valid, counts, strict=True)
    cut = [(ids[: n * usable], valid[: n * usable]) for ids, valid, n in pairs]
    ids = np.concatenate([part for part, _ in cut]).reshape(-1, usable)  # (samples, usable)
    valid = np.concatenate([part for _, part in cut]).reshape(-1, usable)
    start = np.tile(np.array(prefix, dtype=np.int32), (len(ids), 1))  # (samples, prefix)
    return TokenSample(
        input_ids=np.concatenate([start, ids], axis=1),
        valid=np.concatenate([np.zeros(start.shape, dtype=bool), valid], axis=1),
        group=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        documents=np.array(packer.dealer.documents, dtype=np.int64),
        drawn=DrawnDocuments.of(packer.dealt),
    )
