"""How llama.cpp cuts a text into pieces before it merges bytes into tokens.

A GGUF file names its pre-tokenizer, and llama.cpp has the patterns of the names it knows. Its
converter finds the name by a hash of the tokens of one text, so that it knows only tokenizers it
has met. Here the name is found by trying: the tokenizer with llama.cpp's pattern in place of its
own has to give the same tokens of every text of `sample_texts`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from tokenizers import AddedToken, Regex, Tokenizer, pre_tokenizers

from demo.texts import DOMAINS, documents
from pruning.errors import InputError

SPACE = "Ġ"  # what a space is called in a byte-level vocabulary
_CONTRACTIONS = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
# Patterns of llama.cpp's llama-vocab.cpp, each applied to the pieces that the one before left.
PATTERNS: dict[str, tuple[str, ...]] = {
    "gpt-2": (_GPT2,),
    "qwen2": (rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_REST}",),
    "llama-bpe": (rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_REST}",),
    "starcoder": (r"\p{N}", _GPT2),
    "qwen35": (
        rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
        r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    "deepseek-v3": (
        r"\p{N}{1,3}",
        r"[一-龥぀-ゟ゠-ヿ]+",
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
}
# Names that stand for a pattern above, as llama.cpp has them.
SAME_AS = {
    "mpt": "gpt-2", "olmo": "gpt-2", "jais": "gpt-2", "trillion": "gpt-2", "phi-2": "gpt-2",
    "roberta-bpe": "gpt-2", "stablelm2": "qwen2", "hunyuan": "qwen2", "megrez": "qwen2",
    "deepseek-r1-qwen": "qwen2", "grok-2": "qwen2", "llama3": "llama-bpe", "llama-v3": "llama-bpe",
    "falcon3": "llama-bpe", "dbrx": "llama-bpe", "smaug-bpe": "llama-bpe", "glm4": "llama-bpe",
    "refact": "starcoder", "command-r": "starcoder", "smollm": "starcoder",
    "codeshell": "starcoder", "exaone": "starcoder", "minerva-7b": "starcoder",
    "hunyuan-dense": "deepseek-v3",
}  # fmt: skip
DOCUMENTS = 12  # of each built-in domain, in the sample
# Spaces, digits, contractions, scripts: what pre-tokenizers differ in. Other digits than 0 to 9 after
# a space are not in it: the demo's tokenizer cuts " ½" otherwise than every name here.
AWKWARD = (
    "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \nx   7  8 9\n    42\n\t 5",
    "3 33 333 3333 33333 333333 3333333 3.3 3..3 3...3 x1 y22 (4) [5,6] -7 +8 a=9;",
    "I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, we'd like a'lL.",
    "''''''```````\"\"\"\"......!!!!!!?????? ------======= {}; (\"x\"); // #!",
    "C'est l'été où l'élève dit « bonjour » ; ça va ? Æther naïve Straße x² 10 °C.",
    "нещо на Български 我想在apple工作1314151天～ កាន់តែពិសេស 🚀 (normal) 😶\u200d🌫️ ✅",
)


@dataclass(frozen=True, kw_only=True)
class PreTokenizer:
    """A name of llama.cpp's, and the tokens that have to be marked as the user's own.

    marked: tokens of a space and one digit. llama.cpp's patterns cut between them; a token that is
    marked is looked for in the text before any cut.
    """

    name: str
    marked: tuple[str, ...] = ()


@cache
def sample_texts() -> tuple[str, ...]:
    """The texts that tokenizers are compared on: awkward ones, then some of every domain."""
    return (
        *AWKWARD,
        *(text for domain in DOMAINS for text in islice(documents(domain), DOCUMENTS)),
    )


def split_as(name: str) -> pre_tokenizers.PreTokenizer | None:
    """llama.cpp's pre-tokenizer of that name; None where its patterns are not known here."""
    patterns = PATTERNS.get(SAME_AS.get(name, name))
    if patterns is None:
        return None
    return pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(pattern), behavior="isolated") for pattern in patterns),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def find_pretokenizer(tokenizer: Tokenizer) -> PreTokenizer:
    """The name with which llama.cpp gives this byte-level tokenizer's tokens of all sample texts.

    Raises InputError, which shows the first text that gets other tokens, where no name does.
    """
    texts = sample_texts()
    wanted = ids_of(tokenizer, texts)
    nearest: tuple[int, str] = (-1, "")
    for candidate in _candidates(tokenizer):
        found = _ids_with(tokenizer, candidate, texts)
        differing = [text for text, a, b in zip(texts, wanted, found, strict=True) if a != b]
        if not differing:
            return candidate
        if len(texts) - len(differing) > nearest[0]:
            nearest = len(texts) - len(differing), differing[0]
    raise InputError(
        "llama.cpp has no pre-tokenizer that cuts text as this model's tokenizer does, so prompts "
        f"would get other tokens (for example in {nearest[1][:40]!r}); a GGUF file of it would "
        "answer wrongly and is not made."
    )


def ids_of(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, no special tokens added."""
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [list(encoding.ids) for encoding in encodings]


def _candidates(tokenizer: Tokenizer) -> Iterator[PreTokenizer]:
    """Names to try: those whose patterns stand in the tokenizer's own file first."""
    own = json.dumps(json.loads(tokenizer.to_str())["pre_tokenizer"], ensure_ascii=False)
    names = sorted(PATTERNS, key=lambda name: not all(_quoted(p) in own for p in PATTERNS[name]))
    digits = tuple(f"{SPACE}{digit}" for digit in range(10))
    marked = tuple(token for token in digits if tokenizer.token_to_id(token) is not None)
    for name in names:
        yield PreTokenizer(name=name)
    if marked:
        for name in names:
            yield PreTokenizer(name=name, marked=marked)


def _quoted(pattern: str) -> str:
    return json.dumps(pattern, ensure_ascii=False)[1:-1]


def _ids_with(
    tokenizer: Tokenizer, candidate: PreTokenizer, texts: Sequence[str]
) -> list[list[int]]:
    """Token ids with llama.cpp's pieces in place of the tokenizer's own."""
    changed = Tokenizer.from_str(tokenizer.to_str())
    changed.pre_tokenizer = split_as(candidate.name)
    plain = {token: token.replace(SPACE, " ") for token in candidate.marked}
    changed.add_tokens([AddedToken(text, normalized=False) for text in plain.values()])
    own = {changed.token_to_id(text): tokenizer.token_to_id(token) for token, text in plain.items()}
    return [[own.get(token) or token for token in ids] for ids in ids_of(changed, texts)]
