"""Names of llama.cpp's pre-tokenizers are found by trying, or refused."""

from __future__ import annotations

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from demo.tokenizer import PIECES
from pruning.errors import InputError
from pruning.exports.gguf.pretokenizers import (
    PATTERNS,
    SPACE,
    PreTokenizer,
    find_pretokenizer,
    sample_texts,
    split_as,
)
from pruning.models.sources import DEMO_FOLDER

TEXT = " I'll pay  12345 (or 6);\n\n    then\tgo, We'LL see"


def byte_level(pieces: str, merges: list[tuple[str, str]]) -> Tokenizer:
    """A byte-level tokenizer with these merges alone."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = dict.fromkeys([*letters, *(left + right for left, right in merges)])
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("gpt-2", " I|'ll| pay| | 12345| (|or| 6|);|\n\n   | then|\t|go|,| We|'|LL| see"),
        ("smollm", " I|'ll| pay|  |1|2|3|4|5| (|or| |6|);|\n\n   | then|\t|go|,| We|'|LL| see"),
        ("qwen2", " I|'ll| pay| | |1|2|3|4|5| (|or| |6|);\n\n|   | then|\tgo|,| We|'LL| see"),
        ("llama-bpe", " I|'ll| pay| | |123|45| (|or| |6|);\n\n|   | then|\tgo|,| We|'LL| see"),
    ],
)
def test_a_text_is_cut_as_llama_cpp_cuts_it(name: str, pieces: str) -> None:
    split = split_as(name)
    assert split is not None
    found = [piece for piece, _ in split.pre_tokenize_str(TEXT)]
    assert "|".join(found).replace(SPACE, " ").replace("Ċ", "\n").replace("ĉ", "\t") == pieces


def test_the_demo_s_digits_are_marked() -> None:
    tokenizer = Tokenizer.from_file(str(DEMO_FOLDER / "tokenizer.json"))
    digits = tuple(f"{SPACE}{digit}" for digit in range(10))
    assert find_pretokenizer(tokenizer) == PreTokenizer(name="qwen2", marked=digits)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_that_stands_in_the_tokenizer_is_preferred(name: str) -> None:
    if len(PATTERNS[name]) == 1:
        found = find_pretokenizer(byte_level(PATTERNS[name][0], [("a", "b")]))
        assert found == PreTokenizer(name=name)


def test_a_tokenizer_that_no_name_fits_is_refused() -> None:
    merges = [("l", "e"), ("c", "h"), ("ch", "le")]  # joins what every name here cuts
    assert find_pretokenizer(byte_level(PIECES, merges)).name in PATTERNS
    across = [("t", SPACE), ("e", SPACE), ("i", SPACE)]  # the end of a word and the space after it
    with pytest.raises(InputError, match="no pre-tokenizer that cuts text"):
        find_pretokenizer(byte_level(r".+", across))


def test_sample_texts_have_every_domain_and_many_digits() -> None:
    texts = sample_texts()
    assert len(texts) == len(set(texts)) > 80
    assert sum(character.isdigit() for text in texts for character in text) > 300
