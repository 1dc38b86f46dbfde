"""What the models wrote, side by side, as HTML. The text is a model's, so all of it is escaped."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from analysis.figures.look import Look
from analysis.playground.records import Passage, Token, parting

# A token's shade by the probability that the model gave it: at least this much, and in words.
SHADES = (
    (0.9, "90% or more"),
    (0.5, "50 to 90%"),
    (0.2, "20 to 50%"),
    (0.05, "5 to 20%"),
    (0.0, "below 5%"),
)
LIGHT = ("transparent", "#f7ecd0", "#f0d9a2", "#e6bf74", "#dba04b")
DARK = ("transparent", "#2f2b1c", "#473a1a", "#604a18", "#7d5b17")
ENDED = {
    "end of text": "ended by itself",
    "length": "reached the length asked for",
    "context": "filled the model's context",
    "stop text": "ended where the task's answer ends",
    "stopped": "stopped",
}
CARET = '<i class="pg-caret"></i>'
STYLE = Path(__file__).resolve().parent.parent / "assets" / "playground.css"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One model on the page: what it is called, how it was pruned, its colour."""

    name: str
    detail: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class _Span:
    """Tokens that are shaded together: those of one character, or alike while text streams in."""

    text: str
    tokens: tuple[Token, ...]
    first: int

    @property
    def shade(self) -> int:
        """Of the probability of all its tokens, one after the other."""
        return shade(math.prod(token.probability for token in self.tokens))


def shade(probability: float) -> int:
    """0 for a token that the model was sure of, up to 4 for one that was unlikely."""
    return next(number for number, (least, _) in enumerate(SHADES) if probability >= least)


def sheet(look: Look, columns: int) -> str:
    """The style of everything below, for so many models side by side."""
    settings = {
        "columns": {1: 1, 2: 2, 3: 3, 4: 2}[columns],
        "grid": look.grid,
        "muted": look.muted,
        "accent": look.categories[0],
        "ink": look.ink,
    }
    shades = DARK if look.is_dark else LIGHT
    settings |= {f"shade-{number}": shade for number, shade in enumerate(shades)}
    rules = "".join(f"--pg-{name}:{value};" for name, value in settings.items())
    return f"<style>\n:root {{{rules}}}\n{STYLE.read_text(encoding='utf-8')}</style>"


def legend() -> str:
    """What the shades mean."""
    swatches = "".join(
        f'<span><span class="pg-{number}">token</span> {words}</span>'
        for number, (_, words) in enumerate(SHADES)
    )
    return (
        '<div class="pg-legend"><b>Probability of the token</b>'
        f'{swatches}<span><i class="pg-fork"></i> parts from dense</span></div>'
    )


def grid(
    columns: Sequence[Column],
    passages: Sequence[Passage],
    prompt: str,
    *,
    writing: int | None = None,
    stage: str = "",
) -> str:
    """A card for each model. writing: the one that is at work, doing `stage` or writing."""
    dense = passages[0]
    cards = []
    for number, (column, passage) in enumerate(zip(columns, passages, strict=True)):
        place = parting(dense, passage) if number else None
        now = number == writing
        cards.append(
            f'<div class="pg-card" style="--pg-colour:{column.colour}">'
            f'<div class="pg-head"><span class="pg-name">{escape(column.name)}</span>'
            f'<span class="pg-detail">{escape(column.detail)}</span>'
            f"{_tag(dense, passage, place) if number else ''}</div>"
            f'<div class="pg-text"><span class="pg-prompt">{escape(last_line(prompt))}</span>'
            f"{_text(passage, place, shared=number > 0, streaming=writing is not None)}"
            f"{CARET if now else ''}</div>"
            f'<div class="pg-foot">{_foot(dense, passage, place, stage if now else "", now)}</div>'
            "</div>"
        )
    return f'<div class="pg-grid">{"".join(cards)}</div>'


def last_line(prompt: str) -> str:
    """The prompt's last line with text, and what follows it, so that one sees what is continued."""
    text = prompt.rstrip()
    return prompt[text.rfind("\n") + 1 :]


def _tag(dense: Passage, passage: Passage, place: int | None) -> str:
    if place is not None:
        where = f"after {_count(place)}" if place else "at once"
        return f'<span class="pg-tag parts">parts {where}</span>'
    if not passage.tokens and not passage.ended:
        return ""
    complete = "stopped" not in (dense.ended, passage.ended) and dense.ended and passage.ended
    return f'<span class="pg-tag">{"identical to dense" if complete else "same so far"}</span>'


