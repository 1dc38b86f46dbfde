"""The table of Puccioni et al. (2025), arXiv 2501.05248, whose experiment `experiment` repeats.

Gemma-1.1-7b-it, Wanda, half of the weights pruned; all values in percent. It shows the format; the
tasks, the prompts and the model are others than ours, so the numbers are not to be compared.
"""

from __future__ import annotations

CAPTION = "Gemma-1.1-7b-it at 50% (Puccioni et al. 2025, arXiv 2501.05248), in %"
COLUMNS = ("code", "common sense", "translation", "math")
ROWS: dict[str, tuple[float, float, float, float]] = {
    "dense": (52.9, 40.57, 50.41, 46.4),
    "python_alpaca": (46.99, 38.23, 45.75, 32.44),
    "apps": (47.07, 36.47, 45.84, 32.2),
    "github_python": (46.47, 37.34, 45.23, 33.6),
    "openbookqa": (43.23, 38.9, 45.63, 26.9),
    "hellaswag": (40.82, 38.4, 44.28, 26.99),
    "commonsenseqa": (41.61, 38.45, 45.21, 27.29),
    "wmt14": (38.58, 38.34, 48.55, 27.14),
    "songs": (40.91, 37.58, 48.29, 29.7),
    "opus_books": (41.0, 39.0, 48.6, 26.8),
    "math_qa": (44.44, 37.65, 45.38, 35.25),
    "math_instruct": (45.26, 37.95, 45.15, 35.10),
    "math_orca": (45.05, 37.39, 45.6, 36.16),
    "c4": (42.2, 38.1, 46.74, 29.0),
}
