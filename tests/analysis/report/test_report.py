"""The report: whole, self-contained, its numbers those that are stored; and its command."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shlex
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from analysis.cause import results
from analysis.cause.findings import quality, verdict
from analysis.cause.results import cause, stored_causes
from analysis.cause.spec import CauseSpec
from analysis.evaluation.captions import NOT_COMPARED
from analysis.evaluation.mask_sources import DENSE, of_domain
from analysis.evaluation.measures import BITS_PER_BYTE, Measured
from analysis.evaluation.spec import TASKS, TEXT, Column, EvaluationSpec
from analysis.evaluation.store import write_cell, write_table
from analysis.evaluation.tasks import HARNESS, TaskSpec, built_in
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.findings import sentence
from analysis.evidence.testing import evidence
from analysis.figures.domains import label
from analysis.report import channels as report_channels
from analysis.report.commands import private, reproduction
from analysis.report.evaluation import evaluations
from analysis.report.html import Figure
from analysis.report.methods import methods
from analysis.report.page import report_page
from analysis.report.sections import sections
from analysis.report.source import Source, gather
from analysis.structure.channels import LoudChannel, PairSpec
from analysis.structure.driving import DrivenChannel, DrivingTokens, Occurrence, TokenShare
from pruning.domains import parse_domain
from pruning.domains.parse import domain_line
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.words import percent
from tests.analysis.cause.test_figures import FOUND

SPEC = EvidenceSpec(splits=2, permutations=9, bootstraps=3, rows=4)


@pytest.fixture(scope="module")
def tiny_run(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run as it was calibrated: a report shows whatever other tests have stored with it."""
    workspace = Workspace(tmp_path_factory.mktemp("report") / "workspace")
    folder = workspace.root / "runs" / tiny_run.id
    folder.mkdir(parents=True)
    for part in ("tokens", "stats"):
        shutil.copytree(tiny_run.folder / part, folder / part)
    shutil.copy(tiny_run.folder / "run.json", folder)
    return workspace.run(tiny_run.id)


@pytest.fixture(scope="module")
def source(tiny_run: Run) -> Source:
    evidence(tiny_run, PruneSpec(sparsity=0.3), SPEC)
    return gather(tiny_run, PruneSpec(), SPEC, compute=True)


@pytest.fixture(scope="module")
def page(source: Source) -> str:
    return report_page(source)


def own_part(page: str) -> str:
    """The page without the figures' library."""
    return re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.DOTALL)


def test_it_asks_no_other_machine_for_anything(page: str) -> None:
    own = own_part(page)
    assert len(own) < 400_000 < len(page)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', own) == []
    assert "@import" not in own
    assert "url(" not in own


def test_it_has_every_section_and_links_to_it(page: str) -> None:
    names = re.findall(r"<h2>(.*?)</h2>", page)
    assert names == [
        "Findings",
        "Overlap",
        "Are the differences real?",
        "Where they differ",
        "At other sparsities",
        "Was there enough text?",
        "How the domains are related",
        "Whose weights are whose",
        "Which channels tell them apart",
        "Methods",
        "Provenance",
        "How to reproduce it",
    ]
    for anchor in re.findall(r'<a href="#(.*?)"', page):
        assert f'<section id="{anchor}">' in page


def test_it_says_every_pair_in_words(page: str, source: Source) -> None:
    assert source.tested is not None
    for pair in source.tested:
        assert f"<li>{sentence(pair, label)}</li>" in page


def test_the_figures_are_the_library_s(page: str, source: Source) -> None:
    drawn = re.findall(r'<script type="application/json">(.*?)</script>', page)
    figures = [part for each in sections(source) for part in each.parts if isinstance(part, Figure)]
    assert len(drawn) == len(figures) == 19
    matrix = json.loads(drawn[0])["data"][0]
    assert matrix["x"] == [label(domain) for domain in source.run.domains]
    assert "index " in matrix["text"][0][1]


def test_tables_carry_their_numbers(page: str, source: Source) -> None:
    assert source.tested is not None
    link = re.search(r'download="yardsticks.csv" href="data:text/csv;base64,(.*?)"', page)
    assert link
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link[1]).decode())))
    assert [float(row["index"]) for row in rows] == [pair.whole.index for pair in source.tested]


