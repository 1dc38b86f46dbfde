"""Packing: what is in each sequence, what counts, and that groups share no document."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from pruning.domains import (
    BUILTIN,
    TokenSample,
    documents,
    packing,
    parse_domain,
    sample_domain,
)
from pruning.domains.document import Document
from pruning.domains.encoding import TextEncoder
from pruning.domains.reading import Reading
from pruning.errors import Cancelled, InputError, TooFewDocumentsError
from pruning.progress import Progress
from pruning.specs import DomainSpec, SampleSpec

END = "<|endoftext|>"
START = "<|start|>"
SPEC = DomainSpec(name="toy", kind="files", source="given by the test")


def byte_tokenizer(*, start: bool = False, end: bool = True) -> PreTrainedTokenizerFast:
    """One token a byte; optionally a beginning-of-sequence token before every text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END, START])
    if start:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{START} $A", special_tokens=[(START, tokenizer.token_to_id(START))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END if end else None,
        bos_token=START,
        model_max_length=16,
    )


TOKENIZER = byte_tokenizer()
WITH_START = byte_tokenizer(start=True)
END_ID = TOKENIZER.convert_tokens_to_ids(END)


def packed(
    texts: list[str],
    sample: SampleSpec,
    tokenizer: PreTrainedTokenizerFast = TOKENIZER,
) -> TokenSample:
    """The sample of exactly these documents in this order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "drawn", lambda request, seed: (Document(text=t) for t in texts))
        return sample_domain(SPEC, sample, tokenizer)


def shown(sample: TokenSample) -> list[str]:
    """Each sequence as text: "|" for every position that is not valid."""
    rows = []
    for ids, valid in zip(sample.input_ids, sample.valid, strict=True):
        letters = (TOKENIZER.decode([i]) if ok else "|" for i, ok in zip(ids, valid, strict=True))
        rows.append("".join(letters))
    return rows


def test_a_small_example_by_hand() -> None:
    # Group 0 gets aaa; 1 gets bb; 1 has fewest, gets cccc (bb|cccc = 7); 0 has 3, gets d (aaa|d = 5),
    # then eeeee (aaa|d|eeeee = 11, cut to 8); 1 has 7 of 8, with room for a separator only: full.
    sample = packed(
        ["aaa", "bb", "cccc", "d", "eeeee", "ffff"],
        SampleSpec(num_samples=4, seq_len=4, groups=2),
    )
    assert shown(sample) == ["aaa|", "d|ee", "bb|c", "ccc|"]
    assert sample.group.tolist() == [0, 0, 1, 1]
    assert sample.documents.tolist() == [3, 2]
    assert sample.tokens.tolist() == [6, 6]
    assert (sample.input_ids[~sample.valid] == END_ID).all()


def test_the_tokenizers_own_start_begins_every_sequence_and_never_counts() -> None:
    sample = packed(["abcdefgh"], SampleSpec(num_samples=3, seq_len=3, groups=1), WITH_START)
    assert shown(sample) == ["|ab", "|cd", "|ef"]
    assert (sample.input_ids[:, 0] == WITH_START.bos_token_id).all()


def test_the_first_groups_get_one_sample_more() -> None:
    sample = packed(["x" * 40, "y" * 40, "z" * 40], SampleSpec(num_samples=8, seq_len=4, groups=3))
    assert sample.group.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert sample.documents.tolist() == [1, 1, 1]
    assert sample.valid.all()


def test_text_that_spells_a_special_token_is_plain_text() -> None:
    text = f"a{END}b{START}"
    sample = packed([text], SampleSpec(num_samples=1, seq_len=len(text), groups=1), WITH_START)
    assert END_ID not in sample.input_ids
    assert (sample.input_ids == WITH_START.bos_token_id).sum() == 1
    assert shown(sample) == ["|" + text[:-1]]


def test_letters_that_utf_8_cannot_write_are_replaced() -> None:
    sample = packed(["a\ud800b"], SampleSpec(num_samples=1, seq_len=5, groups=1))
    assert TOKENIZER.decode(sample.input_ids[0]) == "a\ufffdb"


def test_a_very_long_document_is_not_tokenized_to_its_end() -> None:
    lengths: list[int] = []

    class Watched(PreTrainedTokenizerFast):
        def __call__(self, text: list[str], **choices: object) -> object:  # type: ignore[override]
            lengths.extend(map(len, text))
            return super().__call__(text, **choices)

    tokenizer = Watched(tokenizer_object=byte_tokenizer().backend_tokenizer, eos_token=END)
    ids = TextEncoder.of(tokenizer).encode(["abc" * 1_000_000], 10)
    assert tokenizer.decode(ids[0]) == "abcabcabca"
    assert max(lengths) < 1000


def test_a_long_document_of_long_tokens_is_read_far_enough() -> None:
    words = {f"{letter * 100}": i for i, letter in enumerate("abcdefgh")}
    tokenizer = Tokenizer(models.WordLevel({**words, "?": 8, END: 9}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
    ids = TextEncoder.of(fast).encode([" ".join(list(words) * 100)], 50)
    assert ids == [([0, 1, 2, 3, 4, 5, 6, 7] * 7)[:50]]


def test_a_tokenizer_without_an_end_of_text_token_is_refused() -> None:
    with pytest.raises(InputError, match="names no end-of-text token"):
        packed(["a"], SampleSpec(num_samples=1, groups=1), byte_tokenizer(end=False))


def test_too_little_text_says_how_much_there_is_and_how_to_go_on() -> None:
    texts = ["x" * 10, "y" * 10, "z" * 3]  # group 0: 10, group 1: 10 | 3, separators with them
    with pytest.raises(TooFewDocumentsError) as error:
        packed(texts, SampleSpec(num_samples=10, seq_len=4, groups=2))
    assert (error.value.available, error.value.needed) == (5, 10)
    message = str(error.value)
    assert "text for 5 samples of 4 tokens (3 documents in 2 groups), and 10 are needed" in message
    assert "allow fewer, to go on with 5" in message
    assert "choose at most 5 samples" in message
    packed(texts, SampleSpec(num_samples=5, seq_len=4, groups=2))


def test_allowed_to_go_on_with_fewer_every_group_keeps_its_full_sequences() -> None:
    sample = packed(
        ["x" * 10, "y" * 10, "z" * 3],
        SampleSpec(num_samples=10, seq_len=4, groups=2, allow_fewer=True),
    )
    assert shown(sample) == ["xxxx", "xxxx", "xx|z", "yyyy", "yyyy"]
    assert sample.group.tolist() == [0, 0, 0, 1, 1]


def test_a_group_without_a_full_sequence_is_padded_on_the_right() -> None:
    sample = packed(
        ["x" * 9, "yy"], SampleSpec(num_samples=4, seq_len=4, groups=2, allow_fewer=True)
    )
    assert shown(sample) == ["xxxx", "xxxx", "yy||"]
    assert sample.tokens.tolist() == [8, 2]


@pytest.mark.parametrize("allow_fewer", [True, False])
def test_fewer_documents_than_groups_is_always_an_error(allow_fewer: bool) -> None:
    choices = SampleSpec(num_samples=4, seq_len=4, groups=2, allow_fewer=allow_fewer)
    with pytest.raises(TooFewDocumentsError, match=r"has 1 document, .*at most 1 group,") as error:
        packed(["x" * 1000], choices)
    assert error.value.available == 0


def test_one_document_is_enough_for_one_group() -> None:
    sample = packed(["x" * 100], SampleSpec(num_samples=3, seq_len=4, groups=1))
    assert shown(sample) == ["xxxx"] * 3


def test_progress_ends_at_the_total_and_can_cancel() -> None:
    reports: list[Progress] = []
    choices = SampleSpec(num_samples=8, seq_len=16, groups=2)
    spec = DomainSpec(name="math", kind="builtin", source="math")
    sample_domain(spec, choices, TOKENIZER, reports.append)
    assert reports
    assert all(0 < report.done <= report.total == 128 for report in reports)
    assert reports[-1].done == 128

    def cancel(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        sample_domain(spec, SampleSpec(num_samples=128, seq_len=512, groups=2), TOKENIZER, cancel)


def test_the_same_seed_draws_the_same_tokens(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"text {i} " * (i % 7 + 1)}) for i in range(99)))
    spec = DomainSpec(name="mine", kind="files", source=str(path))

    def ids(seed: int) -> np.ndarray:
        sample = SampleSpec(num_samples=12, seq_len=32, groups=4, seed=seed)
        return sample_domain(spec, sample, TOKENIZER).input_ids

    assert np.array_equal(ids(3), ids(3))
    assert not np.array_equal(ids(3), ids(4))


@pytest.mark.parametrize("name", BUILTIN)
def test_built_in_domains_fill_their_groups(name: str) -> None:
    spec = DomainSpec(name=name, kind="builtin", source=name)
    sample = sample_domain(spec, SampleSpec(num_samples=16, seq_len=128, groups=8), TOKENIZER)
    assert sample.input_ids.shape == (16, 128)
    assert sample.valid.mean() > 0.9
    assert next(documents(spec, 0)).startswith(TOKENIZER.decode(sample.input_ids[0][:20]))


def packed_or_fewer(
    texts: list[str], choices: SampleSpec, tokenizer: PreTrainedTokenizerFast
) -> tuple[TokenSample | None, int]:
    """The sample, with fewer sequences if need be, and the number of sequences it should have."""
    try:
        return packed(texts, choices, tokenizer), choices.num_samples
    except TooFewDocumentsError as error:
        if not error.available:
            return None, 0
        fewer = SampleSpec.from_json({**choices.to_json(), "allow_fewer": True})
        return packed(texts, fewer, tokenizer), error.available


@settings(max_examples=150, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=40),
    groups=st.integers(1, 5),
    more=st.integers(0, 9),
    seq_len=st.integers(2, 12),
    start=st.booleans(),
)
def test_whatever_the_documents(
    lengths: list[int], groups: int, more: int, seq_len: int, start: bool
) -> None:
    # Document i is the letter i repeated, so that every token tells its document.
    letters = [chr(ord("0") + i) for i in range(len(lengths))]
    texts = [letter * n for letter, n in zip(letters, lengths, strict=True)]
    tokenizer = WITH_START if start else TOKENIZER
    choices = SampleSpec(num_samples=groups + more, seq_len=seq_len, groups=groups)
    sample, available = packed_or_fewer(texts, choices, tokenizer)
    if sample is None:
        assert len(texts) < groups
        return
    assert sample.num_samples == available <= groups + more
    if available == groups + more:
        parts = np.array_split(range(groups + more), groups)
        assert np.bincount(sample.group).tolist() == [len(part) for part in parts]
    assert sample.seq_len == seq_len
    assert set(sample.group.tolist()) == set(range(groups))
    special = (sample.input_ids == tokenizer.eos_token_id) | (
        sample.input_ids == tokenizer.bos_token_id
    )
    assert np.array_equal(sample.valid, ~special)

    owners: dict[str, set[int]] = {}
    for group in range(groups):
        rows = sample.group == group
        text = tokenizer.decode(sample.input_ids[rows][sample.valid[rows]].tolist())
        for letter, count in Counter(text).items():
            owners.setdefault(letter, set()).add(group)
            assert count <= lengths[letters.index(letter)]
        # A document's tokens are next to each other, and documents keep the order they came in.
        runs = [a for a, b in pairwise([*text, ""]) if a != b]
        assert runs == sorted(set(runs))
        assert len(runs) <= sample.documents[group]
    assert all(len(groups_of) == 1 for groups_of in owners.values())


def test_a_text_that_is_there_again_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([f"text {n % 10}" for n in range(40)]))
    spec = DomainSpec(name="mine", kind="files", source=str(path))
    reading = Reading()
    choices = SampleSpec(num_samples=2, seq_len=40, groups=2, allow_fewer=True)
    sample = sample_domain(spec, choices, TOKENIZER, reading=reading)
    assert reading.duplicates == 30
    assert sample.documents.sum() == 10
    assert "the same text as another document (30)" in " ".join(reading.sentences())


def test_whole_clusters_are_dealt_and_kept_with_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows = [{"text": f"text {n} of it", "repo": f"r{n % 7}"} for n in range(70)]
    path.write_text(json.dumps(rows))
    spec = parse_domain(f"mine={path}::text::cluster=repo")
    sample = sample_domain(spec, SampleSpec(num_samples=6, seq_len=20, groups=3), TOKENIZER)
    drawn = sample.drawn
    assert drawn is not None
    assert np.bincount(drawn.group).tolist() == sample.documents.tolist()
    owners = {(cluster, group) for cluster, group in zip(drawn.cluster, drawn.group, strict=True)}
    assert len(owners) == len(set(drawn.cluster.tolist())) > 1
    sample.save(tmp_path / "t.safetensors")
    again = TokenSample.load(tmp_path / "t.safetensors").drawn
    assert again is not None
    assert np.array_equal(again.digest, drawn.digest)


def test_the_programming_domains_name_the_tasks_they_share() -> None:
    problems = []
    for name in ("python", "java"):
        spec = DomainSpec(name=name, kind="builtin", source=name)
        sample = sample_domain(spec, SampleSpec(num_samples=4, seq_len=256, groups=2), TOKENIZER)
        assert sample.drawn is not None
        problems.append(sample.drawn.problem.tolist())
    short = min(map(len, problems))
    assert problems[0][:short] == problems[1][:short]
    assert -1 not in problems[0]