def _text(passage: Passage, place: int | None, *, shared: bool, streaming: bool) -> str:
    """The shaded tokens; what a sub-model shares with the dense model is paler."""
    parts = []
    for span in _spans(passage.tokens, place, merge=streaming):
        if span.first == place:
            parts.append('<i class="pg-fork" title="From here on it differs from dense"></i>')
        name = f"pg-{span.shade}" if span.shade else ""
        if shared and place is not None and span.first < place:
            name += " pg-same"
        title = "" if streaming else f' title="{escape(_told(span.tokens))}"'
        parts.append(f'<span class="{name.strip()}"{title}>{_seen(span)}</span>')
    if place is not None and place == len(passage.tokens):
        parts.append('<i class="pg-fork" title="Here it ends, where the other goes on"></i>')
    return "".join(parts) + escape(passage.rest)


def _spans(tokens: Sequence[Token], place: int | None, *, merge: bool) -> Iterator[_Span]:
    """Tokens in order; one without text belongs to the next that has some.

    merge: join certain neighbours, which makes the page lighter while it changes often.
    """
    waiting: list[Token] = []
    last: _Span | None = None
    for number, token in enumerate(tokens):
        waiting.append(token)
        if not token.text:
            continue
        first = number + 1 - len(waiting)
        if place is not None and first < place <= number:
            first = place  # the parting lies inside of a character
        span = _Span(text=token.text, tokens=tuple(waiting), first=first)
        waiting = []
        if merge and last is not None and last.shade == span.shade == 0 and first != place:
            last = _Span(text=last.text + span.text, tokens=last.tokens[:1], first=last.first)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _seen(span: _Span) -> str:
    """The text; of a line break that was not certain, a sign that can be shaded."""
    text = escape(span.text)
    return text.replace("\n", '<span class="pg-return">↵</span>\n') if span.shade else text


def _told(tokens: Sequence[Token]) -> str:
    """A tooltip: each token's probability and rank, and what else was likely."""
    lines = []
    for token in tokens:
        choice = "first choice" if token.rank == 1 else f"choice number {token.rank}"
        lines.append(f"{quoted(token.text)}: {percent(token.probability)}, {choice}")
        others = ", ".join(f"{quoted(text)} {percent(share)}" for text, share in token.others)
        lines += [f"else: {others}"] if others else []
    return "\n".join(lines)


def _foot(dense: Passage, passage: Passage, place: int | None, stage: str, now: bool) -> str:
    """How it went, and at the parting what each would say."""
    if not passage.ended:
        if not passage.tokens:
            return escape(f"{stage.capitalize()} …" if stage else "…" if now else "Waits its turn.")
        return _count(len(passage.tokens))
    rate = passage.tokens_per_second
    facts = [_count(len(passage.tokens))]
    facts += [f"{passage.prompt_seconds + passage.seconds:.1f} s"] if passage.tokens else []
    facts += [f"{rate:.0f} tokens/s"] if rate is not None else []
    facts.append(ENDED[passage.ended])
    lines = [" · ".join(facts)]
    if place is not None:
        lines.append(
            f"Here {_says(passage, place)}; the dense model {_says(dense, place, passage)}."
        )
    return "<br>".join(lines)


def _count(tokens: int) -> str:
    return f"{tokens} {'token' if tokens == 1 else 'tokens'}"


def _says(passage: Passage, place: int, other: Passage | None = None) -> str:
    if place >= len(passage.tokens):
        return "it ends" if other is None else "ends"
    token = passage.tokens[place]
    return f"<code>{escape(quoted(token.text))}</code> ({percent(token.probability)})"


def quoted(text: str) -> str:
    """A token's text so that spaces and line breaks are seen."""
    return f"“{text}”".replace("\n", "↵").replace("\t", "⇥")


def percent(probability: float) -> str:
    """A probability for people."""
    if probability >= 0.9995:
        return "~100%"
    return f"{probability:.0%}" if probability >= 0.095 else f"{probability:.1%}"


def tokens_csv(columns: Sequence[Column], passages: Sequence[Passage]) -> str:
    """Every token of every passage as a row."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["model", "pruning", "position", "token_id", "text", "probability", "rank", "seconds"])  # fmt: skip
    for column, passage in zip(columns, passages, strict=True):
        for position, token in enumerate(passage.tokens):
            writer.writerow([
                column.name, column.detail, position, token.id, token.text,
                f"{token.probability:.6g}", token.rank, f"{token.seconds:.4f}",
            ])  # fmt: skip
    return file.getvalue()
