"""The demo model's tokenizer: byte-level BPE, trained on equal shares of the seven domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END_OF_TEXT = "<|endoftext|>"  # follows every document
PADDING = "<|padding|>"  # its own token, so that padding is never mistaken for the end of a text

# What a token may not reach across. Numbers are cut into digits, because arithmetic on digits can be
# learned and arithmetic on arbitrary pieces of numbers cannot. Line ends join the punctuation before
# them (";\n" is one token) and never the indentation after them, so that a prompt of whole lines is
# cut into the same tokens whether or not its continuation follows.
PIECES = (
    r"'(?:s|d|m|t|ll|ve|re)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(
    texts: Iterable[str], *, vocabulary: int = 4096, longest: int = 1024
) -> PreTrainedTokenizerFast:
    """Learn `vocabulary` tokens by byte-pair encoding (Sennrich et al. 2016, on bytes).

    `longest` becomes the tokenizer's `model_max_length`, in tokens. Any text round-trips byte for
    byte: all 256 bytes are tokens. No token is added at the beginning or end of a text. Raises
    ValueError when the vocabulary cannot even hold the bytes.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    smallest = len(alphabet) + 2
    if vocabulary < smallest:
        raise ValueError(
            f"A byte-level vocabulary of {vocabulary} tokens is too small: "
            f"the bytes and special tokens alone are {smallest}."
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_OF_TEXT, PADDING],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TEXT,
        pad_token=PADDING,
        model_max_length=longest,
        clean_up_tokenization_spaces=False,
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a tokenizer that was saved with `save_pretrained`."""
    return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def encode_documents(
    tokenizer: PreTrainedTokenizerFast, documents: Sequence[str]
) -> list[list[int]]:
    """Encode each document and end it with the end-of-text token."""
    encodings = tokenizer.backend_tokenizer.encode_batch_fast(
        list(documents), add_special_tokens=False
    )
    return [[*encoding.ids, tokenizer.eos_token_id] for encoding in encodings]


def tokens_per_byte(
    tokenizer: PreTrainedTokenizerFast, texts: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Tokens per UTF-8 byte of each domain's texts, the end-of-text token not counted."""
    rates = {}
    for domain, documents in texts.items():
        tokens = sum(len(ids) - 1 for ids in encode_documents(tokenizer, documents))
        rates[domain] = tokens / sum(len(text.encode()) for text in documents)
    return rates
