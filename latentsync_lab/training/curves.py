"""The curves of a run as an image beside their numbers."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

TrainingCurve = dict[str, Any]
"""`steps` (their number), `losses` (name to means over equal parts of the steps) and `scores` (a dict each, their
keys may differ)."""


def draw_curve(curve: TrainingCurve, path: Path) -> None:
    """Draw losses (left) and scores (right) into a PNG; without matplotlib, say so once and leave it."""
    figure_class = _load_figure_class()
    if figure_class is None:
        return
    figure = figure_class(figsize=(11, 4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for name, values in curve["losses"].items():
        each = curve["steps"] / max(1, len(values))
        losses.plot([(k + 1) * each for k in range(len(values))], values, label=name)
    for name in dict.fromkeys(key for score in curve["scores"] for key in score if key != "step"):
        known = [(score["step"], score[name]) for score in curve["scores"] if name in score]
        scores.plot(*zip(*known, strict=True), label=name, marker=".")
    losses.set(title=f"{path.stem}: losses", xlabel="step", yscale="log")
    scores.set(title="on held-out data", xlabel="step")
    for plot in (losses, scores):
        if plot.lines:
            plot.legend()
    figure.savefig(path, dpi=90)


@cache
def _load_figure_class() -> Any:
    """Return matplotlib's Figure, which needs no display, or None."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        log.info("matplotlib is not installed, so curves are written as .json only.")
        return None
    return Figure
