"""Evaluate: what each domain's sub-model can still do, on every domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.evaluation.captions import NOT_COMPARED, about_tasks, are_held_out
from analysis.evaluation.options import evaluation_flags
from analysis.figures.domains import label
from pages.ui.charts import show, style
from pages.ui.choices import choose_run
from pages.ui.evaluation_choices import choose_evaluation, consent_to_programs
from pages.ui.frame import sentences, title
from pages.ui.job_view import show_followed, submit
from pages.ui.library import evaluation
from pages.ui.state import choose, switch
from pages.ui.task_choices import check_files
from pages.ui.words import ago, duration, glossary
from pruning.specs import NONE
from pruning.specs.words import other_words, percent, score_words

if TYPE_CHECKING:
    from analysis.evaluation.spec import EvaluationSpec
    from analysis.evaluation.table import EvaluationTable
    from pruning.runs.run import Run

VIEWS = {"values": "values", "against-own": "against its own mask"}
ACCURACIES = (
    "Accuracy takes the likeliest choice; its length-normalised form, the likeliest per byte."
)


def draw() -> None:
    """The whole page."""
    title(
        "Evaluate",
        "Does a sub-model keep what its domain needs? Every domain's mask is measured on the text "
        "and the tasks of every domain, beside the dense model, magnitude and chance.",
    )
    run = choose_run()
    job = show_followed("evaluate")
    chosen = _earlier(run)
    with (
        st.expander(
            "Measure", icon=":material/play_arrow:", expanded=chosen is None and job is None
        ),
        sentences(),
    ):
        _measure(run, busy=job is not None and job.active)
    if chosen is None:
        return
    table = evaluation(run, *chosen)
    sparsity = _choose_sparsity(table.spec)
    _texts(table, sparsity)
    _tasks(table, sparsity)
    _curve(table)
    _everything(table)
    glossary(
        "Held-out text",
        "Bits per byte",
        "Perplexity",
        "pass@1",
        "Two draws of one domain",
        "Sparsity",
        "Magnitude score",
    )


def _earlier(run: Run) -> tuple[EvaluationSpec, float] | None:
    """The evaluation to look at, and when it was made; None if nothing has been measured."""
    from analysis.evaluation.table import stored_tables

    found = stored_tables(run)
    if not found:
        st.info(
            "Nothing of this run has been measured yet. Choose what to measure, and start.",
            icon=":material/science:",
        )
        return None
    names = {f"{_said(spec)} · {spec.content_hash()[:4]}": (spec, when) for spec, when in found}
    chosen = next(iter(names)) if len(names) == 1 else choose("Measured", list(names), "evaluation")
    st.caption(f"Measured {ago(names[chosen][1])}: {chosen}.")
    return names[chosen]


def _said(spec: EvaluationSpec) -> str:
    """What was measured, in a line."""
    parts = [", ".join(map(percent, spec.sparsities))]
    if spec.prune.block is not None:
        parts.append(spec.prune.pattern)
    if spec.prune.score != "wanda" or spec.prune.comparison_group != "row":
        parts.append(score_words(spec.prune))
    if spec.repair != NONE:
        parts.append(f"repaired ({spec.repair})")
    if spec.remove != "weights":
        parts[0] += f" of the {spec.remove} removed"
    parts += other_words(spec.prune)
    if spec.text_bytes:
        parts.append(f"{spec.text_bytes / 1000:g} kB of text a domain")
    if spec.tasks:
        parts.append(f"{spec.tasks} tasks a domain")
    parts += [each.name for each in spec.task_sets]
    if spec.meteor:
        parts.append("METEOR")
    if spec.sampling.samples > 1:
        parts.append(f"{spec.sampling.samples} programs a task")
    return " · ".join(parts)


def _measure(run: Run, *, busy: bool) -> None:
    """The form, the estimate and the button."""
    from analysis.evaluation.spec import columns_of, settings_of
    from analysis.evaluation.store import seconds_per_cell

    spec = choose_evaluation(run)
    cells = sum(len(columns) for _, _, columns in settings_of(run, spec))
    each = seconds_per_cell(run)
    st.caption(
        f"{cells} measurements"
        + (f", about {duration(cells * each)} in all, less what is known already" if each else "")
        + f". {_held_out(spec)}"
    )
    ready = not any(c.is_programs for c in columns_of(run, spec)) or consent_to_programs()
    if st.button(
        "Start measuring", type="primary", icon=":material/play_arrow:", disabled=busy or not ready
    ):
        check_files(spec.task_sets)
        argv = ["analysis", "evaluate", "--run", run.id, *evaluation_flags(spec)]
        submit("evaluate", "Measuring the sub-models", argv)


def _held_out(spec: EvaluationSpec) -> str:
    """What of the chosen texts and tasks is held out."""
    said = []
    if spec.text_bytes:
        said.append("The text is held out: no domain of this run was calibrated on it.")
    if not are_held_out(spec.task_sets):
        said.append(NOT_COMPARED)
    return " ".join(said)


def _choose_sparsity(spec: EvaluationSpec) -> float:
    if len(spec.sparsities) == 1:
        return spec.sparsities[0]
    names = [f"{sparsity:g}" for sparsity in sorted(spec.sparsities)]
    return float(
        switch("Sparsity", names, "measured", format_func=lambda name: percent(float(name)))
    )


def _view(key: str) -> str:
    return switch("Show", list(VIEWS), key, format_func=VIEWS.__getitem__)


def _texts(table: EvaluationTable, sparsity: float) -> None:
    """The matrix on held-out text."""
    from analysis.evaluation.findings import best_sentence
    from analysis.evaluation.spec import TEXT
    from analysis.evaluation.table import remarks
    from analysis.figures.evaluation import evaluation_matrix

    if not table.select(kind=TEXT):
        return
    st.header("On held-out text", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        what = switch("Measure", ("bits per byte", "perplexity"), "measure")
    with right:
        view = _view("view")
    results = table.select(measure=what, sparsity=sparsity, kind=TEXT)
    show(evaluation_matrix(results, view, style()), f"matrix-{what.replace(' ', '-')}")
    st.caption(
        "Lower is better. A frame marks the mask that is clearly the best of its column (paired test "
        "against every other, adjusted p below 0.05). Below each number stands its "
        "95% interval over documents (a studentised bootstrap); differences are paired, document by "
        f"document. {remarks(table.spec)}"
    )
    st.markdown(best_sentence(results, label))
    _specialisation(table, sparsity)


def _specialisation(table: EvaluationTable, sparsity: float) -> None:
    """How much more other masks need on a domain's text than its own: words, and numbers."""
    from analysis.evaluation.findings import specialisation_sentences
    from analysis.evaluation.specialisation import specialisation

    found = specialisation(table, sparsity)
    if found is None:
        return
    st.subheader("How special each mask is", anchor=False)
    for said in specialisation_sentences(found, label):
        st.markdown(said)
    with st.expander("Every domain in numbers", icon=":material/table_rows:"):
        st.dataframe(
            [{**row, "domain": label(row["domain"])} for row in found.table()],
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(words, format="percent")
                for name, words in (
                    ("others", "other masks need more"),
                    ("low", "95% from"),
                    ("high", "to"),
                    ("mixture", "the mixture needs more"),
                    ("another_draw", "two draws differ by"),
                )
            },
        )


