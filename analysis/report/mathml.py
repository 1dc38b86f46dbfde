"""Formulas as MathML, which browsers draw without any script."""

from __future__ import annotations

from collections.abc import Sequence


def row(*parts: str) -> str:
    """Parts side by side. A part that is not markup is a number, an operator or a name."""
    return f"<mrow>{''.join(map(part, parts))}</mrow>"


def part(text: str) -> str:
    """Markup as it is; else a number, a letter, a word or an operator."""
    if text.startswith("<"):
        return text
    if text.replace(".", "").isdigit():
        return f"<mn>{text}</mn>"
    return f"<mi>{text}</mi>" if text.isalpha() else f"<mo>{text.replace('<', '&lt;')}</mo>"


def fraction(above: str, below: str) -> str:
    """above / below."""
    return f"<mfrac>{row(above)}{row(below)}</mfrac>"


def sub(base: str, index: Sequence[str]) -> str:
    """base with a lower index of one or more parts."""
    return f"<msub>{part(base)}{row(*index)}</msub>"


def squared(base: str) -> str:
    """base to the power of two."""
    return f"<msup>{part(base)}<mn>2</mn></msup>"


def root(*parts: str) -> str:
    """The square root."""
    return f"<msqrt>{row(*parts)}</msqrt>"


def total(index: str) -> str:
    """A sum sign over an index."""
    return f"<munder><mo>∑</mo>{part(index)}</munder>"


def formula(*parts: str) -> str:
    """A formula on a line of its own."""
    return f'<math display="block">{row(*parts)}</math>'