@pytest.mark.parametrize("kind", ["layer", "projection"])
def test_every_part_of_every_pair_can_be_taken_away(kind: str, page: str, source: Source) -> None:
    assert source.tested is not None
    name = f"all-yardsticks-by-{kind}.csv"
    link = re.search(rf'download="{name}" href="data:text/csv;base64,(.*?)"', page)
    assert link
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link[1]).decode())))
    expected = [
        (pair.domain_a, pair.domain_b, row.part, row.index)
        for pair in source.tested
        for row in (pair.layers if kind == "layer" else pair.projections)
    ]
    found = [(r["domain_a"], r["domain_b"], r[kind], float(r["index"])) for r in rows]
    assert found == expected


def test_what_drives_the_channels_is_told_where_it_is_stored(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "driving-tokens" not in part_names(source)
    loud = LoudChannel(channel=4, rms_a=1, rms_b=8, ratio=0.125, low=0.1, high=0.2)
    place = Occurrence(before="a\n", token=" <b>", after=" c", activation=-2.0)
    share = TokenShare(token=" <b>", count=3, share=0.75)
    domains = tuple(
        DrivingTokens(domain=name, tokens=(share,), occurrences=(place,))
        for name in ("code", "sums")
    )
    known = (DrivenChannel(channel=loud, domains=domains),)  # type: ignore[arg-type]

    def stored(run: Run, spec: PairSpec, key: WeightKey) -> tuple[DrivenChannel, ...] | None:
        return known if (spec.domain_a, spec.domain_b, key.layer) == ("code", "sums", 1) else None

    monkeypatch.setattr(report_channels, "stored_driving_tokens", stored)
    page = own_part(report_page(source))
    assert "<td>Sums</td><td>8.0</td>".lower() in page.lower()
    assert "“␣&lt;b&gt;” 75%" in page
    assert "a ⏎ [␣&lt;b&gt;] c" in page
    assert f"analysis channels --run {source.run.id} --domains code sums" in page


def part_names(source: Source) -> list[str]:
    parts = [part for each in sections(source) for part in each.parts]
    return [part.name for part in parts if not isinstance(part, str)]


def test_no_two_files_of_a_report_share_a_name(source: Source) -> None:
    names = part_names(source)
    assert len(set(names)) == len(names)


def test_formulas_are_well_formed(source: Source) -> None:
    found = re.findall(r"<math.*?</math>", methods(source).html)
    assert len(found) == 7
    for formula in found:
        ElementTree.fromstring(formula)


def test_without_evidence_it_leaves_those_sections_out(tiny_run: Run) -> None:
    source = gather(tiny_run, PruneSpec(score="magnitude"), SPEC, compute=True)
    names = [section.name for section in sections(source)]
    assert "Are the differences real?" not in names
    assert names[-1] == "How to reproduce it"
    stored = gather(tiny_run, PruneSpec(sparsity=0.77), SPEC, compute=False)
    assert stored.tested is None


def test_the_evidence_that_was_asked_for_stands_in_every_section(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.36, layers=(0,))
    for spec in (SPEC, replace(SPEC, permutations=19)):
        evidence(tiny_run, prune, spec)
    evidence(tiny_run, replace(prune, sparsity=0.46), SPEC)
    source = gather(tiny_run, prune, SPEC, compute=False)
    assert source.tested is not None
    assert [pair.smallest_p for pair in source.tested] == [0.1] * 3  # of 9 shuffles
    assert source.at[0.36] == source.tested
    assert list(source.at) == [0.36, 0.46]


@pytest.fixture
def caused(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> PruneSpec:
    """Masks whose regions were taken out, twice."""
    prune = PruneSpec(sparsity=0.31)
    monkeypatch.setattr(results, "measure", lambda *_: None)
    monkeypatch.setattr(results, "answer", lambda *_: FOUND)
    for size in (2000, 500):
        cause(tiny_run, prune, CauseSpec(size=size))
    cause(tiny_run, prune, CauseSpec(region="sharp"))
    return prune


def test_what_removals_cost_is_told_where_it_is_stored(tiny_run: Run, caused: PruneSpec) -> None:
    assert stored_causes(tiny_run, PruneSpec(sparsity=0.32)) == {}
    found = stored_causes(tiny_run, caused)
    assert found == {CauseSpec(size=2000): FOUND, CauseSpec(region="sharp"): FOUND}
    page = own_part(report_page(gather(tiny_run, caused, SPEC, compute=False)))
    assert "<h2>Does each domain need its own weights?</h2>" in page
    for row in FOUND.domains:
        assert page.count(f"<li>{verdict(row, label)}</li>") == 2
    assert page.count(quality(FOUND)) == 1
    assert page.count("3 of 3 regions are shown to be their domain's own") == 2 * 2  # and on top
    for name in ("damage-exclusive", "damage-sharp", "distance-loss"):
        assert f'<figure id="figure-{name}">' in page
    assert "--region exclusive --draws 10 --bytes 2000 --bootstraps 1000" in page
    assert "--region sharp --top 0.05 --others-top 0.05" in page
    assert "Mantel's test relabels" in page
    assert "(sharp region, top 5% minus the others' top 5%)" in page
    assert "any other domain does, and more than the other domains' regions.)" in page


def measured(run: Run, spec: EvaluationSpec) -> None:
    """Store a table in which each domain's own mask is the best, but that of the last one."""
    cells = []
    names = run.domains
    for column in (Column(kind=TEXT, name=name, domain=name, text_bytes=100) for name in names):
        for source in (DENSE, *map(of_domain, names)):
            own = 200.0 if column.name == names[-1] else 100.0
            bits = own if source.domain == column.name else 150.0
            rows = {BITS_PER_BYTE: np.array([[bits, 100.0], [bits / 2, 50.0]])}
            name = f"{spec.content_hash()}-{source.content_hash()}-{column.name}"
            write_cell(run, name, Measured(statistics=rows), seconds=1.0, device="cpu")
            sparsity = 0.0 if source == DENSE else spec.sparsities[0]
            kept = {"source": source.to_json(), "sparsity": sparsity, "column": column.to_json()}
            cells.append({**kept, "cell": name})
    write_table(run, spec.to_json(), cells)


def test_what_was_measured_is_told_where_it_is_stored(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.33)
    spec = EvaluationSpec(sparsities=(0.33,), prune=prune, text_bytes=100)
    measured(tiny_run, spec)
    assert gather(tiny_run, PruneSpec(sparsity=0.34), SPEC, compute=False).evaluations == ()
    source = gather(tiny_run, prune, SPEC, compute=False)
    assert [table.spec for table in source.evaluations] == [spec]
    page = own_part(report_page(source))
    assert "<h2>What can each sub-model still do?</h2>" in page
    assert page.count("the best value of its column in 2 of 3 domains, clearly so in 0.") == 2
    assert '<figure id="figure-bits-per-byte">' in page
    assert "<h3>How special each mask is</h3>" in page
    assert "The own mask is clearly better than the others on average in 0 of 3 domains" in page
    assert '<figure id="figure-tasks">' not in page
    assert f"analysis evaluate --run {tiny_run.id} --sparsity 0.33 --text 100 --tasks 0" in page


def tasks_measured(run: Run, spec: EvaluationSpec) -> None:
    """Store a table of a set of tasks with a measure in percent and one in bits per byte."""
    [tasks] = spec.task_sets
    column = Column(kind=TASKS, name=tasks.name, domain="", tasks=tasks)
    rows = {
        "acc (lm-eval)": np.array([[1.0, 1.0], [0.0, 1.0]]),
        BITS_PER_BYTE: np.array([[150.0, 100.0], [75.0, 50.0]]),
    }
    cells = []
    for source in (DENSE, of_domain("code")):
        name = f"{spec.content_hash()}-{source.content_hash()}"
        write_cell(run, name, Measured(statistics=rows), seconds=1.0, device="cpu")
        sparsity = 0.0 if source == DENSE else spec.sparsities[0]
        kept = {"source": source.to_json(), "sparsity": sparsity, "column": column.to_json()}
        cells.append({**kept, "cell": name})
    write_table(run, spec.to_json(), cells)


@pytest.mark.parametrize(
    ("sparsity", "tasks", "held_out"),
    [
        (0.36, built_in("math", 2), True),
        (0.37, TaskSpec(name="pets", kind=HARNESS, source=""), False),
    ],
)
def test_a_figure_of_tasks_has_one_direction_and_says_what_is_held_out(
    sparsity: float, tasks: TaskSpec, held_out: bool, tiny_run: Run
) -> None:
    prune = PruneSpec(sparsity=sparsity)
    spec = EvaluationSpec(sparsities=(sparsity,), prune=prune, text_bytes=0, task_sets=(tasks,))
    tasks_measured(tiny_run, spec)
    section = evaluations(gather(tiny_run, prune, SPEC, compute=False))
    assert section is not None
    percent_of, bits = [part for part in section.parts if isinstance(part, Figure)]
    assert set(percent_of.chart.table["measure"]) == {"acc (lm-eval)"}
    assert set(bits.chart.table["measure"]) == {BITS_PER_BYTE}
    assert "in percent; higher is better" in percent_of.caption
    assert "in bits per byte; lower is better" in bits.caption
    for figure in (percent_of, bits):
        assert figure.caption.startswith("Held-out tasks, " if held_out else "Tasks, ")
        assert (NOT_COMPARED in figure.caption) != held_out


@pytest.mark.parametrize(
    ("prune", "caption", "method"),
    [
        (
            PruneSpec(sparsity=0.625),
            "62.5% sparsity; Wanda score within each row",
            "within each row; of n weights the ⌊n·s⌋ lowest are pruned at sparsity s = 0.625;",
        ),
        (
            PruneSpec(pattern="2:4"),
            "2:4 pattern (50% sparsity); Wanda score",
            "within each block of 4 consecutive inputs of a row; the highest are kept, 2 of 4",
        ),
        (
            PruneSpec(allocation="owl"),
            "50% sparsity on average; Wanda score within each row; layers pruned by their outliers "
            "(OWL)",
            "pruned at its layer's sparsity s; equal scores",
        ),
    ],
    ids=["row", "pattern", "owl"],
)
def test_what_was_pruned_is_what_is_said(
    prune: PruneSpec, caption: str, method: str, source: Source
) -> None:
    other = replace(source, prune=prune)
    assert other.caption == f"Model: model. {caption}. Run: {source.run.id}."
    found = methods(other).html
    assert method in found
    assert ("span of 0.16" in found) == ("L. Yin" in found) == (prune.allocation == "owl")


def test_shares_are_written_as_people_do() -> None:
    written = [percent(share) for share in (0.5, 0.29, 0.625, 0.005, 1 - 0.1)]
    assert written == ["50%", "29%", "62.5%", "0.5%", "90%"]


def test_a_name_cannot_break_the_page(source: Source) -> None:
    run = source.run
    spec = replace(run.spec, model=replace(run.spec.model, source="/secret/<b>x</b>&"))
    harmful = Run(run.folder)
    harmful.spec = spec
    own = own_part(report_page(replace(source, run=harmful)))
    assert "<b>" not in own
    assert "/secret" not in own


def test_the_commands_make_the_same_run(page: str, source: Source) -> None:
    commands = re.search(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    assert commands
    calibrate = shlex.split(commands[1].split("python -m analysis")[0].replace("\\\n", " "))
    assert calibrate[:4] == ["python", "-m", "pruning", "calibrate"]
    sample = source.run.spec.sample
    for flag, value in (("--groups", sample.groups), ("--seq-len", sample.seq_len)):
        assert calibrate[calibrate.index(flag) + 1] == str(value)
    assert "--more-sparsities 0.3" in commands[1]
    assert str(source.run.folder) not in page


def test_the_commands_say_the_seed_once(source: Source) -> None:
    assert "--seed 0 --" not in reproduction(source).html.split("analysis overlap")[1]
    own = replace(source, prune=replace(source.prune, seed=3), spec=replace(source.spec, seed=3))
    lines = reproduction(own).html.split("python -m analysis ")[1:]
    assert [line.count("--seed 3") for line in lines] == [1] * len(lines)


@pytest.mark.parametrize(
    "text",
    [
        "python",
        "notes=notes.zip",
        "code=src/*.py,*.pyi",
        "chat=chats.jsonl::answer",
        r"qa=qa.csv::{question}\n{answer}",
        "math=hf:openai/gsm8k@0123:main:train:question",
        "math=hf:openai/gsm8k",
        "math=hf:openai/gsm8k:::question",
    ],
)
def test_domains_are_written_as_they_are_read(text: str) -> None:
    assert domain_line(private(parse_domain(text))) == text
