"""`structure` and `channels` on the command line: the library's numbers, and sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.structure.regions import region_counts
from pruning.commands.console import QUIET
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.analysis.many_domains import many_domains

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def flags(command: str, run: Run, *more: str) -> list[str]:
    return [command, "--run", run.id, "--workspace", str(run.folder.parents[1]), *more]


def test_structure_prints_tree_regions_and_sharp_regions(tiny_run: Run, capsys: Capture) -> None:
    more = ("--sparsity", "0.6", "--top", "0.1", "--others-top", "0.2")
    assert main(flags("structure", tiny_run, *more, "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    assert set(data["families"]["order"]) == set(tiny_run.domains)
    assert len(data["families"]["merges"]) == 2
    regions = region_counts(tiny_run, PruneSpec(sparsity=0.6))
    sizes = {frozenset(row["kept_by"]): row["weights"] for row in data["regions"]}
    assert sizes[frozenset(tiny_run.domains)] == regions.counts[:, 7].sum()
    assert sum(sizes.values()) == regions.total.sum()
    assert len(data["cells"]) == len(tiny_run.weights)
    core = regions.layer_by_projection(regions.core, regions.kept_by_any)[2]
    assert data["cells"][0]["core"] == core[0, 0]
    assert data["sharp_spec"] == {"top": 0.1, "others_top": 0.2}
    assert [row["domain"] for row in data["sharp"]] == list(tiny_run.domains)
    assert len(data["sentences"]) == 7
    assert main(flags("structure", tiny_run, *more)) == 0
    out = capsys.readouterr().out
    assert all(sentence in out for sentence in data["sentences"])
    assert "kept by exactly" in out


def test_a_score_that_ignores_the_text_has_no_sharp_regions(tiny_run: Run, capsys: Capture) -> None:
    more = ("--sparsity", "0.5", "--score", "magnitude", "--json")
    assert main(flags("structure", tiny_run, *more)) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["sharp"] == []
    assert data["families"]["explained"] is None
    assert "nothing to tell apart" in data["sentences"][0]


def test_of_too_many_domains_all_but_the_regions_is_printed(
    tiny_run: Run, tmp_path: Path, capsys: Capture
) -> None:
    run = many_domains(tiny_run, tmp_path)
    assert main(flags("structure", run, "--sparsity", "0.5", "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["families"]["merges"]) == 12
    assert data["regions"] == data["cells"] == []
    assert [row["domain"] for row in data["sharp"]] == list(run.domains)
    [said] = [sentence for sentence in data["sentences"] if "at most 12 domains" in sentence]
    assert main(flags("structure", run, "--sparsity", "0.5")) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert said in out
    assert "kept by exactly" not in out
    assert "sharp weights" in out


def test_channels_prints_what_drives_them(tiny_run: Run, capsys: Capture) -> None:
    more = ("--domains", "sums", "code", "--layers", "0", "--projections", "v_proj")
    assert main(flags("channels", tiny_run, *more, "--channels", "1", "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["pair"] == {"domain_a": "code", "domain_b": "sums", "channels": 1}
    [only] = data["inputs"]
    assert (only["layer"], only["input_of"]) == (0, "self_attn.q_proj")
    assert [each["channel"]["ratio"] > 1 for each in only["channels"]] == [True, False]
    assert only["channels"][0]["domains"][0]["tokens"][0]["share"] > 0
    assert main(flags("channels", tiny_run, *more, "--channels", "1")) == 0
    assert str(only["channels"][0]["channel"]["channel"]) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("structure",), "--sparsity 0.5"),
        (("structure", "--sparsity", "0.5", "--top", "0"), "top share"),
        (("structure", "--sparsity", "0.5", "--layers", "9"), "no layer 9"),
        (("structure", "--sparsity", "0.5", "--pattern", "3:7"), "3:7"),
        (("channels", "--domains", "code", "code"), "two different"),
        (("channels", "--domains", "code", "poems"), "no domain 'poems'"),
        (("channels", "--domains", "code", "sums", "--projections", "x"), "no projection x"),
        (("channels", "--domains", "code", "sums", "--channels", "0"), "at least 1"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], words: str, tiny_run: Run, capsys: Capture
) -> None:
    assert main(flags(arguments[0], tiny_run, *arguments[1:])) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err
