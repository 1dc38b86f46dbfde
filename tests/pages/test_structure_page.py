"""The Structure page: what it draws is the library's, in words and figures, and text is escaped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.figures.domains import label
from analysis.figures.look import LIGHT
from analysis.overlap.table import overlap_table
from analysis.structure.channels import LoudChannel, pair_spec
from analysis.structure.driving import (
    DrivenChannel,
    DrivingTokens,
    Occurrence,
    TokenShare,
    driving_tokens,
)
from analysis.structure.families import families
from analysis.structure.findings import core_sentence, families_sentence, sharp_sentence
from analysis.structure.regions import region_counts
from analysis.structure.sharp import SharpSpec, sharp_regions
from pages.ui.tokens_view import occurrences_list, tokens_table
from pruning.jobs.queue import JobQueue
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec
from tests.analysis.many_domains import many_domains
from tests.pages.conftest import Open, chart_names, healthy

READ_AGAIN = "Read the text again"


def words(app: object) -> str:
    return "\n".join(text.value for text in app.markdown)  # type: ignore[attr-defined]


def labels(app: object) -> list[str]:
    return [button.label for button in app.button]  # type: ignore[attr-defined]


def chart(app: object, name: str) -> dict:
    """The specification of the chart whose CSV button is called so."""
    index = chart_names(app).index(f"{name}-csv")  # type: ignore[arg-type]
    return json.loads(app.get("plotly_chart")[index].proto.spec)  # type: ignore[attr-defined]


def test_it_says_and_draws_what_the_library_counts(run: Run, open_page: Open) -> None:
    app = healthy(open_page("structure", sparsity="0.6"))
    prune = PruneSpec(sparsity=0.6)
    found = families(run.domains, overlap_table(run, prune).jaccard())
    regions = region_counts(run, prune)
    sharp = sharp_regions(run, prune, SharpSpec())
    for sentence in (
        families_sentence(found, label),
        core_sentence(regions),
        sharp_sentence(sharp, SharpSpec(), label),
    ):
        assert sentence in words(app)
    tree = chart(app, "family-tree")
    assert tree["layout"]["yaxis"]["ticktext"] == [f"{label(name)}  " for name in found.order]
    cells = regions.layer_by_projection(regions.core, regions.kept_by_any)[2]
    drawn = chart(app, "places-every-domain")["data"][0]
    assert drawn["x"] == [str(layer) for layer in run.layers]
    assert drawn["zmax"] == pytest.approx(cells.max())


def test_every_chart_has_a_csv(run: Run, open_page: Open) -> None:
    app = healthy(open_page("structure"))
    assert len(chart_names(app)) == len(app.get("plotly_chart")) == 12


def test_tables_go_into_papers(run: Run, open_page: Open) -> None:
    app = healthy(open_page("structure"))
    keys = {button.key for button in app.download_button}
    long = {"core-sparsities", "exclusive-sparsities"}  # a row for every percent
    names = {name.removesuffix("-csv") for name in chart_names(app)} - long
    assert {f"{name}-latex" for name in names} <= keys


def test_a_link_shows_the_same_view(run: Run, open_page: Open) -> None:
    second = run.domains[1]
    link = {"sparsity": "0.4", "core": "with the core", "places": f"{label(second)} alone"}
    link |= {"top": "0.1", "others": "0.2", "layer": "1", "input": "gate, up"}
    app = healthy(open_page("structure", **link))
    assert app.slider(key="top").value == 0.1
    assert f"places-{second}-csv" in chart_names(app)
    prune = PruneSpec(sparsity=0.4)
    spec = SharpSpec(top=0.1, others_top=0.2)
    assert sharp_sentence(sharp_regions(run, prune, spec), spec, label) in words(app)
    assert "Layer 1, input of gate, up" in [heading.value for heading in app.subheader]
    assert len(chart(app, "region-sizes")["data"][0]["x"]) == 3  # first, second, and the core


def test_only_some_layers(run: Run, open_page: Open) -> None:
    app = healthy(open_page("structure", layers="1", projections=["q_proj", "up_proj"]))
    drawn = chart(app, "places-every-domain")["data"][0]
    assert (drawn["x"], drawn["y"]) == (["1"], ["q_proj", "up_proj"])


def test_a_score_that_ignores_the_text_has_no_sharp_regions(run: Run, open_page: Open) -> None:
    app = healthy(open_page("structure", score="Magnitude"))
    assert any("ignores the text" in info.value for info in app.info)
    assert "nothing to tell apart" in words(app)


@pytest.mark.parametrize("sparsity", ["0", "0.99"])
def test_the_ends_of_the_slider(sparsity: str, run: Run, open_page: Open) -> None:
    healthy(open_page("structure", sparsity=sparsity))


def test_a_large_model_is_counted_as_a_job(
    run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.overlap.table.CURVE_LIMIT", 0)
    app = healthy(open_page("structure", sparsity="0.6", layers="1"))
    assert "family-tree-csv" not in chart_names(app)
    assert "Channels" in [heading.value for heading in app.header]  # need no counting
    [start] = [button for button in app.button if button.label == "Count the regions"]
    app = healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[:4] == ("-m", "analysis", "structure", "--run")
    for flag, value in (("--sparsity", "0.6"), ("--layers", "1")):
        assert job.argv[job.argv.index(flag) + 1] == value
    assert "Count the regions" not in labels(app)
    prune = PruneSpec(sparsity=0.6, layers=(1,))  # what the job would do
    overlap_table(run, prune)
    region_counts(run, prune)
    queue = JobQueue(Workspace(run.folder.parents[1]))
    queue.start_next()
    queue.finish(job.id, "done")
    app = healthy(open_page("structure", sparsity="0.6", layers="1"))
    assert "family-tree-csv" in chart_names(app)
    assert "Find the sharp regions" in labels(app)


@pytest.fixture
def crowded(calibrated: Path, empty: Path) -> Run:
    """A run of 13 domains in the workspace that the app uses."""
    return many_domains(Workspace(calibrated / "workspace").runs()[0], empty)


def test_of_too_many_domains_all_but_the_regions_is_shown(crowded: Run, open_page: Open) -> None:
    app = healthy(open_page("structure"))
    assert any("at most 12 domains; this run has 13" in info.value for info in app.info)
    assert {"family-tree-csv", "sharp-sizes-csv"} <= set(chart_names(app))
    assert "region-sizes-csv" not in chart_names(app)
    assert "Channels" in [heading.value for heading in app.header]


def test_too_many_domains_of_a_large_model_wait_for_no_regions(
    crowded: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.overlap.table.CURVE_LIMIT", 0)
    assert "Compare the domains" in labels(healthy(open_page("structure")))
    overlap_table(crowded, PruneSpec())  # what the job would do
    app = healthy(open_page("structure"))
    assert "family-tree-csv" in chart_names(app)
    assert "Find the sharp regions" in labels(app)


def test_the_text_is_read_again_as_a_job(run: Run, open_page: Open) -> None:
    first, second = run.domains
    app = healthy(open_page("structure", layer="1", input="down"))
    [start] = [button for button in app.button if button.label == READ_AGAIN]
    app = healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    at = job.argv.index("--domains")
    assert job.argv[2] == "channels"
    assert job.argv[at + 1 : at + 3] == (first, second)
    assert "--layers" not in job.argv  # a small model is read whole
    assert READ_AGAIN not in labels(app)


def test_what_drives_a_channel_is_shown(run: Run, open_page: Open) -> None:
    first, second = run.domains
    found = driving_tokens(run, pair_spec(run, first, second), [1], ["down_proj"])
    [driven] = found.values()
    app = healthy(open_page("structure", layer="1", input="down", first=second, second=first))
    assert READ_AGAIN not in labels(app)
    shown = "".join(each.proto.body for each in app.get("html"))
    for each in driven:
        assert f">{each.channel.channel}</td>" in shown
    assert f"{driven[0].domains[0].occurrences[0].activation:+.3g}" in shown


def test_one_domain_alone_is_said_in_words(
    run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "_understand", _of_one_domain(Run._understand))
    app = healthy(open_page("structure"))
    assert "one domain only" in app.info[0].value
    assert not app.get("plotly_chart")


def _of_one_domain(read: Callable[[Run], None]) -> Callable[[Run], None]:
    def patched(run: Run) -> None:
        read(run)
        run.domains = run.domains[:1]

    return patched


def test_text_of_anybody_is_escaped() -> None:
    evil = '<script>alert("x")</script>'
    tokens = tuple(
        DrivingTokens(
            domain=name,
            tokens=(TokenShare(token=evil, count=1, share=0.5),),
            occurrences=(Occurrence(before=evil, token=" \n", after="\nb  c", activation=-2.0),),
        )
        for name in ("<b>", "math")
    )
    loud = LoudChannel(channel=3, rms_a=1, rms_b=2, ratio=2.0, low=1, high=4)
    driven = DrivenChannel(channel=loud, domains=(tokens[0], tokens[1]))
    for html in (tokens_table([driven], LIGHT), occurrences_list(tokens[0], "#112233", LIGHT)):
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert "<b>" not in html
    assert "␣⏎" in occurrences_list(tokens[0], "#112233", LIGHT)
    silent = DrivingTokens(domain="math", tokens=(), occurrences=())
    assert "silent" in occurrences_list(silent, "#112233", LIGHT)
