"""The test of the differences on the Overlap page: offered as a job, then shown from what is stored."""

from __future__ import annotations

from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.findings import is_enough, learning_sentence, sentence
from analysis.evidence.learning_curve import learning_curves
from analysis.evidence.testing import evidence
from pruning.jobs.queue import JobQueue
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec
from tests.pages.conftest import Open, chart_names, healthy

START = "Test the differences"
EXACT = "Count all rows"


def labels(app: object) -> list[str]:
    return [button.label for button in app.button]  # type: ignore[attr-defined]


def test_it_is_offered_and_started_for_what_is_chosen(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", sparsity="0.6", layers="1", projections=["q_proj"]))
    assert "distinctness-csv" not in chart_names(app)
    [start] = [button for button in app.button if button.label == START]
    app = healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[:4] == ("-m", "analysis", "evidence", "--run")
    for flag, value in (("--sparsity", "0.6"), ("--layers", "1"), ("--projections", "q_proj")):
        assert job.argv[job.argv.index(flag) + 1] == value
    assert START not in labels(app)


def test_what_is_known_is_shown_in_a_chart_and_a_sentence(run: Run, open_page: Open) -> None:
    prune = PruneSpec(sparsity=0.6)
    [pair] = evidence(run, prune, EvidenceSpec())
    app = healthy(open_page("overlap", sparsity="0.6"))
    assert START not in labels(app)
    assert "distinctness-csv" in chart_names(app)
    assert sentence(pair) in [text.value for text in app.markdown]
    assert any("A filled dot: p below 0.05, adjusted" in text.value for text in app.caption)
    assert START in labels(healthy(open_page("overlap", sparsity="0.5")))


def test_what_was_asked_on_the_command_line_is_shown_too(run: Run, open_page: Open) -> None:
    prune = PruneSpec(sparsity=0.6)
    evidence(run, prune, EvidenceSpec(permutations=19, bootstraps=5, splits=2, rows=2))
    exact = EvidenceSpec(permutations=39, bootstraps=5, splits=2, rows=0)
    [pair] = evidence(run, prune, exact)
    curves = learning_curves(run, prune, exact)
    app = healthy(open_page("overlap", sparsity="0.6"))
    assert START not in labels(app)
    words = [text.value for text in app.markdown]
    assert sentence(pair) in words
    assert is_enough(curves, [pair]) in words
    assert any(text.value.startswith("All rows of every matrix") for text in app.caption)
    assert EXACT not in labels(app)


def test_every_row_can_be_counted(run: Run, open_page: Open) -> None:
    evidence(run, PruneSpec(sparsity=0.6), EvidenceSpec())
    app = healthy(open_page("overlap", sparsity="0.6"))
    [exact] = [button for button in app.button if button.label == EXACT]
    app = healthy(exact.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    for flag, value in (("--sparsity", "0.6"), ("--rows", "0"), ("--permutations", "200")):
        assert job.argv[job.argv.index(flag) + 1] == value
    assert EXACT not in labels(app)


def test_every_layer_and_projection_has_its_yardsticks(run: Run, open_page: Open) -> None:
    [pair] = evidence(run, PruneSpec(sparsity=0.6), EvidenceSpec())
    app = healthy(open_page("overlap", sparsity="0.6", parts="by projection"))
    names = chart_names(app)
    assert {"distinctness-by-layer-csv", "distinctness-by-projection-csv"} <= set(names)
    [table] = [each.value for each in app.dataframe if "projection" in each.value]
    assert list(table["projection"]) == [row.part for row in pair.projections]
    assert list(table["magnitude_a"]) == [row.magnitude_a for row in pair.projections]
    assert list(table["adjusted_p"]) == [row.adjusted_p for row in pair.projections]


def test_learning_curves_are_shown_in_words_too(run: Run, open_page: Open) -> None:
    prune = PruneSpec(sparsity=0.6)
    tested = evidence(run, prune, EvidenceSpec())
    assert "learning-csv" not in chart_names(healthy(open_page("overlap", sparsity="0.6")))
    curves = learning_curves(run, prune, EvidenceSpec())
    app = healthy(open_page("overlap", sparsity="0.6"))
    assert "learning-csv" in chart_names(app)
    words = [text.value for text in app.markdown]
    assert is_enough(curves, tested) in words
    assert learning_sentence(curves[0]) in words


def test_other_sparsities_are_offered_then_drawn(run: Run, open_page: Open) -> None:
    for sparsity in (0.1, 0.6):
        evidence(run, PruneSpec(sparsity=sparsity), EvidenceSpec())
    app = healthy(open_page("overlap", sparsity="0.6"))
    assert {"yardsticks-sparsity-csv", "index-sparsity-csv"} <= set(chart_names(app))
    [more] = [button for button in app.button if button.label == "Test these sparsities too"]
    healthy(more.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[job.argv.index("--sparsity") + 1] == "0.3"
    assert job.argv[job.argv.index("--more-sparsities") + 1] == "0.5,0.7,0.9"


def test_scores_that_ignore_the_text_are_not_tested(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", score="Magnitude"))
    assert START not in labels(app)
    assert any("evidence is for the score 'wanda'" in info.value for info in app.info)
