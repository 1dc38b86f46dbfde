"""The Overlap page: what it draws is the library's table, and its choices live in the address."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from analysis.captions import about
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.findings import sentence
from analysis.evidence.parts import evidence_of_parts
from analysis.evidence.testing import evidence
from analysis.overlap import table as overlap
from analysis.overlap.owners import owners
from analysis.overlap.part_scores import overlap_of_parts, part_scores
from analysis.overlap.table import overlap_table
from pruning.jobs.queue import JobQueue
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec
from tests.pages.conftest import Open, chart_names, healthy


def matrix(app: object, index: int = 0) -> dict:
    """The first trace of a chart on the page."""
    return json.loads(app.get("plotly_chart")[index].proto.spec)["data"][0]  # type: ignore[attr-defined]


def test_a_link_shows_the_same_view(run: Run, open_page: Open) -> None:
    link = {"run": run.id, "sparsity": "0.3", "score": "Magnitude", "sets": "prune"}
    app = healthy(open_page("overlap", **link))
    assert app.slider(key="sparsity").value == 0.3
    assert app.selectbox(key="score").value == "magnitude"
    assert "Overlap of pruned weights" in [heading.value for heading in app.subheader]


def test_it_draws_the_table(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", sparsity="0.6"))
    table = overlap_table(run, PruneSpec(sparsity=0.6))
    drawn = matrix(app)
    assert drawn["x"] == list(run.domains)
    expected = table.jaccard()
    words = " ".join(text.value for text in app.markdown)
    assert f"{expected[0, 1]:.1%} of kept weights" in words
    chance = table.chance()[0, 1]
    assert f"Chance level: {chance:.1%}" in words
    assert drawn["zmin"] == pytest.approx(expected[0, 1] - 0.01)


def test_every_chart_has_a_csv(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap"))
    assert len(app.get("plotly_chart")) == 4
    assert len(chart_names(app)) == 4 + 1  # and that of the table of pairs


def test_tables_for_a_paper_say_where_they_come_from(run: Run) -> None:
    said = about(run, PruneSpec(sparsity=0.35, layers=(1,)))
    assert (
        said == f"Model: base. 35% sparsity; Wanda score within each row; layers 1. Run: {run.id}."
    )


def test_the_table_of_pairs(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", sparsity="0.6"))
    table = overlap_table(run, PruneSpec(sparsity=0.6))
    [shown] = app.dataframe
    assert list(shown.value.columns) == ["pair", "overlap", "chance"]
    assert shown.value["overlap"].tolist() == [table.jaccard()[0, 1]]
    assert any("test the differences" in caption.value.lower() for caption in app.caption)
    [pair] = evidence(run, PruneSpec(sparsity=0.6), EvidenceSpec())
    app = healthy(open_page("overlap", sparsity="0.6"))
    assert app.dataframe[0].value["index"].tolist() == [pair.whole.index]
    assert f"p = {pair.whole.p:.2g}" in matrix(app)["text"][0][1]


def test_the_picture_s_format_is_one_choice_for_all_charts(run: Run, open_page: Open) -> None:
    def formats(app: object) -> set[str]:
        charts = app.get("plotly_chart")  # type: ignore[attr-defined]
        return {json.loads(c.proto.config)["toImageButtonOptions"]["format"] for c in charts}

    app = healthy(open_page("overlap"))
    assert formats(app) == {"svg"}
    first, *_, last = [radio for radio in app.radio if (radio.key or "").endswith("-picture")]
    app = healthy(first.set_value("png").run())
    assert formats(app) == {"png"}
    last = app.radio(key=last.key)
    assert last.value == "png"
    assert formats(healthy(last.set_value("svg").run())) == {"svg"}


def test_the_report_can_be_downloaded(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap"))
    assert "report" in [button.key for button in app.download_button]


def test_controls_are_live(run: Run, open_page: Open) -> None:
    app = open_page("overlap")
    seen = []
    for sparsity in (0.1, 0.5, 0.9):
        healthy(app.slider(key="sparsity").set_value(sparsity).run())
        seen.append(matrix(app)["zmin"])
    assert all(later < earlier for earlier, later in pairwise(seen))
    healthy(app.selectbox(key="pattern").set_value("2:4").run())
    assert app.slider(key="implied-2:4").disabled
    assert app.slider(key="implied-2:4").value == 0.5


def test_magnitude_gives_every_domain_the_same_mask(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", score="Magnitude"))
    assert matrix(app)["zmin"] == pytest.approx(1.0, abs=0.011)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"pattern": "5:4"}, "5:4"),
        ({"pattern": "many"}, "many"),
        ({"pattern": "2:7"}, "does not divide"),
    ],
)
def test_a_bad_pattern_is_a_sentence(
    run: Run, open_page: Open, link: dict[str, str], sentence: str
) -> None:
    app = open_page("overlap", **link)
    assert not app.exception
    assert sentence in app.error[0].value


def test_nothing_pruned_is_said_in_words(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", sparsity="0", sets="prune"))
    assert any("nothing to compare" in text.value for text in app.markdown)


def test_only_some_layers(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", layers="1", projections=["q_proj", "up_proj"]))
    table = overlap_table(run, PruneSpec()).select([1], ["q_proj", "up_proj"])
    cells = table.layer_by_projection(*run.domains)[2]
    drawn = matrix(app, 2)
    assert drawn["x"] == ["1"]
    assert drawn["y"] == ["q_proj", "up_proj"]
    assert drawn["zmin"] == pytest.approx(np.min(cells))


def test_owl_shares_out_among_the_layers_that_are_shown(run: Run, open_page: Open) -> None:
    owl = PruneSpec(allocation="owl")
    app = healthy(open_page("overlap", allocation="By outliers (OWL)", layers="1"))
    shown = overlap_table(run, replace(owl, layers=(1,))).jaccard()[0, 1]
    assert shown != overlap_table(run, owl).select([1]).jaccard()[0, 1]
    assert matrix(app)["zmin"] == pytest.approx(shown - 0.01)


def test_a_large_model_is_counted_as_a_job(
    run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "CURVE_LIMIT", 0)
    app = healthy(open_page("overlap", sparsity="0.6"))
    assert not app.get("plotly_chart")
    [start] = [button for button in app.button if button.label == "Count the overlaps"]
    healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[:4] == ("-m", "analysis", "overlap", "--run")
    assert job.argv[job.argv.index("--sparsity") + 1] == "0.6"
    assert not [button for button in app.button if button.label == "Count the overlaps"]
    overlap_table(run, PruneSpec(sparsity=0.6))  # what the job would do
    assert healthy(open_page("overlap", sparsity="0.6")).get("plotly_chart")


def test_the_curve_over_sparsities(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap"))
    drawn = json.loads(app.get("plotly_chart")[3].proto.spec)["data"][0]
    expected = [
        overlap_table(run, PruneSpec(sparsity=percent / 100)).jaccard()[0, 1]
        for percent in range(10, 100, 10)
    ]
    assert drawn["y"] == expected


def test_whole_channels_by_a_link(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", of="channels", sparsity="0.6"))
    prune = PruneSpec(sparsity=0.6)
    scores = part_scores(run, "channels", prune)
    shared = overlap_of_parts(scores, prune).jaccard()[0, 1]
    assert f"{shared:.1%} of kept channels" in " ".join(text.value for text in app.markdown)
    whose = owners(scores, prune)
    drawn = json.loads(app.get("plotly_chart")[1].proto.spec)["data"]
    named = [trace["name"] for trace in drawn[1:]]
    assert named == ["everybody", "code alone", "prose alone", "several, not all", "nobody"]
    own = app.dataframe[1].value
    assert own["unit"].tolist() == [
        row["unit"] for domain in run.domains for row in whose.own(domain)
    ]
    assert any(button.label == "Test the differences" for button in app.button)
    [pair] = evidence_of_parts(run, "channels", prune, EvidenceSpec())
    app = healthy(open_page("overlap", of="channels", sparsity="0.6"))
    assert sentence(pair, of="channels") in [text.value for text in app.markdown]


def test_parts_that_cannot_be_ranked_are_refused_in_a_sentence(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", of="heads", score="RIA"))
    assert [note.value for note in app.info if "ranked by what they contribute" in note.value]


def test_whole_layers_are_one_row(run: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", of="layers"))
    headings = [heading.value for heading in app.subheader]
    assert "Overlap of kept layers" in headings
    assert "Along the depth of the model" not in headings
    assert list(matrix(app, 1)["y"]) == ["all layers"]


def test_a_large_model_s_parts_are_compared_as_a_job(
    run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "CURVE_LIMIT", 0)
    app = healthy(open_page("overlap", of="channels"))
    assert not app.get("plotly_chart")
    [start] = [button for button in app.button if button.label == "Compare them"]
    healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[:4] == ("-m", "analysis", "overlap", "--run")
    assert job.argv[job.argv.index("--of") + 1] == "channels"
    part_scores(run, "channels", PruneSpec())  # what the job would read
    assert healthy(open_page("overlap", of="channels")).get("plotly_chart")
