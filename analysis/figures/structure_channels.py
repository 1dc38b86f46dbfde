"""Figures of loud channels: how many times as loud on one domain as on another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress
from analysis.figures.overlap import layer_heatmap
from analysis.structure.channels import LoudChannel
from pruning.specs import WeightKey

ROW_HEIGHT, FRAME_HEIGHT = 26, 80  # pixels


def ratio_bars(channels: Sequence[LoudChannel], a: str, b: str, style: Look) -> Chart:
    """A bar for each channel, to the right where `a` is louder, to the left where `b` is.

    The axis is logarithmic: twice and half as loud are equally far from the middle.
    """
    paint = colours([a, b], style)
    position = [math.log2(each.ratio) for each in channels]
    names = [f"channel {each.channel}" for each in channels]
    figure = go.Figure(
        go.Bar(
            x=position,
            y=names,
            orientation="h",
            width=0.6,
            marker={"color": [paint[a] if x > 0 else paint[b] for x in position]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [math.log2(each.high / each.ratio) for each in channels],
                "arrayminus": [math.log2(each.ratio / each.low) for each in channels],
                "color": style.ink,
                "thickness": 1.3,
                "width": 4,
            },
            customdata=[
                [each.ratio, each.low, each.high, each.rms_a, each.rms_b] for each in channels
            ],
            hovertemplate=(
                f"<b>%{{y}}</b><br>{label(a)} / {label(b)}: %{{customdata[0]:.3g}} "
                "(%{customdata[1]:.3g} to %{customdata[2]:.3g})<br>"
                f"root mean square {label(a)} %{{customdata[3]:.3g}}, "
                f"{label(b)} %{{customdata[4]:.3g}}<extra></extra>"
            ),
        )
    )
    dress(figure, style, height=FRAME_HEIGHT + ROW_HEIGHT * max(len(channels), 3))
    ends = [math.log2(end) for each in channels for end in (each.low, each.high)]
    reach = math.ceil(max((abs(end) for end in ends), default=1.0))
    step = max(1, -(-reach // 4))
    ticks = range(-(reach // step) * step, reach + 1, step)
    figure.update_xaxes(
        title_text=f"times as loud: {label(b)} (left), {label(a)} (right)",
        range=[-reach * 1.02, reach * 1.02],
        tickvals=list(ticks),
        ticktext=[f"× {2 ** abs(tick)}" if tick else "equal" for tick in ticks],
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return Chart(
        figure=figure,
        table={
            "channel": [each.channel for each in channels],
            f"rms_{a}": [each.rms_a for each in channels],
            f"rms_{b}": [each.rms_b for each in channels],
            "ratio": [each.ratio for each in channels],
            "ratio_low": [each.low for each in channels],
            "ratio_high": [each.high for each in channels],
        },
        alt=f"The {len(channels)} channels whose loudness differs most between {label(a)} and "
        f"{label(b)}.",
    )


def largest_ratios(
    ratios: Mapping[WeightKey, Sequence[LoudChannel]], names: Mapping[WeightKey, str], style: Look
) -> Chart:
    """For every layer and input, how many times as loud its most different channel is.

    names: what an input is called, the same in every layer.
    """
    layers = sorted({key.layer for key in ratios})
    inputs = list(dict.fromkeys(names[key] for key in ratios))
    cells = np.full((len(layers), len(inputs)), np.nan)
    for key, channels in ratios.items():
        largest = max((max(each.ratio, 1 / each.ratio) for each in channels), default=1.0)
        cells[layers.index(key.layer), inputs.index(names[key])] = largest
    return layer_heatmap(
        layers, inputs, cells, style, "largest_ratio", "times as loud, the most different", ".1f"
    )
