"""The report's figures as files: SVG for print, PNG for slides, drawn by an installed Chrome."""

from __future__ import annotations

from pathlib import Path

from analysis.report.html import Figure
from analysis.report.sections import sections
from analysis.report.source import Source
from pruning.errors import AtlasError, InputError
from pruning.machine.storage import storage_errors
from pruning.progress import Progress, Report

SCALES = {"svg": 1, "png": 3}  # format -> pixels of the file for one of the page


def check_pictures() -> None:
    """InputError where no browser is there that could draw pictures."""
    from choreographer.browsers.chromium import Chromium

    if Chromium.find_browser(skip_local=False) is None:
        raise InputError(
            "Pictures are drawn by Chrome or Chromium, and neither was found: install one, or "
            "open the report in any browser and use the camera at each figure's upper right."
        )


def write_pictures(source: Source, folder: Path, report: Report) -> list[Path]:
    """Write every figure of the report as folder/NAME.svg and .png; returns the paths.

    Raises AtlasError where the browser fails.
    """
    import kaleido

    with storage_errors(folder / "figure"):
        folder.mkdir(parents=True, exist_ok=True)
    figures = [
        part for section in sections(source) for part in section.parts if isinstance(part, Figure)
    ]
    report(Progress(stage="Drawing the figures", done=0, total=len(figures)))
    wanted = [(figure, form) for figure in figures for form in SCALES]
    paths = [folder / f"{figure.name}.{form}" for figure, form in wanted]
    try:
        kaleido.write_fig_from_object_sync(
            [
                {"fig": figure.drawn().to_dict(), "path": path, "opts": _options(figure, form)}
                for (figure, form), path in zip(wanted, paths, strict=True)
            ],
            cancel_on_error=True,
            kopts={"mathjax": False},  # which it would fetch from the internet
        )
    except (RuntimeError, OSError, TimeoutError) as error:
        raise AtlasError(f"The browser could not draw the figures: {error}") from error
    report(Progress(stage="Drawing the figures", done=len(figures), total=len(figures)))
    return paths


def _options(figure: Figure, form: str) -> dict[str, object]:
    layout = figure.drawn().layout
    return {
        "format": form,
        "width": layout.width,
        "height": layout.height,
        "scale": SCALES[form],
    }
