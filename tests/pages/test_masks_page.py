"""The Masks page: what it draws are the masks themselves."""

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from analysis.overlap.masks_view import block_view
from pruning.masks.making import run_masks
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.pages.conftest import Open, chart_names, healthy


def drawn(app: AppTest, index: int) -> np.ndarray:
    """The values of a heatmap on the page."""
    z = json.loads(app.get("plotly_chart")[index].proto.spec)["data"][0]["z"]
    shape = tuple(int(length) for length in z["shape"].split(","))
    return np.frombuffer(base64.b64decode(z["bdata"]), z["dtype"]).reshape(shape)


def test_every_domain_is_drawn_as_it_is(run: Run, open_page: Open) -> None:
    app = healthy(open_page("masks", layer="1", projection="up_proj", sparsity="0.7"))
    weight = next(w for w in run.weights if str(w.key) == "1.mlp.up_proj")
    (_, masks), *_ = run_masks(run, PruneSpec(sparsity=0.7), weights=[weight])
    for index, domain in enumerate(run.domains):
        expected = block_view(masks[domain]).share
        np.testing.assert_array_equal(drawn(app, index), expected.astype(np.float32))


def test_zoom_cuts_out_a_window(run: Run, open_page: Open) -> None:
    app = healthy(open_page("masks", projection="up_proj", zoom="16 × 16 weights"))
    weight = next(w for w in run.weights if str(w.key) == "0.mlp.up_proj")
    (_, masks), *_ = run_masks(run, PruneSpec(), weights=[weight])
    rows, columns = weight.shape
    top, left = rows // 2 - 8, columns // 2 - 8
    expected = masks[run.domains[0]].unpack()[top : top + 16, left : left + 16]
    np.testing.assert_array_equal(drawn(app, 0), expected)


def test_every_chart_has_a_csv(run: Run, open_page: Open) -> None:
    app = healthy(open_page("masks", group="Whole matrix"))
    assert len(chart_names(app)) == len(app.get("plotly_chart")) == 2 + 1 + 3


def test_one_domain_only(run: Run, open_page: Open) -> None:
    app = healthy(open_page("masks", domains="prose"))
    assert "**code**" not in [text.value for text in app.markdown]
    assert "**prose**" in [text.value for text in app.markdown]


@pytest.mark.parametrize("compare", ["who keeps more", "where they differ"])
def test_two_domains(run: Run, open_page: Open, compare: str) -> None:
    app = healthy(open_page("masks", compare=compare))
    (_, masks), *_ = run_masks(run, PruneSpec())
    a, b = (masks[name].unpack() for name in run.domains)
    assert app.metric[0].value == f"{np.mean(a != b):.2%}"
    expected = a.astype(int) - b.astype(int) if compare == "who keeps more" else a != b
    np.testing.assert_array_equal(drawn(app, 2), expected.astype(np.float32))