def _tasks(table: EvaluationTable, sparsity: float) -> None:
    """The matrix of tasks, and apart from it that of tasks whose bits per byte are measured."""
    from analysis.evaluation.measures import measure
    from analysis.evaluation.spec import TASKS
    from analysis.figures.evaluation import evaluation_matrix

    results = table.select(sparsity=sparsity, kind=TASKS)
    if not results:
        return
    st.header("On tasks", anchor=False)
    view = _view("task-view")
    for name, words, higher in (
        ("matrix-tasks", f"Higher is better. {ACCURACIES}", True),
        ("matrix-tasks-bits-per-byte", "Bits per byte; lower is better.", False),
    ):
        chosen = [r for r in results if measure(r.measure).higher_is_better is higher]
        if chosen:
            show(evaluation_matrix(chosen, view, style()), name)
            said = about_tasks(r.column.tasks for r in chosen if r.column.tasks)
            st.caption(f"{words} {said}")


def _curve(table: EvaluationTable) -> None:
    """One column over all measured sparsities."""
    from analysis.figures.evaluation import over_sparsities

    if len(table.spec.sparsities) < 2:
        return
    st.header("Over sparsities", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        what = choose("Measure", table.measures, "curve-measure")
    columns = {r.column.name: r.column for r in table.select(measure=what)}
    with right:
        name = choose("Measured on", list(columns), "curve", format_func=label)
    results = table.select(measure=what, where=lambda r: r.column == columns[name])
    show(over_sparsities(results, style()), f"sparsities-{name}")
    st.caption(
        "The thick line, with its 95% intervals, is the mask of the domain that is measured. Chance "
        "is left out; all intervals are in the CSV."
    )


def _everything(table: EvaluationTable) -> None:
    """All numbers as one file."""
    from analysis.figures.chart import Chart
    from analysis.figures.evaluation import result_table

    chart = Chart(figure=None, table=result_table(table.results), alt="")
    st.download_button(
        f"All {len(table.results)} numbers",
        chart.csv,
        file_name="evaluation.csv",
        mime="text/csv",
        key="evaluation-csv",
        on_click="ignore",
        icon=":material/download:",
    )


draw()
