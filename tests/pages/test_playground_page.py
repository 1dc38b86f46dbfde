"""The Playground page: what is asked is what was chosen, and what is shown is what was written."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from analysis.execution import Outcome
from analysis.figures.look import look
from analysis.playground.client import Generation
from analysis.playground.prompts import prompts
from analysis.playground.records import GenerationSpec, Passage, Sampling, SubModel, Token
from analysis.playground.waiting import TOO_LARGE
from pages.ui import playground_live
from pages.ui.playground_view import Column, grid, last_line, shade, sheet, tokens_csv
from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.specs import NarrowSpec, PruneSpec
from tests.pages.conftest import Open, healthy

COLUMNS = (
    Column(name="Dense", detail="the whole model", colour="#000"),
    Column(name="Code", detail="50% pruned", colour="#0b6e75"),
)


def token(identifier: int, text: str, probability: float = 0.95, rank: int = 1) -> Token:
    return Token(
        id=identifier, text=text, probability=probability, rank=rank, seconds=0.1,
        others=(("<i>", 0.04),),
    )  # fmt: skip


DENSE = Passage(
    tokens=(token(1, "a"), token(2, " <b>", 0.6), token(3, "\n", 0.01, 7)),
    ended="end of text",
    prompt_seconds=0.1,
    seconds=1.5,
)
OTHER = replace(DENSE, tokens=(*DENSE.tokens[:2], token(9, "é", 0.3, 2)), ended="length")


class Scripted:
    """A playground without a process: it remembers what it is asked, and answers at once."""

    def __init__(self) -> None:
        self.known: dict[str, Generation] = {}
        self.stopped: list[str] = []
        self.status: Any = "done"

    def submit(self, spec: GenerationSpec, model: str) -> str:
        if spec.prompt == "full":
            raise InputError("20 requests wait.")
        identifier = f"id{len(self.known)}"
        passages = (DENSE, *(OTHER for _ in spec.submodels))
        self.known[identifier] = Generation(
            id=identifier, spec=spec, model=model, status=self.status, passages=passages,
            before=2, failure="It broke." if self.status == "failed" else "",
        )  # fmt: skip
        return identifier

    def view(self, identifier: str) -> Generation | None:
        return self.known.get(identifier)

    def stop(self, identifier: str) -> None:
        self.stopped.append(identifier)

    def only(self) -> Generation:
        (found,) = self.known.values()
        return found


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    made = Scripted()
    monkeypatch.setattr(playground_live, "playground", lambda: made)
    return made


def write(app: AppTest) -> AppTest:
    app.button(key="write").click()
    return app.run()


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def test_what_is_asked_is_what_was_chosen(run: Run, open_page: Open, scripted: Scripted) -> None:
    app = open_page(
        "playground", for1="prose", pattern1="2:4", for2=["code", "prose"], sparsity2="0.7"
    )
    app.text_area(key="playground-prompt").set_value("def add")
    app = healthy(write(app))
    found = scripted.only()
    assert found.spec == GenerationSpec(
        run=run.id,
        prompt="def add",
        submodels=(
            SubModel(mixture=(("prose", 1.0),), prune=PruneSpec(pattern="2:4")),
            SubModel(mixture=(("code", 1.0), ("prose", 1.0)), prune=PruneSpec(sparsity=0.7)),
        ),
        sampling=Sampling(),
    )
    assert run.manifest.fingerprint in found.model
    assert "id0" in app.query_params["generation"]
    shown = html(app)
    assert "identical to dense" not in shown
    assert shown.count("parts after 2 tokens") == 2
    assert "70% pruned" in shown
    assert "2:4 pruned" in shown


def test_repair_and_channels_are_in_the_address_with_their_cost(
    run: Run, open_page: Open, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = {"for1": "prose", "sparsity1": "0.6", "repair1": "ALPS", "for2": "code",
               "remove2": "Feed-forward channels", "channels2": "0.3"}  # fmt: skip
    app = healthy(open_page("playground", **address))
    captions = [caption.value for caption in app.caption]
    assert any("The repair takes about" in each for each in captions)
    assert any("calibrating these domains three times" in each for each in captions)
    app = healthy(write(app))
    assert scripted.only().spec.submodels == (
        SubModel(mixture=(("prose", 1.0),), prune=PruneSpec(sparsity=0.6), repair="alps"),
        SubModel(
            mixture=(("code", 1.0),),
            prune=PruneSpec(sparsity=0.0),
            narrow=NarrowSpec(channels=0.3),
        ),
    )
    assert "60% pruned, repaired (alps)" in html(app)
    assert "30% of channels gone" in html(app)
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 0)
    app = healthy(open_page("playground", **address))
    assert [caption.value for caption in app.caption].count(TOO_LARGE) == 2


def test_drawn_tokens(run: Run, open_page: Open, scripted: Scripted) -> None:
    drawn = {"choice": "drawn at random", "temperature": "1.2", "top_p": "0.9"}
    write(open_page("playground", **drawn, **{"sampling-seed": "7", "answer-length": "40"}))
    expected = Sampling(temperature=1.2, top_p=0.9, seed=7, max_tokens=40)
    assert scripted.only().spec.sampling == expected


def test_an_example_at_a_click(run: Run, open_page: Open, scripted: Scripted) -> None:
    app = open_page("playground", prompts="Math", draw="3")
    task = prompts("math", count=4, seed=3)[2]
    assert app.button(key="example-2").label.startswith(task.title[:80])
    app.button(key="example-2").click()
    app = app.run()
    assert app.text_area(key="playground-prompt").value == task.text
    app = healthy(write(app))
    assert scripted.only().spec.stops == task.stops
    assert task.expected.strip("\n") in [code.value for code in app.code]
    app.button(key="others").click()
    app = app.run()
    assert "4" in app.query_params["draw"]
    following = prompts("math", count=4, seed=4)
    assert app.button(key="example-2").label.startswith(following[2].title[:80])
    assert app.text_area(key="playground-prompt").value == task.text
    assert app.code  # the clicked task is still known


def test_a_link_finds_a_generation_again(run: Run, open_page: Open, scripted: Scripted) -> None:
    spec = GenerationSpec(run=run.id, prompt="once more")
    scripted.submit(spec, "model")
    app = healthy(open_page("playground", generation="id0"))
    assert app.text_area(key="playground-prompt").value == "once more"
    assert 'class="pg-card"' in html(app)
    gone = healthy(open_page("playground", generation="unknown"))
    assert 'class="pg-card"' not in html(gone)


def test_stop_and_waiting_in_line(run: Run, open_page: Open, scripted: Scripted) -> None:
    scripted.status = "waiting"
    app = healthy(write(open_page("playground")))
    assert any("2 requests are answered before yours" in text.value for text in app.markdown)
    app.button(key="stop-id0").click()
    app.run()
    assert scripted.stopped == ["id0"]


def test_a_new_request_takes_the_place_of_the_old_one(
    run: Run, open_page: Open, scripted: Scripted
) -> None:
    scripted.status = "running"
    app = write(open_page("playground"))
    write(app)
    assert scripted.stopped == ["id0"]
    assert set(scripted.known) == {"id0", "id1"}


@pytest.mark.parametrize(
    ("prompt", "status", "words"),
    [
        (" ", "done", "Write a prompt"),
        ("full", "done", "20 requests"),
        ("a", "failed", "It broke."),
    ],
)
def test_trouble_is_a_sentence(
    prompt: str, status: str, words: str, run: Run, open_page: Open, scripted: Scripted
) -> None:
    scripted.status = status
    app = open_page("playground")
    app.text_area(key="playground-prompt").set_value(prompt)
    app = write(app)
    assert not app.exception
    assert words in app.error[0].value


def test_programs_run_after_consent_only(
    run: Run, open_page: Open, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def run_tested(sandbox: Any, language: str, text: str, limits: Any) -> Outcome:
        ran.append(text)
        return Outcome(status="passed" if len(ran) == 1 else "failed", stderr="AssertionError")

    class Box:
        name, kind, guarantees = "a box", "box", ("nothing gets out",)

    survey = type("Survey", (), {"sandbox": Box(), "refusal": ""})
    monkeypatch.setattr("analysis.execution.survey", survey)
    monkeypatch.setattr("analysis.execution.run_tested", run_tested)
    monkeypatch.setattr("analysis.execution.require_language", lambda *_: None)
    app = open_page("playground", prompts="Python")
    app.button(key="example-0").click()
    app = write(app.run())
    app.button(key="run-programs").click()
    app = app.run()
    assert ran == []
    assert any("shut in by a box" in text.value for text in app.markdown)
    app.button(key="consent").click()
    app = healthy(app.run())
    task = prompts("python", count=4)[0]
    passages = scripted.only().passages
    assert len(ran) == len(passages)
    assert task.text + passages[0].text in ran[0]
    assert "{program}" not in ran[0]
    said = " ".join(text.value for text in app.markdown)
    assert "It passed every test." in said
    assert "It failed a test" in said
    write(app).button(key="run-programs").click()
    assert len(ran) == len(passages)


def test_without_a_sandbox_programs_are_refused(
    run: Run, open_page: Open, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = type("Survey", (), {"sandbox": None, "refusal": "Install bubblewrap."})
    monkeypatch.setattr("analysis.execution.survey", survey)
    app = open_page("playground", prompts="Python")
    app.button(key="example-0").click()
    app = write(app.run())
    app.button(key="run-programs").click()
    app = healthy(app.run())
    assert "Install bubblewrap." in [info.value for info in app.info]


def test_text_of_a_model_is_escaped_and_shaded() -> None:
    shown = grid(COLUMNS, (DENSE, OTHER), 'say "<script>":')
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown
    assert '<span class="pg-1" title="“ &lt;b&gt;”: 60%, first choice' in shown
    assert 'class="pg-4" title="“↵”: 1.0%, choice number 7' in shown
    assert '<span class="pg-return">↵</span>\n' in shown
    assert shown.count("pg-fork") == 1
    assert shown.index("pg-fork") < shown.index(">é<")
    assert "Here <code>“é”</code> (30%); the dense model <code>“↵”</code> (1.0%)." in shown
    assert "1.6 s" in shown
    assert "2 tokens/s" in shown


def test_identical_passages_and_one_that_ends_sooner() -> None:
    assert "identical to dense" in grid(COLUMNS, (DENSE, DENSE), "a")
    short = replace(DENSE, tokens=DENSE.tokens[:1])
    shown = grid(COLUMNS, (DENSE, short), "a")
    assert "parts after 1 token<" in shown
    assert "Here it ends; the dense model <code>“ &lt;b&gt;”</code> (60%)." in shown
    writing = replace(DENSE, tokens=DENSE.tokens[:1], ended=None)
    assert "same so far" in grid(COLUMNS, (DENSE, writing), "a", writing=1)


def test_while_text_streams_in_certain_tokens_are_one_span() -> None:
    passage = Passage(tokens=tuple(token(n, f" {n}") for n in range(5)))
    shown = grid(COLUMNS[:1], (passage,), "a", writing=0)
    assert "> 0 1 2 3 4<" in shown
    assert "title=" not in shown
    assert "pg-caret" in shown


def test_tokens_of_one_character_are_one_span() -> None:
    passage = Passage(tokens=(token(1, "", 0.5), token(2, "é", 0.5)), ended="length", rest="\ufffd")
    shown = grid(COLUMNS[:1], (passage,), "a")
    assert shown.count('class="pg-2"') == 1  # 25% together
    assert "\ufffd</div>" in shown


def test_the_table_has_every_token() -> None:
    rows = tokens_csv(COLUMNS, (DENSE, OTHER)).splitlines()
    assert len(rows) > 6
    assert rows[1] == "Dense,the whole model,0,1,a,0.95,1,0.1000"


@pytest.mark.parametrize(
    ("probability", "number"), [(1, 0), (0.9, 0), (0.89, 1), (0.2, 2), (0.06, 3), (0, 4)]
)
def test_shades(probability: float, number: int) -> None:
    assert shade(probability) == number


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("dark", [False, True])
def test_shaded_text_can_be_read(dark: bool) -> None:
    """At least 4.5:1 between text and shade, and shades that differ steadily in lightness."""
    from pages.ui.playground_view import DARK, LIGHT

    ink = luminance(look(dark).ink)
    found = [luminance(colour) for colour in (DARK if dark else LIGHT)[1:]]
    for value in found:
        low, high = sorted((ink, value))
        assert (high + 0.05) / (low + 0.05) >= 4.5
    assert found == sorted(found, reverse=not dark)


def test_the_sheet_knows_how_many_stand_side_by_side() -> None:
    assert "--pg-columns:3;" in sheet(look(False), 3)
    assert "--pg-columns:2;" in sheet(look(True), 4)
    style = sheet(look(True), 4)
    used = set(re.findall(r"var\((--pg-[\w-]+)", style))
    assert used - set(re.findall(r"(--pg-[\w-]+):", style)) == {"--pg-colour"}  # of each card


def test_the_last_line_of_a_prompt() -> None:
    assert last_line("def f():\n    # sum\n") == "    # sum\n"
    assert last_line("Question: a\nAnswer:") == "Answer:"
    assert last_line("one") == "one"
