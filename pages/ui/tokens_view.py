"""Tokens of the calibration text as HTML. The text is anybody's, so all of it is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from analysis.figures.domains import colours, label

if TYPE_CHECKING:
    from analysis.figures.look import Look
    from analysis.structure.driving import DrivenChannel, DrivingTokens, Occurrence

SHOWN = 6  # tokens of each channel in the table
LEAST_SHARE = 0.01  # of the squared activation; what is below says little
CODE = "font-family:ui-monospace,'SFMono-Regular',Menlo,Consolas,monospace;font-size:.82rem"


def tokens_table(driven: Sequence[DrivenChannel], style: Look) -> str:
    """A row for each channel: how loud, and the tokens that drive it where it is louder."""
    rows = []
    for each in driven:
        ratio = each.channel.ratio
        louder = each.domains[0 if ratio > 1 else 1]
        colour = colours([domain.domain for domain in each.domains], style)[louder.domain]
        chips = " ".join(  # with a space, so that a line may break between two
            _chip(token.token, token.share, colour)
            for token in louder.tokens[:SHOWN]
            if token.share >= LEAST_SHARE
        )
        rows.append(
            f'<tr style="border-top:1px solid {style.grid}">'
            f'<td style="padding:.4rem .8rem .4rem 0;white-space:nowrap">{each.channel.channel}</td>'
            f'<td style="padding:.4rem .8rem .4rem 0;white-space:nowrap">'
            f"{max(ratio, 1 / ratio):.1f} ×"
            f'<span style="color:{colour}"> {escape(label(louder.domain))}</span></td>'
            f'<td style="padding:.4rem 0;line-height:2">{chips}</td></tr>'
        )
    heads = "".join(
        f'<th style="text-align:left;font-weight:500;padding:.2rem .8rem .4rem 0;'
        f'color:{style.muted}">{text}</th>'
        for text in ("Channel", "Louder", "Most of its squared activation comes from")
    )
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;font-size:.9rem">'
        f"<tr>{heads}</tr>{''.join(rows)}</table></div>"
    )


def occurrences_list(tokens: DrivingTokens, colour: str, style: Look) -> str:
    """The strongest occurrences of one domain, each in its context with its activation."""
    rows = "".join(_occurrence(place, colour, style) for place in tokens.occurrences)
    return rows or f'<p style="color:{style.muted}">This channel is silent here.</p>'


def _chip(token: str, share: float, colour: str) -> str:
    return (
        f'<span style="white-space:nowrap;margin-right:.7rem"><code style="{CODE};'
        f'background:{colour}26;border-radius:4px;padding:.1rem .35rem">{_seen(token)}</code> '
        f'<span style="opacity:.7;font-size:.8rem">{share:.0%}</span></span>'
    )


def _occurrence(place: Occurrence, colour: str, style: Look) -> str:
    before, after = (_flat(text) for text in (place.before, place.after))
    return (
        f'<div style="display:flex;gap:.8rem;border-top:1px solid {style.grid};padding:.4rem 0">'
        f'<span style="flex:none;width:3.6rem;text-align:right;color:{style.muted};'
        f'font-size:.82rem;font-variant-numeric:tabular-nums">{place.activation:+.3g}</span>'
        f'<span style="{CODE};overflow-wrap:anywhere"><span style="color:{style.muted}">{before}'
        f'</span><mark style="background:{colour}40;color:inherit;border-radius:3px;'
        f'padding:.05rem .1rem">{_seen(place.token)}</mark>'
        f'<span style="color:{style.muted}">{after}</span></span></div>'
    )


def _seen(token: str) -> str:
    """A token with its white space made visible."""
    from analysis.structure.driving import visible

    return escape(visible(token))


def _flat(text: str) -> str:
    """Context on one line."""
    return escape(" ".join(text.replace("\n", " ⏎ ").split(" ")))
