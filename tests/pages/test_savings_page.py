"""The Savings page: shows what was measured, and measures as a job what was not."""

import json

from analysis.savings.measure import savings
from analysis.savings.speed import Workload
from pages.ui.library import queue
from pruning.runs.run import Run
from pruning.specs import ExportSpec, NarrowSpec, PruneSpec
from tests.pages.conftest import Open, chart_names, healthy


def test_what_was_not_measured_becomes_a_job(run: Run, open_page: Open) -> None:
    app = healthy(open_page("savings", sparsity="0.6"))
    assert "was not measured" in app.info[0].value
    next(b for b in app.button if b.label == "Measure it").click()
    healthy(app.run())
    (job,) = queue().list()
    assert job.argv[1:3] == ("analysis", "savings")
    spec = ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert spec.prune.sparsity == 0.6


def test_what_was_measured_is_shown(run: Run, open_page: Open) -> None:
    spec = ExportSpec(run=run.id, mixture=((run.domains[0], 1.0),))
    found = savings(run, spec, Workload(prompt=4, new=1, repeats=1))
    app = healthy(open_page("savings"))
    assert not app.info
    assert len([name for name in chart_names(app) if "csv" in name]) >= 4
    small = f"**{found.disk['bit masks'] / found.disk['dense']:.0%}**"
    assert any(small in text.value for text in app.markdown)


def test_repair_and_removal_are_part_of_the_choice(run: Run, open_page: Open) -> None:
    app = healthy(open_page("savings", repair="ALPS"))
    assert any("The repair takes about" in text.value for text in app.caption)
    next(b for b in app.button if b.label == "Measure it").click()
    healthy(app.run())
    (job,) = queue().list()
    spec = ExportSpec.from_json(json.loads((job.folder / "spec.json").read_text()))
    assert (spec.repair, spec.narrow) == ("alps", None)
    app = healthy(open_page("savings", remove="Channels"))
    assert not any("The repair takes" in text.value for text in app.caption)
    assert any("passes through the model again" in text.value for text in app.caption)


def test_parts_removed_are_told_beside_the_dense_model(run: Run, open_page: Open) -> None:
    narrow = NarrowSpec(layers=1.0)
    spec = ExportSpec(
        run=run.id,
        mixture=((run.domains[0], 1.0),),
        prune=PruneSpec(sparsity=0.0),
        narrow=narrow,
    )
    found = savings(run, spec, Workload(prompt=4, new=1, repeats=1))
    app = healthy(open_page("savings", remove="Layers"))
    assert not app.info
    share = (
        f"**{found.disk['parts removed'] / found.disk['dense']:.0%}** of the weight files' bytes"
    )
    assert any(share in text.value for text in app.markdown)
