"""The loss curve as a picture: an SVG file, drawn by hand so that it needs no plotting library."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 20, 48  # margins around the axes, in pixels
GRID, TEXT, CURVE = "#d0d4da", "#57606a", "#1f6feb"  # readable on white and on dark paper


def read_log(path: Path) -> tuple[list[float], list[float]]:
    """Read a training log: millions of tokens seen, and the loss in bits a token."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if not lines:
        raise ValueError(f"{path} holds no step of training.")
    tokens = [line["tokens"] / 1e6 for line in lines]
    return tokens, [line["loss"] / math.log(2) for line in lines]


def smoothed(values: Sequence[float], *, weight: float = 0.15) -> list[float]:
    """An exponential moving average that starts at the first value."""
    smooth = [values[0]]
    for value in values[1:]:
        smooth.append((1 - weight) * smooth[-1] + weight * value)
    return smooth


def loss_curve(tokens: Sequence[float], bits: Sequence[float]) -> str:
    """Draw bits a token over millions of tokens as SVG text: each value faint, their average bold."""
    right = max(tokens)
    top = math.ceil(max(bits))

    def x_of(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / right

    def y_of(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

    def path(values: Sequence[float], width: float, opacity: float) -> str:
        points = " ".join(
            f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in zip(tokens, values, strict=True)
        )
        return (
            f'<polyline points="{points}" fill="none" stroke="{CURVE}" '
            f'stroke-width="{width}" stroke-opacity="{opacity}"/>'
        )

    marks = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(level):.1f}" '
        f'y2="{y_of(level):.1f}" stroke="{GRID}" stroke-width="1"/>'
        f'<text x="{LEFT - 8}" y="{y_of(level) + 4:.1f}" text-anchor="end">{level}</text>'
        for level in range(0, top + 1, 2)
    ]
    marks += [
        f'<text x="{x_of(value):.1f}" y="{HEIGHT - BOTTOM + 20}" '
        f'text-anchor="middle">{value:.3g}</text>'
        for value in (right * step / 5 for step in range(6))
    ]
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'font-family="sans-serif" font-size="13" fill="{TEXT}">',
            "<title>Training loss</title>",
            *marks,
            path(bits, 1, 0.3),
            path(smoothed(bits), 2, 1),
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
            "millions of training tokens</text>",
            f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">'
            "bits a token</text>",
            "</svg>\n",
        ]
    )
