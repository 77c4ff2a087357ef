"""Draw a plan over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, FaceTrack, FloatArray, IntArray, Plan, Waveform
from ..media import to_mono_16k
from ..metrics.score import SAMPLES_PER_FRAME, measure_level
from ..plan import RESYNC

_LOWEST_DB = -70.0
_GREEN = "#9fd8a4"
_COLORS = ("#d9534f", "#f0ad4e", "#8e8e8e", "#5b8fd6", "#b07cc6", "#8c6d46", "#e377c2")

_ROWS = 3
"""Windows are drawn in so many rows in turn, so that neighbours, which overlap, can be told apart."""


def draw_plan(plan: Plan, track: FaceTrack, speech: Waveform, path: Path) -> None:
    """Draw the level of the speech, reason and alpha of every frame, the head's turn, and the windows, as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), constrained_layout=True)
    FigureCanvasAgg(figure)
    panels = figure.subplots(4, 1, sharex=True, height_ratios=(3, 3, 2, 2))
    level, reasons, turn, windows = panels
    edges = np.append(plan.times, plan.duration)
    _draw_level(level, plan, edges, speech)
    _draw_reasons(reasons, plan, edges)
    turn.plot(plan.times, track.turn[plan.source], color="tab:blue", linewidth=1)
    turn.set(ylabel="turn of the\nhead, degrees", ylim=(0, 90))
    _draw_windows(windows, plan, edges)
    for axes in panels:
        for seconds in plan.times[_find_cuts(plan, track)].tolist():
            axes.axvline(seconds, color="black", linestyle="--", linewidth=1)
    windows.set(xlabel="seconds (dashed: another scene begins)", xlim=(0, plan.duration))
    figure.savefig(path, dpi=100)


def _draw_level(axes: Any, plan: Plan, edges: FloatArray, speech: Waveform) -> None:
    samples = to_mono_16k(speech)[round(plan.speech_start * SPEECH_RATE) :]
    count = min(len(samples), round(plan.duration * SPEECH_RATE)) // SAMPLES_PER_FRAME
    seconds = (np.arange(count) + 0.5) * SAMPLES_PER_FRAME / SPEECH_RATE
    level = measure_level(samples, count).clip(min=_LOWEST_DB)
    axes.fill_between(seconds, _LOWEST_DB, level, color="tab:orange", linewidth=0)
    for first, last in _find_stretches(~plan.speaks):
        axes.axvspan(edges[first], edges[last], color="#dddddd", linewidth=0, zorder=0)
    axes.set(ylabel="speech, dB\n(grey: no speech)", ylim=(_LOWEST_DB, 0))


def _draw_reasons(axes: Any, plan: Plan, edges: FloatArray) -> None:
    found = np.array(plan.reasons)
    others = sorted(set(plan.reasons) - {RESYNC})
    colors = {RESYNC: _GREEN} | {reason: _COLORS[i % len(_COLORS)] for i, reason in enumerate(others)}
    for reason, color in colors.items():
        bars = [
            (edges[first], edges[last] - edges[first]) for first, last in _find_stretches(found == reason)
        ]
        axes.broken_barh(bars, (0, 1), color=color, linewidth=0, label=reason)
    alpha = np.append(plan.strength, plan.strength[-1])
    axes.step(edges, alpha, where="post", color="black", linewidth=1, label="alpha")
    axes.set(ylabel="alpha of the\nnew mouth", ylim=(0, 1.02))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _draw_windows(axes: Any, plan: Plan, edges: FloatArray) -> None:
    spans = [(edges[w.frames[0]], edges[w.frames[-1] + 1] - edges[w.frames[0]]) for w in plan.windows]
    for row in range(_ROWS):
        axes.broken_barh(spans[row::_ROWS], (row + 0.1, 0.8), color="tab:blue", alpha=0.6, linewidth=0)
    axes.set(ylabel=f"{len(plan.windows)} windows", ylim=(_ROWS, 0), yticks=[])


def _find_cuts(plan: Plan, track: FaceTrack) -> IntArray:
    """Return the frames of the result that show another scene than the one before."""
    scene = np.searchsorted(track.cuts, plan.source, side="right")
    return np.flatnonzero(np.diff(scene)) + 1


def _find_stretches(inside: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches [first, last) in which all is True."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))
