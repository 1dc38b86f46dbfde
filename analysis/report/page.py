"""The report as one HTML file that needs no network: style, script and numbers are inside."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path

from plotly.offline import get_plotlyjs

from analysis.captions import model_name
from analysis.figures.domains import label
from analysis.report.sections import sections
from analysis.report.source import Source
from pruning.specs.words import percent

ASSETS = Path(__file__).resolve().parent


def report_page(source: Source, made: datetime | None = None) -> str:
    """All sections that have something to tell. made: the date on it; now, if left out."""
    day = (made or datetime.now(UTC)).strftime("%d %B %Y").lstrip("0")
    name = model_name(source.run)
    title = f"Which weights do {len(source.run.domains)} domains need?"
    domains = ", ".join(label(domain) for domain in source.run.domains)
    found = sections(source)
    links = " ".join(f'<a href="#{part.anchor}">{escape(part.name)}</a>' for part in found)
    body = "".join(
        f'<section id="{part.anchor}"><h2>{escape(part.name)}</h2>{part.html}</section>'
        for part in found
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(f"{title} {name}, {percent(source.prune.sparsity)} sparsity")}</title>
<style>{(ASSETS / "report.css").read_text(encoding="utf-8")}</style>
<script>{get_plotlyjs()}</script>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p class="lead">{escape(domains)}</p>
<p>{escape(source.caption)} Written by Submodel Atlas on {day}.</p>
<nav>{links}</nav>
</header>
{body}
<script>{(ASSETS / "report.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""
